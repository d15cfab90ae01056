"""PointPairs: points seen in two frames each, for many pairs of frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class PointPairs:
    """Matched points of M pairs of frames, N points in all, ordered by pair.

    Attributes
    ----------
    frame_a, frame_b : (M,) int arrays
        Frames of each pair, a before b.
    pair : (N,) int array
        The pair each point belongs to, not decreasing.
    a_px, b_px : (N, 2) arrays
        Where the point is in either frame, px of the frames as stored.
    """

    frame_a: Indices
    frame_b: Indices
    pair: Indices
    a_px: Array
    b_px: Array

    def __len__(self) -> int:
        return int(self.frame_a.size)

    @property
    def bounds(self) -> Indices:
        """Where each pair's points begin, and the end: (M + 1,)."""
        return np.searchsorted(self.pair, np.arange(len(self) + 1))

    def rows(self, wanted: Indices, most: int | None = None) -> Indices:
        """Return the rows of some pairs' points, at most `most` of each, evenly taken from its list."""
        bounds = self.bounds
        rows = [_spread(int(bounds[k]), int(bounds[k + 1]), most) for k in wanted]
        return np.concatenate(rows) if rows else np.empty(0, dtype=np.intp)

    def chosen(self, wanted: Indices, rows: Indices) -> "PointPairs":
        """Return some of the pairs with the points in some rows, renumbered in the order of `wanted`."""
        number = np.empty(len(self), dtype=np.intp)
        number[wanted] = np.arange(len(wanted))
        pair = number[self.pair[rows]]
        return PointPairs(self.frame_a[wanted], self.frame_b[wanted], pair, self.a_px[rows], self.b_px[rows])


def joined(found: Sequence[tuple[int, int, Array, Array]]) -> PointPairs:
    """Return the pairs of a list of (frame a, frame b, points in a, points in b)."""
    counts = [len(a_px) for _, _, a_px, _ in found]
    return PointPairs(
        np.array([a for a, _, _, _ in found], dtype=np.intp),
        np.array([b for _, b, _, _ in found], dtype=np.intp),
        np.repeat(np.arange(len(found)), counts),
        np.concatenate([a_px for _, _, a_px, _ in found]) if found else np.empty((0, 2)),
        np.concatenate([b_px for _, _, _, b_px in found]) if found else np.empty((0, 2)),
    )


def _spread(first: int, last: int, most: int | None) -> Indices:
    if most is None or last - first <= most:
        return np.arange(first, last)
    return np.unique(np.linspace(first, last - 1, most).astype(np.intp))
