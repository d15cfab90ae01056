"""Deblurring a photo: the one public call, and what stands behind a method's name."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError
from gyrosharp.media.image_file import ImageFile
from gyrosharp.restore.classical import ClassicalDeblurrer, Scene, checked_picture, with_steps
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, Restoration, mixed
from gyrosharp.restore.solvers import Facts, find_method, methods

if TYPE_CHECKING:
    from gyrosharp.restore.network import NetworkDeblurrer

__all__ = [
    "AUTO",
    "ClassicalDeblurrer",
    "Deblurrer",
    "SceneDeblurrer",
    "deblur",
    "deblur_uniform",
    "deblur_unknown",
    "deblurrer",
    "network_deblurrer",
    "scene_deblurrer",
]

Image = NDArray[np.float32]

AUTO = "auto"


class Deblurrer(Protocol):
    """Turns a photo and its motion into a Restoration.

    Attributes
    ----------
    name : str
        What a user calls it.
    remarks : tuple of str
        What holds for every photo, in plain words: a network says which weights it has, and what runs them.
    needs_motion : bool
        False for networks that see the photo alone; see `deblur_unknown`.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def remarks(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def needs_motion(self) -> bool: ...  # noqa: D102

    def deblur(
        self, capture: Capture, picture_linear: Image, progress: Progress | None = None, *, lossy: bool = False
    ) -> Restoration:
        """Deblur a photo (H, W, C) float32, linear light, `lossy` if an encoder has left its traces in it."""
        ...


class SceneDeblurrer(Deblurrer, Protocol):
    """A Deblurrer that checks nothing, and also takes what has been surveyed already, as video does."""

    def restore(self, scene: Scene, extent: BlurExtent, progress: Progress | None = None) -> Restoration:
        """Deblur a surveyed photo."""
        ...


def deblur(
    capture: Capture,
    method: str = AUTO,
    *,
    image: Image | ImageFile | None = None,
    strength: float = 1.0,
    tile: int | str = "auto",
    poses: int | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Remove the camera's motion from a photo.

    Parameters
    ----------
    capture : Capture
        Camera, exposure, motion and, unless `image` is given, where the photo is.
    method : str
        ``"auto"`` checks motion against photo, refines it, and leaves the photo alone where it would not gain; the
        others do as they are told: a solver (`gyrosharp.restore.solvers.methods`), a bundled network
        (`gyrosharp.restore.models.bundled_names`), or the path of another (``NAME.onnx`` or ``NAME.card.json``).
    image : (H, W, C) float32 array, ImageFile or None
        The photo in memory, linear light, C = 1 or 3; an array is taken as free of a lossy encoder's traces.
    strength : float
        0 keeps the photo, 1 gives the full result, in between they are mixed in linear light.
    tile : int or {"auto", "off"}
        Tile size, px; automatic tiles keep a solver's memory below 1.5 GB.
    poses : int or None
        Poses over the exposure, >= 1; None takes as many as the longest trail needs.
    progress : callable or None
        Told (done, total).

    Raises
    ------
    UsageError
        If method, strength, tile or poses are not as described.
    ImageError
        If the photo cannot be read, its size is not the camera's, or it holds NaN or infinity.
    ImuError, CaptureError
        If the motion does not cover the exposure.
    MissingComponentError, InputError
        If a network's files are not there, or cannot be used.
    """
    _require_strength(strength)
    if poses is not None and poses < 1:
        raise UsageError(f"poses: expected at least 1, got {poses}")
    worker = deblurrer(method, tile, poses)
    picture, lossy = _pixels(capture.read_image() if image is None else image)
    return _at_strength(worker.deblur(capture, picture, progress, lossy=lossy), picture, strength)


def deblurrer(method: str, tile: int | str = "auto", poses: int | None = None) -> Deblurrer:
    """Return what stands behind a method's name.

    Raises
    ------
    UsageError
        If the method is unknown, or `tile` is no tile size.
    MissingComponentError, InputError
        If a network's files are not there, or cannot be used.
    """
    if method == AUTO:
        from gyrosharp.restore.auto import AutoDeblurrer

        return AutoDeblurrer(tile=tile, poses=poses)
    return scene_deblurrer(method, tile, poses)


def scene_deblurrer(method: str, tile: int | str = "auto", poses: int | None = None) -> SceneDeblurrer:
    """Return the solver or network of a name, or the network of a file; see `deblurrer`."""
    if method in methods():
        return ClassicalDeblurrer(method, tile=tile, poses=poses)
    return network_deblurrer(method, tile)


def network_deblurrer(method: str, tile: int | str = "auto") -> "NetworkDeblurrer":
    """Return the bundled network of a name, or the network of a file; see `deblurrer`."""
    from gyrosharp.restore.models import bundled_names, find_model, is_model_path
    from gyrosharp.restore.network import NetworkDeblurrer

    if method not in bundled_names() and not is_model_path(method):
        known = ", ".join([AUTO, *sorted(methods()), *bundled_names()])
        raise UsageError(f"method: expected one of {known}, or a model's .onnx file, got {method!r}")
    return NetworkDeblurrer(find_model(method), tile)


def deblur_unknown(
    image: Image | ImageFile,
    method: str,
    *,
    strength: float = 1.0,
    tile: int | str = "auto",
    progress: Progress | None = None,
) -> Restoration:
    """Deblur a photo whose motion is not known, by a network that sees the photo alone.

    Parameters
    ----------
    image : (H, W, C) float32 array or ImageFile
        The photo, linear light, C = 1 or 3.
    method : str
        A bundled network, or the path of another.
    strength : float
        0 keeps the photo, 1 gives the full result.
    tile : int or {"auto", "off"}
        Tile size, px.
    progress : callable or None
        Told (done, total).

    Raises
    ------
    UsageError
        If the method is no network or needs the motion, or strength or tile are not as described.
    ImageError
        If the photo has other channels, or holds NaN or infinity.
    MissingComponentError, InputError
        If the network's files are not there, or cannot be used.
    """
    _require_strength(strength)
    worker = network_deblurrer(method, tile)
    picture, lossy = _pixels(image)
    return _at_strength(worker.deblur_unknown(picture, progress, lossy=lossy), picture, strength)


def deblur_uniform(
    image: Image | ImageFile,
    kernel: ArrayLike,
    method: str = "rl",
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Restoration:
    """Remove a known blur that is the same all over the photo.

    Parameters
    ----------
    image : (H, W, C) float32 array or ImageFile
        The photo, linear light, C = 1 or 3.
    kernel : (h, w) array
        Picture of a point light, in any unit; its own place is the middle.
    method : str
        A solver of `gyrosharp.restore.solvers`.
    strength : float
        0 keeps the photo, 1 gives the full result.
    progress : callable or None
        Told (done, total).

    Raises
    ------
    UsageError
        If method or strength are not as described.
    InputError
        If the kernel is no kernel.
    ImageError
        If the photo has other channels, or holds NaN or infinity.
    """
    from gyrosharp.blur.uniform import UniformOperator
    from gyrosharp.media.noise import estimate_noise, saturation_confidence
    from gyrosharp.restore.reblur import reblur_residual

    begun = time.perf_counter()
    _require_strength(strength)
    solver = find_method(method)
    pixels, lossy = _pixels(image)
    picture = checked_picture(pixels, pixels.shape[:2])
    operator = UniformOperator(kernel, picture.shape[:2])
    problem = Problem(picture, operator, estimate_noise(picture, lossy=lossy), saturation_confidence(picture))
    trail_px = 2.0 * operator.reach_px
    settings = solver.plan(Facts(problem.noise_std, float(picture.mean(dtype=np.float64)), trail_px), False)
    restored = solver.solve(problem, progress, settings, None)
    diagnostics = Diagnostics(
        method=method,
        decision="deblurred",
        reason="with the given kernel",
        blur_extent_px=BlurExtent(trail_px, trail_px),
        noise_std=problem.noise_std,
        poses=1,
        saturated_share=float((problem.confidence < 0.5).mean()),
        reblur_residual=reblur_residual(problem, restored),
        seconds=time.perf_counter() - begun,
    )
    return _at_strength(Restoration(restored, with_steps(diagnostics, settings)), picture, strength)


def _pixels(image: Image | ImageFile) -> tuple[Image, bool]:
    """Return a photo's pixels, and whether a lossy encoder has left its traces in them."""
    if isinstance(image, ImageFile):
        return image.pixels_linear, image.lossy
    return image, False


def _require_strength(strength: float) -> None:
    if not 0.0 <= strength <= 1.0:
        raise UsageError(f"strength: expected 0 to 1, got {strength:g}")


def _at_strength(result: Restoration, picture: Image, strength: float) -> Restoration:
    if result.diagnostics.decision == "left unchanged":
        return result
    if strength == 0.0:
        untouched = replace(result.diagnostics, decision="left unchanged", reason="strength 0 was asked")
        return Restoration(picture, untouched)
    return replace(result, image=mixed(result.image, picture, strength))
