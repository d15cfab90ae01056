"""Learned perceptual image patch similarity, by the package of its authors."""

from functools import cache
from typing import Any

from numpy.typing import ArrayLike

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics._plugins import colour, loaded, require_no_mask, with_weights

NAME = "lpips"
DESCRIPTION = "distance of AlexNet features, weighted to agree with people"
PAPER = "Zhang et al., CVPR 2018"
UNIT = ""
BETTER = "lower"
REFERENCE = True
MASKED = False
NEEDS = "lpips"


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return LPIPS (AlexNet, version 0.1 weights) of two stored pictures, 0 for equal ones.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first; sides of at least 32 px.
    mask : array, optional
        Not taken.

    Raises
    ------
    MissingComponentError
        If the package `lpips` is not installed, or its weights cannot be downloaded.
    UsageError, ImageError
        If a mask is given, there is no truth, or the pictures cannot be compared.
    """
    require_no_mask(NAME, mask)
    if truth is None:
        raise UsageError(f"{NAME}: expected the true picture, got none; give truth, or take a metric without reference")
    first, second = colour(NAME, image), colour(NAME, truth)
    if first.shape != second.shape:
        raise UsageError(f"{NAME}: expected pictures of one shape, got {first.shape} and {second.shape}")
    # The package's own conversion, (picture / factor - cent), takes [0, 1] to the [-1, 1] that its network expects.
    tensors = [loaded(NAME, "lpips").im2tensor(picture, cent=1.0, factor=0.5) for picture in (first, second)]
    return float(_model()(*tensors).item())


@cache
def _model() -> Any:  # noqa: ANN401
    return with_weights(NAME, lambda: loaded(NAME, "lpips").LPIPS(net="alex", verbose=False))
