"""Restoration and Diagnostics: what a deblurring returns, and what it has to say about it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture

Decision = Literal["deblurred", "left unchanged"]


@dataclass(frozen=True)
class BlurExtent:
    """Lengths of the trails over the image, px."""

    median: float
    max: float


@dataclass(frozen=True)
class ReblurResidual:
    """How badly an image, blurred by the recorded motion, fails to give back the photo.

    Root mean square of A u - B over the pixels that can be trusted, are lit from inside the image and lie on texture,
    in units of the noise's standard deviation.

    Attributes
    ----------
    before : float
        For u = B: the photo itself, blurred once more.
    after : float
        For the restored image; about 1 if motion, model and noise are right.
    """

    before: float
    after: float


@dataclass(frozen=True)
class Refinement:
    """What self-calibration found.

    Attributes
    ----------
    time_offset_s : float
        Added to IMU stamps to get camera time, after refinement.
    gyro_bias_rad_s : (float, float, float)
        Rate that was taken off the gyro, IMU frame.
    focal_factor : float
        Factor by which the focal lengths were multiplied.
    time_offset_std_s, gyro_bias_std_rad_s, focal_factor_std
        How sure that is: standard deviations, given what logs and cameras usually need.
    """

    time_offset_s: float
    gyro_bias_rad_s: tuple[float, float, float]
    focal_factor: float
    time_offset_std_s: float
    gyro_bias_std_rad_s: tuple[float, float, float]
    focal_factor_std: float


@dataclass(frozen=True)
class Diagnostics:
    """What was done to one photo, and how well it went.

    Attributes
    ----------
    method : str
        Solver or network.
    decision : {"deblurred", "left unchanged"}
        What came of it.
    reason : str
        Why, in plain words.
    blur_extent_px : BlurExtent or None
        Trail lengths; None where the motion is not known.
    noise_std : float
        Noise of the photo, linear, full scale 1.
    poses : int
        Camera poses over the exposure that the blur was modelled with; 0 where it was not.
    saturated_share : float
        Share of pixels that are too bright to be trusted, 0 to 1.
    reblur_residual : ReblurResidual or None
        None where nothing was solved.
    iterations : int or None
        Solver steps at full size; None for solvers without.
    tv_strength : float or None
        Weight of the total variation; None for solvers without.
    gyro_agreement : float or None
        How well image and gyro agree; None where it was not asked.
    refined : Refinement or None
        What self-calibration changed.
    tiles : int
        Parts that the photo was solved in.
    seconds : float
        Wall-clock time.
    notes : tuple of str
        What was assumed, in plain words.
    """

    method: str
    decision: Decision
    reason: str
    blur_extent_px: BlurExtent | None
    noise_std: float
    poses: int
    saturated_share: float = 0.0
    reblur_residual: ReblurResidual | None = None
    iterations: int | None = None
    tv_strength: float | None = None
    gyro_agreement: float | None = None
    refined: Refinement | None = None
    tiles: int = 1
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the same as a dict of str, float, int, list, dict and None; what is not finite becomes None."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        return plain

    def summary(self) -> str:
        """Return a few plain sentences."""
        sentences = [
            f"{self.decision.capitalize()} ({self.method}): {self.reason}.",
            self._extent_sentence(),
            self._fit_sentence(),
            self._refined_sentence(),
            f"{self.saturated_share:.1%} of the picture is too bright to be restored." * (self.saturated_share >= 1e-3),
        ]
        return " ".join(filter(None, sentences))

    def _extent_sentence(self) -> str:
        extent = self.blur_extent_px
        return "" if extent is None else f"Points are smeared over {extent.median:.1f} px (up to {extent.max:.1f} px)."

    def _fit_sentence(self) -> str:
        if self.reblur_residual is None:
            return ""
        before, after = self.reblur_residual.before, self.reblur_residual.after
        return (
            f"Blurred again like that, the result differs from the photo by {after:.1f} times the noise "
            f"(the untouched photo: {before:.1f})."
        )

    def _refined_sentence(self) -> str:
        if self.refined is None or self.decision == "left unchanged":
            return ""
        found = self.refined
        return (
            f"Gyro and camera were aligned: offset {found.time_offset_s * 1e3:+.1f} ms "
            f"(give or take {found.time_offset_std_s * 1e3:.1f}), "
            f"focal length x {found.focal_factor:.3f} ({found.focal_factor_std:.3f})."
        )


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored photo.

    Attributes
    ----------
    image : (H, W, C) float32 array, read-only
        Linear light, >= 0; values above 1 occur where the photo is saturated.
    diagnostics : Diagnostics
        What was done.
    capture : Capture or None
        The shot with the motion that was undone, after self-calibration; None where no camera's motion was.
    """

    image: NDArray[np.float32]
    diagnostics: Diagnostics
    capture: Capture | None = None

    def __post_init__(self) -> None:
        view = self.image.view()
        view.setflags(write=False)
        object.__setattr__(self, "image", view)


def mixed(
    restored: NDArray[np.float32], picture: NDArray[np.float32], strength: float | NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return `strength` parts of a restored photo (H, W, C) and 1 - `strength` of the photo, in linear light.

    The strength is a number or a map (H, W), in [0, 1].
    """
    if np.ndim(strength) == 0 and strength == 1.0:
        return restored
    share = np.asarray(strength, np.float32)[..., None]
    result = restored * share
    result += picture * (np.float32(1.0) - share)
    return result


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else None
