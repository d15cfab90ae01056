"""The shape of `*.capture.json` and `*.recording.json` files, as pydantic models; unknown keys are refused.

Loaded only when such a file is read or written: pydantic is slow to import.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gyrosharp.geometry.shutter import LATEST_NS

Row = tuple[float, float, float]

# Clocks may count from 1970; what is longer does not fit into stamps of 64 bits.
LONGEST_OFFSET_S = 4e9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, allow_inf_nan=False)


class CameraPart(_Strict):
    """Intrinsics of the image as stored."""

    width: int = Field(description="image width, px")
    height: int = Field(description="image height, px")
    fx: float = Field(description="horizontal focal length, px")
    fy: float = Field(description="vertical focal length, px")
    cx: float = Field(description="principal point x, px; (0, 0) is the centre of the top-left pixel")
    cy: float = Field(description="principal point y, px")
    distortion_model: Literal["none", "opencv", "opencv_fisheye"] = "none"
    distortion: list[float] = Field(default_factory=list, description="k1 k2 p1 p2 [k3 [k4 k5 k6]], or fisheye k1..k4")


class ExposurePart(_Strict):
    """When the image was exposed."""

    start_ns: int = Field(description="start of exposure of the first line, camera clock, ns")
    duration_s: float = Field(description="exposure time of a line, s")
    readout_s: float = Field(default=0.0, description="first line to one past the last, s")
    shutter: Literal[
        "global",
        "rolling_top_to_bottom",
        "rolling_bottom_to_top",
        "rolling_left_to_right",
        "rolling_right_to_left",
    ] = "rolling_top_to_bottom"


class ImuPart(_Strict):
    """The gyro log and how it is mounted."""

    file: str = Field(description="path of the log, relative to this file")
    R_cam_imu: tuple[Row, Row, Row] | str | None = Field(
        default=None, description="maps IMU vectors to camera vectors (det +1), or the name of a preset"
    )
    time_offset_s: float = Field(
        default=0.0, ge=-LONGEST_OFFSET_S, le=LONGEST_OFFSET_S, description="t_cam = t_imu + time_offset_s"
    )
    bias_rad_s: Row | None = Field(default=None, description="taken off every gyro sample, IMU frame, rad/s")
    format: str | None = Field(default=None, description="reader to use; null: recognised by content")
    gyro_unit: Literal["rad/s", "deg/s"] | None = Field(default=None, description="unit, if the format's own is wrong")


class TrajectoryPart(_Strict):
    """Known camera-to-world poses."""

    file: str = Field(description="TUM format, t_s tx ty tz qx qy qz qw, metres; relative to this file")
    clock: Literal["camera"] = "camera"


class CaptureDocument(_Strict):
    """One shot: image, camera, exposure and motion."""

    format: Literal["gyrosharp.capture/1"]
    image: str | None = Field(default=None, description="image or movie, relative to this file")
    frame: int | None = Field(default=None, ge=0, description="frame index, if image is a movie")
    camera: CameraPart
    exposure: ExposurePart
    imu: ImuPart | None = None
    trajectory: TrajectoryPart | None = None
    depth: str | None = Field(default=None, description="16-bit PNG in mm, or EXR / TIFF / NPY / PFM in metres")
    reference_ns: int | None = Field(
        default=None,
        ge=-LATEST_NS,
        le=LATEST_NS,
        description="moment whose view the sharp image and the depth map show, camera clock, ns; "
        "null: middle of the exposure of the middle row",
    )

    @model_validator(mode="after")
    def _one_motion(self) -> "CaptureDocument":
        if (self.imu is None) == (self.trajectory is None):
            raise ValueError("expected exactly one of imu and trajectory")
        return self


class ClocksPart(_Strict):
    """How the gyro lies in the camera, and its clock in the camera's."""

    R_cam_imu: tuple[Row, Row, Row] | str | None = Field(
        default=None, description="maps IMU vectors to camera vectors (det +1), or the name of a preset; null: as read"
    )
    time_offset_s: float | None = Field(
        default=None,
        ge=-LONGEST_OFFSET_S,
        le=LONGEST_OFFSET_S,
        description="t_cam = t_imu + time_offset_s; null: as read",
    )
    time_offset_std_s: float | None = Field(default=None, gt=0, description="one standard deviation; null: as read")
    clock_drift: float = Field(default=0.0, ge=-0.01, le=0.01, description="added: clock_drift * (t_imu - first t_imu)")
    bias_rad_s: Row | None = Field(default=None, description="taken off every gyro sample, IMU frame, rad/s")


class RecordingDocument(_Strict):
    """A movie or a folder of frames with what was found out about it."""

    format: Literal["gyrosharp.recording/1"]
    source: str = Field(description="movie or recording folder, relative to this file")
    gyro: str | None = Field(default=None, description="gyro log, relative to this file; null: the recording's own")
    imu_format: str | None = Field(default=None, description="reader of the log; null: recognised by content")
    gyro_unit: Literal["rad/s", "deg/s"] | None = Field(default=None, description="unit, if the format's own is wrong")
    frame_times: str | None = Field(default=None, description="file with one stamp per frame, relative to this file")
    camera: CameraPart | None = Field(default=None, description="intrinsics; null: the recording's own")
    exposure_s: float | None = Field(
        default=None, gt=0, le=60, description="exposure time of all frames; null: as recorded"
    )
    readout_s: float | None = Field(
        default=None, ge=0, le=1, description="first line to one past the last; null: as read"
    )
    shutter: str | None = Field(default=None, description="readout direction; null: as read")
    imu: ClocksPart = ClocksPart()
