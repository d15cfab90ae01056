"""Random outlines, and the soft-edged masks they make."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Array = NDArray[np.float64]

SHAPES = ("ellipse", "polygon", "blob")
_VERTICES = 96
# Outlines are drawn this much larger and averaged down: an edge 1 px wide, in steps of 1/64.
_OVERSAMPLING = 8


def random_outline(rng: np.random.Generator) -> Array:
    """Return the vertices (N, 2), (x, y), of a random shape about the origin, within the unit circle.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the kind of shape (ellipse, polygon, blob), its proportions and its direction.
    """
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    turn, ratio = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.0)
    if shape == "polygon":
        corners = int(rng.integers(3, 8))
        # One corner in each of equal sectors: no crossing edges, no slivers.
        angle = (np.arange(corners) + rng.uniform(0.2, 0.8, corners)) * 2 * np.pi / corners
        radius = rng.uniform(0.6, 1.0, corners)
    else:
        angle = np.arange(_VERTICES) * 2 * np.pi / _VERTICES
        radius = np.ones(_VERTICES) if shape == "ellipse" else _wobble(rng, angle)
    points = radius[:, None] * np.stack([np.cos(angle), ratio * np.sin(angle)], axis=-1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(points @ rotation.T, dtype=np.float64)


def _wobble(rng: np.random.Generator, angle: Array) -> Array:
    """A smooth closed radius in (0, 1]: a few harmonics, weaker the faster they are."""
    order = np.arange(2, 7)
    strength = rng.uniform(0.0, 0.6, order.size) / order
    wave = 1.0 + (strength * np.cos(order * angle[:, None] + rng.uniform(0, 2 * np.pi, order.size))).sum(axis=1)
    return np.asarray(np.maximum(wave, 0.2) / wave.max(), dtype=np.float64)


def rasterised(outline_px: Array) -> Image:
    """Return how much of each pixel a polygon covers: (S, S) float32 in [0, 1], an empty border all around.

    Parameters
    ----------
    outline_px : (N, 2) array
        Vertices (x, y) relative to the middle of the square, px.
    """
    import cv2

    side = 2 * int(np.ceil(np.abs(outline_px).max())) + 2
    fine = np.zeros((side * _OVERSAMPLING,) * 2, np.uint8)
    # Pixel u of the square covers the fine pixels k with (k + 0.5) / 8 - 0.5 in [u - 0.5, u + 0.5].
    vertices = (outline_px + side / 2) * _OVERSAMPLING - 0.5
    cv2.fillPoly(fine, [np.rint(vertices).astype(np.int32)], 255)
    coverage = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(coverage, dtype=np.float32) / np.float32(255)
