"""Overrides: what the user knows better than the recording, and how it enters a capture."""

from dataclasses import dataclass, replace
from pathlib import Path

from gyrosharp.capture.cameras import CameraProfile, find_camera
from gyrosharp.capture.capture import Capture
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, shutter_named
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.filtering import low_passed
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording


@dataclass(frozen=True)
class Overrides:
    """What the user knows better than the recording; None keeps what the recording says.

    Attributes
    ----------
    gyro : Path or None
        Gyro log, for a movie or frames that come without one, or in place of theirs.
    frame_times : Path or None
        File with one stamp per frame, for a folder of frames; see `gyrosharp.capture.layouts.frames`.
    camera : str or None
        Camera file or name of a camera profile, see `gyrosharp.capture.cameras`.
    fx, fy : float or None
        Focal lengths, px of the image as stored; fy defaults to fx.
    axes : str or None
        Preset name or letters for R_cam_imu, see `gyrosharp.imu.axes`.
    exposure_s, readout_s : float or None
        Exposure time and readout time, s.
    shutter : str or None
        Readout direction.
    start_ns : int or None
        Start of exposure of the first line, camera clock.
    offset_s : float or None
        Added to the IMU stamps on top of what the recording says; where that is nothing, this joins the clocks, 0 too.
    imu_format : str or None
        Reader to use.
    gyro_unit : str or None
        "rad/s" or "deg/s", where the format's own unit is wrong.
    low_pass_hz : float or None
        Cutoff of a low-pass filter over the rates.
    """

    gyro: Path | None = None
    frame_times: Path | None = None
    camera: str | None = None
    fx: float | None = None
    fy: float | None = None
    axes: str | None = None
    exposure_s: float | None = None
    readout_s: float | None = None
    shutter: str | None = None
    start_ns: int | None = None
    offset_s: float | None = None
    imu_format: str | None = None
    gyro_unit: str | None = None
    low_pass_hz: float | None = None

    def read_imu(self, path: Path) -> ImuRecording:
        """Read a gyro log with the reader and the unit that were given, low-passed if that was asked for."""
        return self.filtered(read_imu(path, self.imu_format, self.gyro_unit))

    def filtered(self, imu: ImuRecording) -> ImuRecording:
        """Return a log low-passed, if that was asked for."""
        return imu if self.low_pass_hz is None else low_passed(imu, self.low_pass_hz)

    def focused(self, camera: CameraModel) -> CameraModel:
        """Return a camera with the focal lengths that were given."""
        if self.fx is None:
            return camera
        return replace(camera, fx=self.fx, fy=self.fx if self.fy is None else self.fy)


NOTHING_KNOWN = Overrides()


def overridden(capture: Capture, known: Overrides) -> Capture:
    """Return a capture with what the user gave in place of what its file says."""
    own_ns = capture.exposure.reference_ns(capture.camera.width, capture.camera.height)
    # A reference time that was given is kept; the exposure's own one follows the exposure.
    reference_ns = None if capture.reference_ns == own_ns else capture.reference_ns
    if known.camera is not None:
        capture = _with_profile(capture, find_camera(known.camera, capture.camera.width, capture.camera.height))
    exposure = Exposure(
        capture.exposure.start_ns if known.start_ns is None else known.start_ns,
        capture.exposure.duration_s if known.exposure_s is None else known.exposure_s,
        capture.exposure.readout_s if known.readout_s is None else known.readout_s,
        capture.exposure.shutter if known.shutter is None else shutter_named(known.shutter),
    )
    return replace(
        capture,
        camera=known.focused(capture.camera),
        exposure=exposure,
        imu=None if capture.imu is None else known.filtered(capture.imu),
        R_cam_imu=capture.R_cam_imu if known.axes is None else parse_axes(known.axes),
        time_offset_s=capture.time_offset_s + (known.offset_s or 0.0),
        reference_ns=reference_ns,
    )


def _with_profile(capture: Capture, profile: CameraProfile) -> Capture:
    exposure = capture.exposure
    return replace(
        capture,
        camera=profile.camera,
        exposure=replace(
            exposure,
            readout_s=exposure.readout_s if profile.readout_s is None else profile.readout_s,
            shutter=profile.shutter or exposure.shutter,
        ),
        R_cam_imu=capture.R_cam_imu if profile.R_cam_imu is None else profile.R_cam_imu,
        time_offset_s=capture.time_offset_s if profile.time_offset_s is None else profile.time_offset_s,
        notes=(*capture.notes, *profile.notes),
    )
