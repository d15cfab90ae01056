"""SynthConfig: what `gyrosharp synth` makes, as pydantic models; unknown keys are refused.

Loaded only when a config is read: pydantic is slow to import.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gyrosharp.config_files import config_names, key_table, read_config

CONFIGS = "gyrosharp.datasets.synthesis"


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] <= bounds[1]:
        raise ValueError(f"expected [low, high], got {list(bounds)}")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
ShutterName = Literal[
    "global",
    "rolling_top_to_bottom",
    "rolling_bottom_to_top",
    "rolling_left_to_right",
    "rolling_right_to_left",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PicturePart(_Strict):
    """Which part of a photo becomes a sample."""

    size: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] = Field(
        default=(256, 256), description="width and height of a sample, px"
    )
    scale: Range = Field(default=(0.5, 1.0), description="photos are resized by a factor from this range, at most 1")
    crops_per_photo: int = Field(default=4, ge=1, description="samples in a row that come from one photo")
    flip: bool = Field(default=True, description="mirror half of the crops left to right")
    fill_depth: bool = Field(
        default=True, description="unknown depth takes the farther of its known neighbours in the row; else: far away"
    )


class CameraPart(_Strict):
    """The virtual camera that took the whole photo; a crop is a part of its image."""

    focal_ratio: Range = Field(default=(0.7, 1.2), description="focal length over the photo's longer side")
    distortion_k1: Range = Field(default=(0.0, 0.0), description="OpenCV's radial coefficient k1")


class ExposurePart(_Strict):
    """When the shutter is open."""

    duration_s: Range = Field(default=(0.02, 0.1), description="exposure time, s")
    readout_s: Range = Field(default=(0.0, 0.03), description="rolling-shutter readout of the whole photo, s")
    shutters: tuple[ShutterName, ...] = Field(
        default=("rolling_top_to_bottom",), min_length=1, description="directions to choose from"
    )
    reference: Literal["mid", "start"] = Field(default="mid", description="moment whose view the sharp picture shows")


class SourcePart(_Strict):
    """One source of motion."""

    kind: Literal["log", "tremor", "inertial", "constant", "trajectory"] = Field(
        description="log, tremor, inertial (gyro and accelerometer, with positions), constant, trajectory (poses)"
    )
    weight: float = Field(default=1.0, gt=0, description="how often it is drawn, relative to the others")
    files: tuple[str, ...] = Field(default=(), description="logs or pose files; those of --gyro are added to `log`")
    axes: str | None = Field(default=None, description="how the gyro lies in the camera, where the log is silent")
    preset: str | None = Field(default=None, description="of `tremor`: handheld (default), filming, vigorous or plain")
    rate_rad_s: tuple[float, float, float] | None = Field(default=None, description="of `constant`: fixed angular rate")
    velocity_m_s: tuple[float, float, float] | None = Field(default=None, description="of `constant`: fixed velocity")


class MotionPart(_Strict):
    """How the camera moves."""

    sources: tuple[SourcePart, ...] = Field(default=(SourcePart(kind="tremor"),), min_length=1, description="see below")
    trail_px: Range = Field(default=(0.0, 40.0), description="median trail length in the sample, px")
    turned: bool = Field(default=True, description="turn the motion about the optical axis at random")


class BlurPart(_Strict):
    """How the picture is blurred."""

    pose_spacing_px: float = Field(default=0.75, gt=0, le=4, description="trail length between two poses, px")
    fill: Literal["background", "inpaint"] = Field(default="background", description="what fills disocclusions")
    moving_objects: float = Field(default=0.0, ge=0, le=1, description="share of samples with an object that moves")
    object_speed_px: Range = Field(default=(5.0, 40.0), description="path of the object over the exposure, px")


class SensorPart(_Strict):
    """The camera's sensor and file format."""

    preset: Literal["none", "gaussian", "poisson", "rsblur", "phone"] = Field(
        default="phone", description="none, gaussian, poisson, rsblur or phone"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of SensorSettings that differ from it")


class ErrorPart(_Strict):
    """Errors of gyro and calibration in the noisy capture."""

    level: Range = Field(default=(0.0, 1.0), description="0 none, 1 realistic, 2 twice that")
    power: float = Field(
        default=1.0, gt=0, description="level = low + (high - low) u^power, u uniform: above 1 small errors prevail"
    )
    preset: Literal["phone", "gyrodeblurnet"] = Field(
        default="phone", description="phone, or gyrodeblurnet: noise at rest and a rotation centre anywhere"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of ErrorSettings that differ")


class FieldPart(_Strict):
    """The blur field that is stored."""

    stride: int = Field(default=8, ge=1, description="grid spacing, px")
    times: int = Field(default=17, ge=2, description="moments over the exposure")


class EncodingPart(_Strict):
    """One network input made from the field."""

    name: str = Field(description="camera_motion_field, bezier_heatmap, linear_kernel, vector_norm, mid_displacements")
    stride: int | None = Field(default=None, ge=1, description="grid spacing, px; the encoding's own if not given")
    options: dict[str, Any] = Field(default_factory=dict, description="of the encoding, e.g. {pairs: 16}")


class OutputPart(_Strict):
    """How samples are stored."""

    layout: str = Field(default="webdataset", description="webdataset, or the name of a data set format")
    split: str = Field(default="train", description="name of the subset in folder layouts")
    shard_size: int = Field(default=100, ge=1, description="samples per shard")
    on_error: Literal["skip", "refuse"] = Field(default="skip", description="what a bad photo or log does to the job")


class SynthConfig(_Strict):
    """Everything that decides how samples are made, but for photos, logs, seed and count."""

    description: str = ""
    picture: PicturePart = PicturePart()
    camera: CameraPart = CameraPart()
    exposure: ExposurePart = ExposurePart()
    motion: MotionPart = MotionPart()
    blur: BlurPart = BlurPart()
    sensor: SensorPart = SensorPart()
    errors: ErrorPart = ErrorPart()
    field: FieldPart = FieldPart()
    encodings: tuple[EncodingPart, ...] = ()
    physics: tuple[str, ...] = Field(
        default=(), description="what physics makes of the blurred picture under the noisy motion: estimate, ..."
    )
    refiner: str | None = Field(
        default=None,
        description="network whose result is the estimate, by its name or the path of its .onnx; none: the solver's",
    )
    output: OutputPart = OutputPart()


def named_configs() -> tuple[str, ...]:
    """Return the names of the configs that come with gyrosharp."""
    return config_names(CONFIGS)


def load_config(name: str, changes: tuple[str, ...] = ()) -> SynthConfig:
    """Read a config; see `gyrosharp.config_files.read_config`."""
    return read_config(SynthConfig, name, changes, CONFIGS, "docs/synthesis.md")


def config_reference() -> str:
    """Return all keys, their defaults and meanings as a Markdown table; docs/synthesis.md shows it."""
    return key_table(SynthConfig, {"motion.sources[].": SourcePart, "encodings[].": EncodingPart})
