"""BoardView: where one picture shows the corners of a board."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
Grey = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class BoardView:
    """Corners of a board found in one picture.

    Attributes
    ----------
    name : str
        The picture, for messages.
    width, height : int
        Size of the picture as stored, px.
    ids : (N,) int64 array
        Numbers of the corners found, as in `Board.points`.
    pixels : (N, 2) float64 array
        Where they are, px; (0, 0) is the centre of the top-left pixel.
    edge_px : float or None
        Width of the edges between black and white squares, 10 % to 90 % of the step, px; None where not measured.
    """

    name: str
    width: int
    height: int
    ids: Ids
    pixels: Array
    edge_px: float | None = None

    def __len__(self) -> int:
        return int(self.ids.size)

    def relabelled(self, numbers: Ids) -> "BoardView":
        """Return the view with corner k called ``numbers[k]``."""
        return replace(self, ids=numbers[self.ids])

    def taken(self, wanted: NDArray[np.bool_]) -> "BoardView":
        """Return the view with only the corners that a mask (N,) marks."""
        return replace(self, ids=self.ids[wanted], pixels=self.pixels[wanted])
