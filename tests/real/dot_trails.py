"""Measures the trails of soft discs in a picture: the curve that, drawn with the disc, gives the picture back.

A trail is a quadratic curve about its own middle, r(u) = (u - 1/2) chord + 4 ((u - 1/2)^2 - mean) bend, with time
u in (0, 1). A bend along the chord is a change of speed, one across it a change of direction.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.special import ndtr

RADIUS = 14
MOMENTS = 17
PHASES = (np.arange(MOMENTS) + 0.5) / MOMENTS
Y, X = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1].astype(np.float64)
# Trails are started in directions all round, so that the gyro has no say in what is measured.
START_LENGTH_PX = 8.0
STARTS = 8


@dataclass(frozen=True)
class Trails:
    """Measured trails (dots, MOMENTS, 2) px about their middles, and what all dots share."""

    points: np.ndarray
    centres: np.ndarray
    disc_radius_px: float
    softness_px: float
    rms: float


def dot_patches(image, dots):
    """Patches (dots, 29, 29) about the dots, ground taken off, brightest point 1."""
    cut = [image[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1].astype(np.float64) for x, y in dots]
    flat = [
        p - np.median(np.concatenate([p[:3].ravel(), p[-3:].ravel(), p[:, :3].ravel(), p[:, -3:].ravel()])) for p in cut
    ]
    return np.array([p / p.max() for p in flat])


def curve(chord, bend):
    u = PHASES - 0.5
    return u[:, None] * chord + 4 * (u**2 - np.mean(u**2))[:, None] * bend


def draw(track, centre, radius, softness):
    """A disc moved along a track: its edge is a step smoothed by a Gaussian of `softness` (optics, demosaicing)."""
    x, y = (grid - centre[k] - track[:, k, None, None] for k, grid in enumerate((X, Y)))
    return ndtr((radius - np.hypot(x, y)) / softness).mean(axis=0)


def _residual(q, patch, disc):
    return (patch - q[0] * draw(curve(q[3:5], q[5:7]), q[1:3], *disc)).ravel()


def _centroid(patch):
    weight = np.where(patch < 0.15, 0.0, patch)
    return np.array([(weight * X).sum(), (weight * Y).sum()]) / weight.sum()


def _best_start(patch, disc):
    angles = np.arange(STARTS) * 2 * np.pi / STARTS
    starts = [[1.2, *_centroid(patch), *START_LENGTH_PX * np.array([np.cos(a), np.sin(a)]), 0.0, 0.0] for a in angles]
    fits = [least_squares(_residual, q, args=(patch, disc), max_nfev=15) for q in starts]
    return min(fits, key=lambda fit: fit.cost).x


def measure_trails(patches):
    """Fit all dots together: seven numbers per dot (height, place, chord, bend) and one disc for all."""
    count, size = len(patches), X.size
    disc = np.array([5.5, 1.3])
    start = np.concatenate([disc, *(_best_start(patch, disc) for patch in patches)])
    touched = lil_matrix((count * size, start.size), dtype=int)
    touched[:, :2] = 1
    for i in range(count):
        touched[i * size : (i + 1) * size, 2 + 7 * i : 9 + 7 * i] = 1

    def residual(v):
        return np.concatenate([_residual(q, p, v[:2]) for q, p in zip(v[2:].reshape(-1, 7), patches, strict=True)])

    fit = least_squares(residual, start, jac_sparsity=touched, x_scale="jac", max_nfev=40)
    numbers = fit.x[2:].reshape(-1, 7)
    points = np.array([curve(q[3:5], q[5:7]) for q in numbers])
    return Trails(points, numbers[:, 1:3], fit.x[0], fit.x[1], float(np.sqrt(np.mean(fit.fun**2))))


def distances(measured, predicted):
    """Distance (dots, MOMENTS) px between two trails at equal times; a picture does not tell start from end."""
    ways = np.stack([np.linalg.norm(way - predicted, axis=-1) for way in (measured, measured[:, ::-1])])
    return ways[np.argmin(np.mean(ways**2, axis=-1), axis=0), np.arange(len(measured))]


def ridge(patch, direction):
    """Centre line and half-height length along a direction: (offsets (17,), weights (17,), length_px); no model in it.

    The offset at s is the intensity-weighted mean position across the direction within about a pixel of s.
    """
    centre, stations = _centroid(patch), np.arange(-8.0, 9.0)
    x, y = X - centre[0], Y - centre[1]
    along, across = x * direction[0] + y * direction[1], y * direction[0] - x * direction[1]
    window = np.exp(-0.5 * ((along - stations[:, None, None]) / 0.7) ** 2) * np.clip(patch, 0.0, None)
    window = window * (patch > 0.15)
    mass = window.sum(axis=(1, 2))
    fine = np.linspace(-12, 12, 481)
    profile = np.interp(fine, stations, mass / mass.max())
    return (window * across).sum(axis=(1, 2)) / np.maximum(mass, 1e-9), mass / mass.max(), 0.05 * np.sum(profile > 0.5)
