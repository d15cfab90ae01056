"""GoPro movies: gyro, accelerometer, exposure times and electronic stabilisation from their GPMF track."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.layouts._frames import is_movie, movie_frames, unknown, unless_given
from gyrosharp.capture.layouts._gopro_clock import frame_values, gopro_clock
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import ImageError, ImuError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.gpmf import Entry, Payload, parse_payload
from gyrosharp.imu.gpmf_log import acceleration, stored_axes, track_of
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.movie import frame_times, movie_size
from gyrosharp.media.movie_telemetry import data_packets, movie_tracks, user_data

NAME = "gopro"
DEVICES = "GoPro HERO5 and later, MAX (single lens modes), Fusion"
FILES = "NAME.MP4 with a metadata track (GPMF)"

KIND = "gpmd"
_KEYS = ("GYRO", "ACCL", "SHUT", "ISOE", "ISOG", "SROT", "CORI", "IORI")
MAX_NOTES = 5
LONGEST_READOUT_S = 0.1
LONGEST_EXPOSURE_S = 60.0
# Quaternions are stored with 15 bits: an angle under this is none.
_TURN_RAD = 1e-3
# GoPro gives no lens model. Between the equidistant fisheye and its real lenses the focal length differs by some 10 %.
_FOCAL_SHARE = 0.1


def claims(path: Path) -> bool:
    """Return whether this is a movie with a GPMF track."""
    if not is_movie(path) or all(track.kind != KIND for track in movie_tracks(path)):
        return False
    try:
        return bool(data_packets(path, KIND, b"DEVC", limit=1))
    except ImageError:
        return False


def read(path: Path, known: Overrides) -> Recording:
    """Read a GoPro movie; a gyro log that the user gives takes the place of the camera's.

    Raises
    ------
    ImageError
        If the movie cannot be read or has no frames.
    ImuError
        If the log that was given, or the camera's, cannot be read.
    """
    frame_s = frame_times(path)
    if not frame_s.size:
        raise ImageError(f"{path}: expected a movie with frames, got none; is the file cut?")
    telemetry = _Telemetry.read(path)
    size_px = movie_size(path)
    imu, offset_s, std_s, clock_notes = telemetry.gyro(frame_s)
    if known.gyro is not None:
        imu, offset_s, std_s, clock_notes = known.read_imu(known.gyro), 0.0, None, ()
    elif imu is not None:
        imu = known.filtered(imu)
    camera, camera_note = telemetry.camera(*size_px)
    turns, turn_notes = telemetry.image_R_cam(frame_s)
    return Recording(
        source=path,
        layout=NAME,
        frames=movie_frames(path, frame_s.size),
        size_px=size_px,
        start_ns=np.rint(frame_s * 1e9).astype(np.int64),
        exposure_s=telemetry.exposure_s(frame_s),
        camera=camera,
        readout_s=telemetry.readout_s,
        imu=imu,
        R_cam_imu=None if imu is None else imu.R_cam_imu,
        time_offset_s=offset_s,
        offset_std_s=std_s,
        image_R_cam=turns,
        iso=telemetry.iso(frame_s),
        notes=(
            *clock_notes,
            *turn_notes,
            *telemetry.upside_down(),
            *unless_given((known.fx or known.camera, camera_note)),
        ),
    )


@dataclass(frozen=True)
class _Telemetry:
    """A movie's payloads with their times, s, and the settings of the recording."""

    path: Path
    payloads: list[tuple[float, Payload]]
    settings: Mapping[str, Entry]
    damage: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "_Telemetry":
        payloads: list[tuple[float, Payload]] = []
        damage: list[str] = []
        for k, packet in enumerate(data_packets(path, KIND)):
            try:
                payload = parse_payload(packet.data, f"{path}, GPMF payload {k}", _KEYS)
            except ImuError as error:
                damage.append(f"{error}; left out")
                continue
            damage += payload.notes
            payloads.append((packet.time_s, payload))
        settings = {key: entry for _, payload in reversed(payloads) for key, entry in payload.settings.items()}
        return cls(path, payloads, {**settings, **_global_settings(path)}, tuple(damage[:MAX_NOTES]))

    def iso(self, frame_s: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the ISO (F,) of each frame, NaN where it was not recorded; None if it is nowhere."""
        # ISOE is the ISO itself, ISOG of older cameras a gain over ISO 100.
        for key, unit in (("ISOE", 1.0), ("ISOG", 100.0)):
            track = track_of(self.payloads, key)
            if track is not None:
                return frame_values(track, frame_s)[:, 0] * unit
        return None

    def gyro(self, frame_s: NDArray[np.float64]) -> tuple[ImuRecording | None, float, float | None, tuple[str, ...]]:
        """Return the camera's gyro in the movie's clock, the time offset and its deviation (s), and notes."""
        track = track_of(self.payloads, "GYRO")
        if track is None or track.samples.shape[1] != 3:
            return None, 0.0, None, ("the metadata track has no gyroscope samples", *self.damage)
        clock = gopro_clock(track, self.payloads, frame_s)
        turn, axes_notes = stored_axes(track.head, self.text("MINF"))
        accel = acceleration(self.payloads, track.in_camera_clock().time_s, track, self.text("MINF"))
        raw = RawSamples(np.rint(clock.gyro_s * 1e9).astype(np.int64), track.samples @ turn.T, accel)
        source = f"{self.path} (GPMF)"
        # The note on axes is about what the log holds, the others about how it lies among the frames.
        imu = checked(
            raw, source=source, clock="movie", R_cam_imu=parse_axes("gopro"), notes=(*self.damage, *axes_notes)
        )
        return imu, clock.offset_s, clock.std_s, clock.notes

    def exposure_s(self, frame_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the exposure time (F,) of each frame, s, NaN where it was not recorded."""
        track = track_of(self.payloads, "SHUT")
        if track is None:
            return unknown(frame_s.size)
        values = frame_values(track, frame_s)[:, 0]
        return np.where((values > 0) & (values <= LONGEST_EXPOSURE_S), values, np.nan)

    @property
    def readout_s(self) -> float | None:
        """First row to one past the last, s (SROT, in ms: one value per recording, or per frame on the HERO7)."""
        track = track_of(self.payloads, "SROT")
        value_ms = self.number("SROT") if track is None else float(np.median(track.samples))
        return value_ms * 1e-3 if 0 < value_ms * 1e-3 <= LONGEST_READOUT_S else None

    def image_R_cam(self, frame_s: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
        """Return how stabilisation turned each frame (F, 3, 3) (IORI), None where it did not, and notes."""
        kind = self.text("EISA") or "unknown kind"
        on = self.text("EISE") == "Y" or kind not in ("unknown kind", "N", "NO", "N/A", "OFF")
        track = track_of(self.payloads, "IORI")
        if track is None or track.samples.shape[1] != 4:
            how = f"stabilised in the camera ({kind}) without a record of how each frame was turned (IORI)"
            return None, ((f"warning: {how}: the gyro may not fit the picture",) if on else ())
        turns = quaternion_matrices(frame_values(track, frame_s))
        if np.linalg.norm(turns - np.eye(3), axis=(1, 2)).max() < _TURN_RAD:
            return None, ()
        return turns, (f"stabilised in the camera ({kind}); frames turned as recorded (IORI)",)

    def camera(self, width: int, height: int) -> tuple[CameraModel | None, str]:
        """Return intrinsics from the recorded diagonal field of view (ZFOV), or None, and what was assumed."""
        angle_deg, mode = self.number("ZFOV"), self.text("VFOV")
        flat = mode in ("L", "LIN", "LINEAR")
        if not 0 < angle_deg < (180.0 if flat else 360.0):
            shown = f" but its mode ({mode})" if mode else ""
            return None, f"the movie tells nothing of the lens{shown}: the focal length is not known"
        half_px, half_rad = np.hypot(width, height) / 2, np.radians(angle_deg) / 2
        focal_px = float(half_px / (np.tan(half_rad) if flat else half_rad))
        lens = ("none", ()) if flat else ("opencv_fisheye", (0.0, 0.0, 0.0, 0.0))
        camera = CameraModel(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, *lens)
        shape = "straight-line" if flat else "equidistant fisheye"
        return camera, (
            f"focal length assumed: {focal_px:.0f} px, +-{_FOCAL_SHARE:.0%}, from the recorded diagonal field of view "
            f"({angle_deg:.0f} degrees, {shape} lens); a lens profile (--camera) is better"
        )

    def upside_down(self) -> tuple[str, ...]:
        """Return a warning if the camera was not held upright: whether the picture was turned is not recorded."""
        held = self.text("OREN")
        if held in ("", "U"):
            return ()
        return (f"warning: recorded with the camera turned (OREN {held}): if the picture was, its gyro axes differ",)

    def text(self, key: str) -> str:
        return self.settings[key].text if key in self.settings else ""

    def number(self, key: str) -> float:
        return self.settings[key].number() if key in self.settings else float("nan")


def quaternion_matrices(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotation matrices (N, 3, 3) from GoPro's quaternions (N, 4), w x y z; identity where they are none.

    CORI and IORI are in the camera axes of docs/conventions.md (x right, y down, z forward): CORI turns vectors of the
    world (the camera at the start of the recording) to the camera, IORI vectors of the camera to the picture. Checked
    on a GoPro Max clip: CORI's steps agree with the gyro to 0.01 % of their power, and CORI with IORI to the motion of
    the picture.
    """
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    good = np.isfinite(length) & (np.abs(length - 1) < 0.1)
    w, x, y, z = np.where(good, quaternions / np.where(good, length, 1.0), (1.0, 0.0, 0.0, 0.0)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.moveaxis(np.array(rows), -1, 0)


def _global_settings(path: Path) -> dict[str, Entry]:
    """Return the settings of the movie's header; none where they are missing or damaged."""
    data = user_data(path, "GPMF")
    if data is None:
        return {}
    try:
        return dict(parse_payload(data, str(path)).settings)
    except ImuError:
        return {}
