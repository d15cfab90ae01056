"""Recording: a sequence of frames, one camera, one gyro log."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras import CameraProfile, find_camera
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.capture.overrides import NOTHING_KNOWN, Overrides
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter, shutter_named
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.recording import ImuRecording

SYNCHRONISED_STD_S = 0.005


@dataclass(frozen=True, eq=False)
class Recording(Sequence[Capture]):
    """Frames of one camera with the gyro log that belongs to them; a sequence of captures.

    What the recording does not say is None (NaN in arrays). `missing` names what keeps its frames from being deblurred.
    IMU stamps become camera time by

        t_cam = t_imu + time_offset_s + clock_drift * (t_imu - t_imu[0]).

    Attributes
    ----------
    source : Path
        The movie or folder it was read from.
    layout : str
        Name of the layout (`gyrosharp.capture.layouts`) that read it.
    frames : tuple of ImageSource
        The pictures, in order of time; all frames of one movie, or image files.
    size_px : (width, height)
        Of the frames as stored, px.
    start_ns : (N,) int64 array
        Start of exposure of each frame's first line, camera clock, strictly increasing. Where the recording does not
        say what its stamps mean, they are taken as that, and the difference becomes part of the time offset.
    exposure_s : (N,) float64 array
        Exposure time of a line, s; NaN unknown.
    camera : CameraModel or None
        Intrinsics of the frames as stored.
    readout_s : float or None
        First line to one past the last, s.
    shutter : Shutter
        Readout direction of the frames as stored.
    imu : ImuRecording or None
        The gyro log, IMU clock.
    R_cam_imu : (3, 3) array or None
        Maps IMU vectors to camera vectors.
    time_offset_s : float
        See above.
    offset_std_s : float or None
        How well the offset is known, one standard deviation, s; None if the clocks have nothing to do with each other.
    clock_drift : float
        See above; parts per one.
    gyro_bias_rad_s : (3,) array or None
        Taken off every gyro sample, IMU frame.
    image_R_cam : (N, 3, 3) array or None
        Electronic stabilisation: how each stored frame was turned after it was taken; maps vectors of the camera to
        vectors of the frame as stored.
    lens_shift : LensShift or None
        Optical stabilisation, where it was recorded.
    iso : (N,) float64 array or None
        Sensitivity of each frame, NaN unknown.
    notes : tuple of str
        What was assumed, in plain words.
    read_with : Overrides
        With which log, reader and file of stamps it was read.

    Raises
    ------
    CaptureError
        If array lengths differ, there are no frames, or stamps do not strictly increase.
    """

    source: Path
    layout: str
    frames: tuple[ImageSource, ...]
    size_px: tuple[int, int]
    start_ns: NDArray[np.int64]
    exposure_s: NDArray[np.float64]
    camera: CameraModel | None = None
    readout_s: float | None = None
    shutter: Shutter = Shutter.TOP_TO_BOTTOM
    imu: ImuRecording | None = None
    R_cam_imu: NDArray[np.float64] | None = None
    time_offset_s: float = 0.0
    offset_std_s: float | None = SYNCHRONISED_STD_S
    clock_drift: float = 0.0
    gyro_bias_rad_s: NDArray[np.float64] | None = None
    image_R_cam: NDArray[np.float64] | None = None
    lens_shift: LensShift | None = None
    iso: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    read_with: Overrides = NOTHING_KNOWN

    def __post_init__(self) -> None:
        count = len(self.frames)
        start_ns = np.array(self.start_ns, dtype=np.int64)
        exposure_s = np.array(np.broadcast_to(np.asarray(self.exposure_s, dtype=np.float64), (count,)))
        if not count or start_ns.shape != (count,):
            raise CaptureError(f"{self.source}: expected one stamp per frame, got {start_ns.size} for {count} frames")
        if (np.diff(start_ns) <= 0).any():
            late = int(np.argmax(np.diff(start_ns) <= 0)) + 1
            raise CaptureError(f"{self.source}: expected increasing frame stamps, got one that is not at frame {late}")
        for array in (start_ns, exposure_s):
            array.setflags(write=False)
        object.__setattr__(self, "start_ns", start_ns)
        object.__setattr__(self, "exposure_s", exposure_s)

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> Capture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Capture]: ...
    def __getitem__(self, index: int | slice) -> Capture | list[Capture]:
        if isinstance(index, slice):
            return [self.capture(k) for k in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected a frame from 0 to {len(self) - 1}, got {index}")
        return self.capture(index % len(self))

    @property
    def movie(self) -> Path | None:
        """The movie that the frames are in; None where they are image files."""
        return None if self.frames[0].frame is None else self.frames[0].path

    @property
    def frame_rate_hz(self) -> float:
        """One over the median frame interval; NaN for a single frame."""
        return float(1e9 / np.median(np.diff(self.start_ns))) if len(self) > 1 else float("nan")

    @property
    def clocks_joined(self) -> bool:
        """Whether the time offset between gyro and frames is known at all."""
        return self.offset_std_s is not None

    def missing(self, index: int = 0) -> tuple[tuple[str, str], ...]:
        """Return what deblurring a frame lacks, as (what, how to give it) pairs."""
        lacks = (
            (self.imu is None, "gyro log", "-g GYRO"),
            (self.camera is None, "focal length", "--camera FILE or --fx PX"),
            (bool(np.isnan(self.exposure_s[index])), "exposure time", "--exposure-ms"),
            (self.R_cam_imu is None, "gyro axes", "--axes (`gyrosharp sync` finds them)"),
            (not self.clocks_joined, "time offset of gyro to frames", "--offset-ms (`gyrosharp sync` finds it)"),
        )
        return tuple((what, remedy) for lacking, what, remedy in lacks if lacking)

    def time_offset_at(self, time_ns: int) -> float:
        """Return t_cam - t_imu at a camera time, s: the offset with the clocks' drift."""
        if self.imu is None or self.clock_drift == 0.0:
            return self.time_offset_s
        since_s = (time_ns - int(self.imu.time_ns[0])) * 1e-9 - self.time_offset_s
        return self.time_offset_s + self.clock_drift * since_s / (1.0 + self.clock_drift)

    def exposure(self, index: int) -> Exposure:
        """Return when a frame was exposed; an unknown readout is taken as a global shutter.

        Raises
        ------
        CaptureError
            If the exposure time is not known.
        """
        duration_s = float(self.exposure_s[index])
        if np.isnan(duration_s):
            raise CaptureError(f"{self.source}: expected an exposure time, got none; give --exposure-ms")
        shutter = Shutter.GLOBAL if self.readout_s is None else self.shutter
        return Exposure(int(self.start_ns[index]), duration_s, self.readout_s or 0.0, shutter)

    def capture(self, index: int) -> Capture:
        """Return all that is known of one frame.

        Raises
        ------
        CaptureError
            If something that deblurring needs is missing; the message names all of it.
        """
        missing = self.missing(index)
        if missing or self.camera is None or self.R_cam_imu is None:
            whats, remedies = (", ".join(words) for words in zip(*missing, strict=True))
            raise CaptureError(f"{self.frames[index]}: expected {whats}, got none; give {remedies}")
        axes = self.R_cam_imu if self.image_R_cam is None else self.image_R_cam[index] @ self.R_cam_imu
        exposure = self.exposure(index)
        return Capture(
            self.camera,
            exposure,
            self.frames[index],
            self.imu,
            axes,
            self.time_offset_at(exposure.start_ns),
            gyro_bias_rad_s=self.gyro_bias_rad_s,
            lens_shift=self.lens_shift,
            notes=self.notes,
        )

    def overridden(self, known: Overrides) -> "Recording":
        """Return the recording with what the user gave in place of what it says.

        The gyro log and its format, unit and filter are the layout's business: `Overrides.read_imu`.

        Raises
        ------
        CaptureError
            If the camera profile is not known or cannot be read.
        """
        if known.camera is not None:
            return self._with_profile(find_camera(known.camera, *self.size_px)).overridden(replace(known, camera=None))
        width, height = self.size_px
        camera = self.camera
        if known.fx is not None:
            plain = CameraModel(width, height, known.fx, known.fx, (width - 1) / 2, (height - 1) / 2)
            camera = known.focused(plain if camera is None else camera)
        shift_ns = 0 if known.start_ns is None else known.start_ns - int(self.start_ns[0])
        has_offset = self.clocks_joined or known.offset_s is not None
        return replace(
            self,
            camera=camera,
            readout_s=self.readout_s if known.readout_s is None else known.readout_s,
            shutter=self.shutter if known.shutter is None else shutter_named(known.shutter),
            start_ns=self.start_ns + shift_ns,
            exposure_s=self.exposure_s if known.exposure_s is None else np.full(len(self), known.exposure_s),
            R_cam_imu=self.R_cam_imu if known.axes is None else parse_axes(known.axes),
            time_offset_s=self.time_offset_s + (known.offset_s or 0.0),
            offset_std_s=(self.offset_std_s or SYNCHRONISED_STD_S) if has_offset else None,
        )

    def _with_profile(self, profile: CameraProfile) -> "Recording":
        has_offset = profile.time_offset_s is not None
        return replace(
            self,
            camera=profile.camera,
            readout_s=self.readout_s if profile.readout_s is None else profile.readout_s,
            shutter=profile.shutter or self.shutter,
            R_cam_imu=self.R_cam_imu if profile.R_cam_imu is None else profile.R_cam_imu,
            time_offset_s=profile.time_offset_s if profile.time_offset_s is not None else self.time_offset_s,
            offset_std_s=SYNCHRONISED_STD_S if has_offset else self.offset_std_s,
            notes=(*self.notes, *profile.notes),
        )
