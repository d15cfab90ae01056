"""Calibration boards: a plain checkerboard, or a charuco board with coded markers in its white squares."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError

Array = NDArray[np.float64]
Ids = NDArray[np.int64]

SMALLEST, LARGEST = 3, 60
# Side of a marker over side of its square where nothing is said: what most printed boards have (between 0.7 and 0.8).
MARKER_SHARE = 0.75

_METRES = {"um": 1e-6, "mm": 1e-3, "cm": 1e-2, "in": 0.0254, "m": 1.0}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(um|mm|cm|in|m)\s*")
_SIZE = re.compile(r"\s*(\d{1,3})\s*[x×,]\s*(\d{1,3})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Board:
    """A flat board of squares.

    The board's frame has its origin at corner 0, x along the columns of corners, y along the rows and z = 0. Its unit
    of length is the side of a square; `square_m` turns it into metres.

    Attributes
    ----------
    columns, rows : int
        Inner corners (where four squares meet) along the two sides, 3 to 60.
    square_m : float or None
        Side of a square, m; None where unknown: distances then come in squares.
    dictionary : str or None
        Name of the marker dictionary of a charuco board, e.g. ``"DICT_4X4_50"``; None for a plain checkerboard.
    marker_share : float
        Side of a marker over side of its square, charuco only.

    Raises
    ------
    UsageError
        If a number of corners is out of range, a length is not positive, or OpenCV knows no such dictionary.
    """

    columns: int
    rows: int
    square_m: float | None = None
    dictionary: str | None = None
    marker_share: float = MARKER_SHARE

    def __post_init__(self) -> None:
        if not (SMALLEST <= self.columns <= LARGEST and SMALLEST <= self.rows <= LARGEST):
            raise UsageError(
                f"board: expected {SMALLEST} to {LARGEST} inner corners a side, got {self.columns} x {self.rows}; "
                "count where four squares meet, not the squares"
            )
        if self.square_m is not None and not 1e-6 <= self.square_m <= 100.0:
            raise UsageError(f"square: expected a side of 1 um to 100 m, got {self.square_m:g} m")
        if not 0.1 <= self.marker_share < 1.0:
            raise UsageError(f"marker: expected a side of 0.1 to 1 of the square's, got {self.marker_share:g}")
        if self.dictionary is not None:
            dictionary_number(self.dictionary)

    def __str__(self) -> str:
        kind = "checkerboard" if self.dictionary is None else f"charuco board ({self.dictionary})"
        return f"{kind} of {self.columns} x {self.rows} inner corners"

    @property
    def corners(self) -> int:
        """Number of inner corners."""
        return self.columns * self.rows

    def points(self, ids: Ids | None = None) -> Array:
        """Return corners (N, 3) in squares, board frame: corner k lies at (k mod columns, k div columns, 0)."""
        numbers = np.arange(self.corners) if ids is None else ids
        return np.stack([numbers % self.columns, numbers // self.columns, np.zeros_like(numbers)], axis=-1) * 1.0

    def relabelings(self) -> list[Ids]:
        """Return the ways to number the corners that a picture of a plain checkerboard cannot tell apart.

        A checkerboard looks alike after a half turn (if its colours allow) and, square ones, after a quarter turn;
        detectors may also number it as if seen in a mirror. Each entry maps the number found to another number; the
        first is the identity. The corners of a charuco board carry their numbers: there is only the identity.
        """
        grid = np.arange(self.corners).reshape(self.rows, self.columns)
        if self.dictionary is not None:
            return [grid.ravel()]
        upright = [grid, grid[::-1, ::-1], grid[::-1], grid[:, ::-1]]
        turned = [turn.T for turn in upright] if self.rows == self.columns else []
        return [turn.ravel() for turn in upright + turned]


def parse_board_size(text: str) -> tuple[int, int]:
    """Return (columns, rows) of inner corners from text such as ``8x6``.

    Raises
    ------
    UsageError
        If the text is something else.

    Examples
    --------
    >>> parse_board_size("8x6")
    (8, 6)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(f"--board: expected inner corners such as 8x6, got {text!r}; count where four squares meet")
    return int(found[1]), int(found[2])


def parse_length_m(text: str, flag: str = "--square") -> float:
    """Return a length in metres from text with a unit such as ``25mm``, ``2.5cm``, ``1in`` or ``0.025m``.

    Raises
    ------
    UsageError
        If number or unit is missing: a bare number could be anything.

    Examples
    --------
    >>> parse_length_m("25mm")
    0.025
    """
    found = _LENGTH.fullmatch(text)
    if found is None or float(found[1]) == 0.0:
        raise UsageError(f"{flag}: expected a length with its unit such as 25mm, 2.5cm, 1in, got {text!r}")
    return float(found[1]) * _METRES[found[2]]


def dictionary_number(name: str) -> int:
    """Return OpenCV's number of a marker dictionary; ``4X4_50`` is short for ``DICT_4X4_50``.

    Raises
    ------
    UsageError
        If OpenCV has no such dictionary.
    """
    import cv2

    wanted = name.upper() if name.upper().startswith("DICT_") else f"DICT_{name.upper()}"
    known = {key.upper(): key for key in dir(cv2.aruco) if key.upper().startswith("DICT_")}
    if wanted not in known:
        shown = ", ".join(sorted(known))
        raise UsageError(f"--charuco: expected a dictionary that OpenCV knows ({shown}), got {name!r}")
    return int(getattr(cv2.aruco, known[wanted]))


def opencv_charuco(board: Board) -> Any:  # noqa: ANN401 (cv2 has no types here)
    """Return OpenCV's board for a charuco `Board`; squares are one more than inner corners on each side."""
    import cv2

    assert board.dictionary is not None
    dictionary = cv2.aruco.getPredefinedDictionary(dictionary_number(board.dictionary))
    return cv2.aruco.CharucoBoard((board.columns + 1, board.rows + 1), 1.0, board.marker_share, dictionary)
