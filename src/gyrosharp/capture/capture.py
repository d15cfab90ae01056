"""Capture: image source, camera, exposure and motion of one shot."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.depth import read_depth
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.errors import CaptureError, ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import require_rotation
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.checks import CoverageReport, coverage, require_coverage
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.image_file import ImageFile, read_image
from gyrosharp.media.movie import read_frame

# Gyro samples kept on each side of the exposure: the rate spline has forgotten its end conditions after a few knots,
# and self-calibration moves the exposure by some tens of milliseconds.
MARGIN_SAMPLES = 32
# Where the log ends within or right after the exposure, its last rate is held this long beyond it: node grids look at
# lines a little outside the image.
HELD_NS = 2_000_000
MAX_OFFSET_S = 3600.0 * 24 * 365 * 100
AXES_FROM_LOG = "gyro axes taken from the log"


@dataclass(frozen=True)
class ImageSource:
    """Where the picture is: an image file, or one frame of a movie.

    Attributes
    ----------
    path : Path
        Image or movie file.
    frame : int or None
        Zero-based frame index in a movie; None for an image file.
    """

    path: Path
    frame: int | None = None

    def read(self) -> ImageFile:
        """Decode the picture to linear light.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        return read_image(self.path) if self.frame is None else read_frame(self.path, self.frame)

    def __str__(self) -> str:
        return str(self.path) if self.frame is None else f"{self.path}, frame {self.frame}"


@dataclass(frozen=True, eq=False)
class Capture:
    """All that is known of one shot.

    Attributes
    ----------
    camera : CameraModel
        Intrinsics of the image as stored.
    exposure : Exposure
        When it was exposed, camera clock.
    image : ImageSource or None
        The picture; None when only the motion is of interest.
    imu : ImuRecording or None
        The gyro log, IMU clock. Exactly one of `imu` and `poses` is given.
    R_cam_imu : (3, 3) array
        Maps IMU vectors to camera vectors; det +1.
    time_offset_s : float
        Added to IMU stamps to get camera time.
    poses : PoseTrajectory or None
        Known camera poses, camera clock.
    depth_file : Path or None
        Depth map at the reference time (see `gyrosharp.capture.depth`).
    depth_m : (H, W) float32 array or None
        The map itself, metres, NaN unknown, where it is in memory; goes before `depth_file`.
    reference_ns : int
        The moment whose view the sharp image shows, camera clock; the exposure's own reference time unless given.
    gyro_bias_rad_s : (3,) array or None
        Taken off every gyro sample, IMU frame.
    lens_shift : LensShift or None
        What an optical stabiliser did meanwhile, where it was recorded.
    notes : tuple of str
        What was assumed when the capture was built, in plain words.

    Raises
    ------
    CaptureError
        If both or neither of `imu` and `poses` are given, the axes are no rotation, or the offset is not finite.
    """

    camera: CameraModel
    exposure: Exposure
    image: ImageSource | None = None
    imu: ImuRecording | None = None
    R_cam_imu: NDArray[np.float64] | None = None
    time_offset_s: float = 0.0
    poses: PoseTrajectory | None = None
    depth_file: Path | None = None
    depth_m: NDArray[np.float32] | None = None
    reference_ns: int | None = None
    gyro_bias_rad_s: NDArray[np.float64] | None = None
    lens_shift: LensShift | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.imu is None) == (self.poses is None):
            raise CaptureError("capture: expected either an imu log or a trajectory, got both or neither; give one")
        if not abs(self.time_offset_s) < MAX_OFFSET_S:
            raise CaptureError(f"time_offset_s: expected a finite number of seconds, got {self.time_offset_s:g}")
        axes = np.eye(3) if self.R_cam_imu is None else self.R_cam_imu
        object.__setattr__(self, "R_cam_imu", require_rotation(axes))
        if self.gyro_bias_rad_s is not None:
            bias = np.asarray(self.gyro_bias_rad_s, dtype=np.float64)
            if bias.shape != (3,) or not np.isfinite(bias).all():
                raise CaptureError(f"gyro bias: expected three finite rates in rad/s, got {bias.tolist()}")
            object.__setattr__(self, "gyro_bias_rad_s", bias)
        if self.reference_ns is None:
            reference_ns = self.exposure.reference_ns(self.camera.width, self.camera.height)
            object.__setattr__(self, "reference_ns", reference_ns)

    @property
    def name(self) -> str:
        """Stem of the picture's name, for messages and output files."""
        if self.image is None:
            return "capture"
        stem = self.image.path.stem
        return stem if self.image.frame is None else f"{stem}_{self.image.frame:06d}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What holds for every shot of the recording: `notes`, and what reading the log changed or found."""
        return self.notes if self.imu is None else (*self.notes, *self.imu.notes)

    def coverage(self) -> CoverageReport | None:
        """Return how well the log covers the exposure; None where the poses are known."""
        return None if self.imu is None else coverage(self.imu, *self._span_imu_ns())

    def trajectory(self) -> PoseTrajectory:
        """Return the camera's poses around the exposure, in camera time.

        Gyro rates less their bias are turned into the camera frame by R_cam_imu, stamps moved by `time_offset_s`, and
        integrated.

        Raises
        ------
        ImuError
            If the log does not cover the exposure.
        """
        if self.poses is not None:
            return self.poses
        assert self.imu is not None and self.R_cam_imu is not None
        offset_ns = round(self.time_offset_s * 1e9)
        start_ns, end_ns = self._span_imu_ns()
        require_coverage(self.imu, start_ns, end_ns)
        window = self.imu.window(start_ns, end_ns, MARGIN_SAMPLES)
        if self.gyro_bias_rad_s is not None:
            window = window.minus_bias(self.gyro_bias_rad_s)
        stamps, rates = _held(window.time_ns, window.gyro_rad_s, start_ns - HELD_NS, end_ns + HELD_NS)
        return PoseTrajectory.from_gyro(stamps + offset_ns, rates @ self.R_cam_imu.T)

    def _span_imu_ns(self) -> tuple[int, int]:
        """Start and end of the exposure of the whole image, IMU clock."""
        start_ns, end_ns = self.exposure.span_ns
        offset_ns = round(self.time_offset_s * 1e9)
        return start_ns - offset_ns, end_ns - offset_ns

    def read_image(self) -> ImageFile:
        """Decode the picture and check that its size is the camera's.

        Raises
        ------
        ImageError
            If there is no picture, it cannot be read, or its size differs from the camera's.
        """
        if self.image is None:
            raise ImageError("capture: expected an image, got none; name one in the capture file")
        picture = self.image.read()
        height, width = picture.pixels_linear.shape[:2]
        if (width, height) != (self.camera.width, self.camera.height):
            raise ImageError(
                f"{self.image}: expected {self.camera.width} x {self.camera.height} px as the camera says, "
                f"got {width} x {height}; scale the camera or take the original image"
            )
        return picture

    def depth(self) -> NDArray[np.float32] | None:
        """Return the depth map (H, W) in metres, NaN unknown; None without one.

        Raises
        ------
        CaptureError
            If it cannot be read, or its size is not the camera's.
        """
        camera = self.camera
        if self.depth_m is None:
            return None if self.depth_file is None else read_depth(self.depth_file, camera.width, camera.height)
        if self.depth_m.shape != (camera.height, camera.width):
            raise CaptureError(
                f"depth: expected a map of {camera.width} x {camera.height} px like the image, "
                f"got shape {self.depth_m.shape}"
            )
        return self.depth_m

    def scaled(self, width: int, height: int) -> "Capture":
        """Return the capture of the image resized to width x height; depth takes the nearest pixel."""
        depth = self.depth()
        if depth is not None:
            # Never interpolated: between two surfaces there is none.
            rows = ((np.arange(height) + 0.5) * self.camera.height / height).astype(int)
            columns = ((np.arange(width) + 0.5) * self.camera.width / width).astype(int)
            depth = depth[rows[:, None], columns]
        shift = self.lens_shift
        if shift is not None:
            shift = shift.scaled(width / self.camera.width, height / self.camera.height)
        camera = self.camera.scaled(width, height)
        return replace(self, camera=camera, depth_m=depth, depth_file=None, lens_shift=shift)

    def cropped(self, x0: int, y0: int, width: int, height: int) -> "Capture":
        """Return the capture of a sub-image: lines keep their exposure times, and the reference time stays."""
        camera, exposure = self.camera, self.exposure
        full_lines = camera.width if exposure.shutter.is_vertical else camera.height
        lines = width if exposure.shutter.is_vertical else height
        corner = [x0, y0] if exposure.shutter.value.endswith(("bottom", "right")) else [x0 + width - 1, y0 + height - 1]
        skipped_s = exposure.readout_s * float(exposure.line_fraction(corner, camera.width, camera.height))
        depth = self.depth()
        return replace(
            self,
            camera=camera.cropped(x0, y0, width, height),
            depth_m=None if depth is None else np.ascontiguousarray(depth[y0 : y0 + height, x0 : x0 + width]),
            depth_file=None,
            exposure=replace(
                exposure,
                start_ns=exposure.start_ns + round(skipped_s * 1e9),
                readout_s=exposure.readout_s * lines / full_lines,
            ),
        )


def _held(
    stamps: NDArray[np.int64], rates: NDArray[np.float64], start_ns: int, end_ns: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Continue a log to [start_ns, end_ns] with the rates of its ends, where it is shorter."""
    before, after = stamps[0] > start_ns, stamps[-1] < end_ns
    if not (before or after):
        return stamps, rates
    pad = ((int(before), int(after)),)
    stamps = np.pad(stamps, pad[0], constant_values=(start_ns, end_ns))
    return stamps, np.pad(rates, (*pad, (0, 0)), mode="edge")
