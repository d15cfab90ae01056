"""Benchmark: which shots are measured and how, as pydantic models; unknown keys are refused.

Loaded only when a benchmark is read: pydantic is slow to import.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gyrosharp.config_files import config_names, key_table, read_config

CONFIGS = "gyrosharp.evaluation"
DOCS = "docs/evaluation.md"


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0.0 <= bounds[0] <= bounds[1]:
        raise ValueError(f"expected [low, high] with 0 <= low <= high, got {list(bounds)}")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhotoPart(_Strict):
    """Sharp photos that are shaken."""

    folder: str | None = Field(default=None, description="folder of photos, or a data set with truths; null: `bundled`")
    format: str | None = Field(default=None, description="data set format of the folder, where it is not recognised")
    bundled: tuple[str, ...] = Field(default=(), description="names of scikit-image's photos, instead of a folder")
    side_px: int | None = Field(default=None, ge=64, description="take a square of this side from the middle")
    margin_px: int = Field(
        default=0, ge=0, description="border that is cut off after blurring: its light has entered the picture"
    )
    shots_per_photo: int = Field(default=1, ge=1, description="shots of each photo, every one with its own motion")


class MotionPart(_Strict):
    """How the camera moves: windows of gyro logs, or a simulated hand."""

    logs: tuple[str, ...] = Field(default=(), description="gyro logs; a log is drawn by its length, then a window")
    axes: str | None = Field(default=None, description="how the gyro lies in the camera, where a log does not say")
    tremor: str | None = Field(default=None, description="simulated hand: handheld, filming, vigorous or plain")
    trail_px: Range = Field(default=(8.0, 28.0), description="median trail length, drawn log-uniformly, px")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.logs) == (self.tremor is not None):
            raise ValueError("expected either logs or tremor, got both or neither")
        if self.trail_px[0] <= 0.0:
            raise ValueError(f"trail_px: expected a range above 0, got {list(self.trail_px)}")
        return self


class CameraPart(_Strict):
    """The virtual camera and its file."""

    exposure_s: Range = Field(default=(0.03, 0.07), description="exposure time, drawn uniformly, s")
    readout_s: float = Field(default=0.018, ge=0, le=1, description="rolling-shutter readout of the whole photo, s")
    focal_ratio: float = Field(default=0.8, gt=0, le=10, description="focal length over the photo's longer side")
    noise_std: float = Field(default=0.01, ge=0, le=1, description="Gaussian noise of the encoded picture")
    bits: int = Field(default=8, ge=0, le=16, description="bits that codes are rounded to; 0: not rounded")


class CasePart(_Strict):
    """What is done to picture and capture after the shutter closed."""

    description: str = Field(default="", description="for tables")
    gyro_noise_rad_s: float = Field(default=0.0, ge=0, description="white noise of every rate, rad/s")
    gyro_bias_rad_s: float = Field(default=0.0, ge=0, description="bias of this size in a random direction, rad/s")
    time_offset_s: float = Field(default=0.0, ge=0, le=1, description="error of the time offset, sign at random, s")
    focal_error: float = Field(default=0.0, ge=0, lt=1, description="relative error of focal length, sign at random")
    gyro: Literal["own", "other"] = Field(default="own", description="`other`: that of another shot, shaken as much")
    picture: Literal["shaken", "sharp", "defocused"] = Field(
        default="shaken", description="`sharp`: the log shakes, the picture does not; `defocused`: blurred by a disc"
    )
    defocus_px: Range = Field(default=(1.5, 8.0), description="radius of that disc, px")
    trail_px: Range | None = Field(default=None, description="instead of motion.trail_px")
    jpeg_quality: int | None = Field(default=None, ge=1, le=100, description="store the photo as such a JPEG")


class StoredPart(_Strict):
    """Shots that exist already: a data set with blurred pictures."""

    folder: str = Field(description="root of the data set")
    format: str | None = Field(default=None, description="its format, where it is not recognised")
    options: dict[str, str | float | None] = Field(default_factory=dict, description="options of the format")
    split: str | None = Field(default=None, description="subset")


class MeasurePart(_Strict):
    """How results are compared with the truth."""

    metrics: tuple[str, ...] = Field(default=("psnr", "ssim"), min_length=1, description="names; the first ranks")
    curve: Literal["srgb", "linear"] = Field(default="srgb", description="in which codes pictures are compared")
    align: Literal["none", "shift", "homography", "levin"] = Field(
        default="none",
        description="register results to the truth first; `levin`: best of the quarter-pixel shifts up to 5 px, and "
        "15 px of border off",
    )
    border_px: int = Field(default=0, ge=0, description="border that does not count, px")


class Benchmark(_Strict):
    """Everything that decides shots and scores, but for where the data lies."""

    name: str = Field(description="for tables")
    description: str = Field(default="", description="for tables")
    seed: int = Field(default=0, ge=0, description="the same seed makes the same shots")
    photos: PhotoPart | None = None
    motion: MotionPart | None = None
    camera: CameraPart = CameraPart()
    cases: dict[str, CasePart] = Field(default={"exact": CasePart()}, min_length=1)
    stored: StoredPart | None = None
    measure: MeasurePart = MeasurePart()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        made = self.photos is not None and self.motion is not None
        if made == (self.stored is not None) or (self.photos is None) != (self.motion is None):
            raise ValueError("expected photos and motion, or stored, got another mixture")
        if self.photos is not None and (self.photos.folder is None) == (not self.photos.bundled):
            raise ValueError("photos: expected a folder or bundled names, got both or neither")
        return self


def benchmarks() -> tuple[str, ...]:
    """Return the names of the benchmarks that come with gyrosharp."""
    return config_names(CONFIGS)


def load_benchmark(name: str, changes: tuple[str, ...] = ()) -> Benchmark:
    """Read a benchmark; see `gyrosharp.config_files.read_config`."""
    return read_config(Benchmark, name, changes, CONFIGS, DOCS)


def benchmark_reference() -> str:
    """Return all keys, their defaults and meanings as a Markdown table; docs/evaluation.md shows it."""
    parts: dict[str, type[BaseModel]] = {
        "photos.": PhotoPart,
        "motion.": MotionPart,
        "cases.NAME.": CasePart,
        "stored.": StoredPart,
    }
    return key_table(Benchmark, parts)
