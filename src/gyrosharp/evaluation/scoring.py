"""Scores of one result: encoded as people look at it, aligned where a benchmark asks for it, cut and masked."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.alignment import align
from gyrosharp.evaluation.best_shift import best_shift
from gyrosharp.evaluation.definition import MeasurePart
from gyrosharp.evaluation.metrics import find_metric
from gyrosharp.evaluation.shots import BenchmarkShot
from gyrosharp.media.transfer import LINEAR, SRGB

Image = NDArray[np.float32]
Plane = NDArray[np.floating]

# What a perfect result counts, dB: its PSNR is infinite, and so would be every mean with it.
PERFECT_DB = 100.0


def scores(image_linear: Image, shot: BenchmarkShot, measure: MeasurePart) -> dict[str, float]:
    """Return the scores of a result by metric; those that need a truth are left out where there is none.

    Raises
    ------
    UsageError
        If a metric is unknown, or none is left.
    ImageError
        If a metric cannot compare the pictures, or they cannot be registered.
    """
    chosen = [find_metric(name) for name in measure.metrics]
    chosen = [metric for metric in chosen if shot.truth_linear is not None or not metric.REFERENCE]
    if not chosen:
        raise UsageError(
            f"metrics: expected one that needs no truth for shots without, got {', '.join(measure.metrics)}; "
            "give --metrics niqe"
        )
    image, truth, mask = compared_parts(image_linear, shot, measure)
    found = {metric.NAME: metric.score(image, truth, mask if metric.MASKED else None) for metric in chosen}
    return {name: float(min(value, PERFECT_DB)) for name, value in found.items()}


def compared_parts(
    image_linear: Image, shot: BenchmarkShot, measure: MeasurePart
) -> tuple[Plane, Plane | None, Plane | None]:
    """Return encoded image, encoded truth and mask, as a benchmark compares them."""
    border = measure.border_px
    inside = slice(border, image_linear.shape[0] - border), slice(border, image_linear.shape[1] - border)
    image = _encoded(image_linear, measure)[inside]
    mask = None if shot.mask is None else shot.mask[inside]
    if shot.truth_linear is None:
        return image, None, mask
    truth = _encoded(shot.truth_linear, measure)[inside]
    if measure.align == "none":
        return image, truth, mask
    if measure.align == "levin":
        best = best_shift(image, truth)
        return best.image, best.truth, None
    found = align(image, truth, mask, homography=measure.align == "homography")
    return found.image, truth, found.mask


def _encoded(image_linear: Image, measure: MeasurePart) -> Image:
    curve = SRGB if measure.curve == "srgb" else LINEAR
    return np.asarray(curve.encode(np.clip(image_linear, 0.0, 1.0)), dtype=np.float32)
