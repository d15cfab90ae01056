"""The shape of a camera file (``gyrosharp.camera/1``), as a pydantic model; unknown keys are refused.

Loaded only when such a file is read or its schema is asked for: pydantic is slow to import.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gyrosharp.capture.schema import CameraPart, Row

FORMAT = "gyrosharp.camera/1"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)


class GyroNoisePart(_Strict):
    """Noise of the gyro at rest."""

    white_rad_s_rthz: float | None = Field(default=None, ge=0, description="density of the white noise, rad/s/sqrt(Hz)")
    bias_instability_rad_s: float | None = Field(default=None, ge=0, description="lowest Allan deviation, rad/s")
    random_walk_rad_s2_rthz: float | None = Field(
        default=None, ge=0, description="density of the noise that drives the bias, rad/s^2/sqrt(Hz)"
    )


class CameraDocument(_Strict):
    """A camera and what was found out about it."""

    format: Literal["gyrosharp.camera/1"]
    name: str = Field(default="", description="what to call it; empty: the file's name")
    camera: CameraPart
    readout_s: float | None = Field(
        default=None, ge=0, le=1, description="first line to one past the last; null: unknown"
    )
    shutter: (
        Literal[
            "global",
            "rolling_top_to_bottom",
            "rolling_bottom_to_top",
            "rolling_left_to_right",
            "rolling_right_to_left",
        ]
        | None
    ) = Field(default=None, description="readout direction of the picture as stored; null: unknown")
    R_cam_imu: tuple[Row, Row, Row] | str | None = Field(
        default=None, description="maps IMU vectors to camera vectors (det +1), or the name of a preset; null: unknown"
    )
    time_offset_s: float | None = Field(default=None, description="t_cam = t_imu + time_offset_s; null: unknown")
    gyro_noise: GyroNoisePart | None = Field(default=None, description="noise of the gyro at rest; null: unknown")
    source: str = Field(default="", description="where the numbers come from")
    uncertainty: str = Field(default="", description="how good they are")
    notes: list[str] = Field(default_factory=list, description="what whoever uses the camera is told")
