"""Big photos in tiles: overlapping boxes, seamless weights, and how large a tile the memory allows.

A tile is solved with a margin around it that is thrown away. A solver's mistake at the cut edge (it cannot see the
light from beyond it, and `coverage` tells it so) reaches inwards by the blur's reach per pass, but fades as it goes:
each pass spreads it over the whole trail and the data pull it back. After `MARGIN_REACHES` reaches it is below
1/255 of the encoded range for the default method, `rl` (see tests/restore/test_tiling.py), whatever the number of
iterations. What is left is blended over a ramp across the tile borders. The Wiener filter's windows, and with them the
start of the MAP solver, are laid out per tile: there the two results differ, and neither is the better one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError

Image = NDArray[np.float32]

MARGIN_REACHES = 4.0
LEAST_MARGIN_PX = 48
# Width of the ramp over which neighbouring tiles are blended.
RAMP_PX = 32
# Smaller tiles would spend most of their time on margins.
LEAST_TILE_PX = 256
# Automatic tiles keep a solver's memory below this, and below half of what is free.
MOST_BYTES = 1_500_000_000
FREE_SHARE = 0.5
# Assumed free memory where the system does not tell.
UNKNOWN_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Span:
    """One tile along one axis.

    Attributes
    ----------
    start, stop : int
        What is solved, margins included.
    core_start, core_stop : int
        What the tile contributes to.
    weights : (core_stop - core_start,) float32 array
        Its share at each of these pixels; the shares of all tiles add up to 1.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int
    weights: NDArray[np.float32]

    @property
    def used(self) -> slice:
        """The part of the solution that contributes."""
        return slice(self.core_start - self.start, self.core_stop - self.start)


@dataclass(frozen=True, eq=False)
class Tile:
    """A box of the photo: what is solved, and what of it is used."""

    rows: Span
    columns: Span

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x0, y0, width, height) of what is solved."""
        rows, columns = self.rows, self.columns
        return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start

    @property
    def solved(self) -> tuple[slice, slice]:
        """Slices of the photo that are solved."""
        return slice(self.rows.start, self.rows.stop), slice(self.columns.start, self.columns.stop)

    @property
    def used(self) -> tuple[slice, slice]:
        """Slices of the solution that the tile contributes with."""
        return self.rows.used, self.columns.used

    def add_to(self, total: Image, solution: Image) -> None:
        """Add the tile's weighted solution (its whole box) to the photo."""
        rows, columns = self.rows, self.columns
        weights = np.outer(rows.weights, columns.weights)[..., None]
        core = solution[self.used] * weights
        total[rows.core_start : rows.core_stop, columns.core_start : columns.core_stop] += core


def tiles(shape: tuple[int, int], tile_px: int, margin_px: int, multiple: int = 1) -> list[Tile]:
    """Cut an image of shape (H, W) into tiles of about `tile_px`, ramps not counted, with margins.

    What is solved starts, and ends unless the image does, at multiples of `multiple`.
    """
    height, width = shape
    return [
        Tile(rows, columns)
        for rows in _spans(height, tile_px, margin_px, multiple)
        for columns in _spans(width, tile_px, margin_px, multiple)
    ]


def margin_px(reach_px: float) -> int:
    """Return the margin around a tile for a blur of this reach."""
    return max(LEAST_MARGIN_PX, int(np.ceil(MARGIN_REACHES * reach_px)))


def tile_size(tile: int | str, shape: tuple[int, int], bytes_per_pixel: float, margin: int) -> int | None:
    """Return the tile size in px, or None for the whole image at once.

    Parameters
    ----------
    tile : int or {"auto", "off"}
        ``auto`` takes the whole image where its memory fits, and otherwise the largest tile that does.
    shape : (int, int)
        Height and width.
    bytes_per_pixel : float
        What the solver needs.
    margin : int
        Margin around a tile, px.

    Raises
    ------
    UsageError
        If `tile` is none of these, or a size below 256.
    """
    tile = require_tile(tile)
    if tile == "off":
        return None
    if isinstance(tile, str):
        return _automatic(shape, bytes_per_pixel, margin)
    return tile if tile < max(shape) else None


def require_tile(tile: int | str) -> int | str:
    """Return a tile setting: "auto", "off", or a size in px, which may come as text.

    Raises
    ------
    UsageError
        If it is none of these, or a size below 256.
    """
    if isinstance(tile, str) and tile.isdecimal():
        tile = int(tile)
    if tile in ("auto", "off"):
        return tile
    if isinstance(tile, str) or tile < LEAST_TILE_PX:
        raise UsageError(f"tile: expected auto, off or a size of at least {LEAST_TILE_PX} px, got {tile!r}")
    return tile


def _automatic(shape: tuple[int, int], bytes_per_pixel: float, margin: int) -> int | None:
    most_px = min(MOST_BYTES, FREE_SHARE * free_bytes()) / bytes_per_pixel
    if shape[0] * shape[1] <= most_px:
        return None
    sides = {-(-side // count) for side in shape for count in range(1, side // LEAST_TILE_PX + 1)}
    for tile_px in sorted(sides, reverse=True):
        rows, columns = (max(part.stop - part.start for part in _spans(side, tile_px, margin, 1)) for side in shape)
        if tile_px < max(shape) and rows * columns <= most_px:
            return tile_px
    return LEAST_TILE_PX


def free_bytes() -> float:
    """Return the memory that could be used without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return UNKNOWN_FREE_BYTES


def _spans(size: int, tile_px: int, margin: int, multiple: int) -> Iterator[Span]:
    count = max(-(-size // tile_px), 1)
    cuts = [round(k * size / count) for k in range(count + 1)]
    half = RAMP_PX // 2
    for low, high in pairwise(cuts):
        first, last = max(low - half, 0), min(high + half, size)
        place = np.arange(first, last, dtype=np.float64) + 0.5
        weights = _step_up(place, low if low > 0 else -np.inf) - _step_up(place, high if high < size else np.inf)
        start = max(first - margin, 0) // multiple * multiple
        stop = min(-(-(last + margin) // multiple) * multiple, size)
        yield Span(start, stop, first, last, weights.astype(np.float32))


def _step_up(place: NDArray[np.float64], cut: float) -> NDArray[np.float64]:
    """Rise from 0 to 1 along the ramp around a cut, which may be at infinity.

    It is a cosine, so that neighbours' differences leave no kink.
    """
    phase = np.clip((place - cut) / RAMP_PX + 0.5, 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * phase) ** 2, dtype=np.float64)
