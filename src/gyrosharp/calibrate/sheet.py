"""A white sheet to lay pictures and charts on, with text, lines and dots; drawn with OpenCV."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

PAPER, INK, FAINT = 255, (40, 40, 40), (110, 110, 110)
# Okabe and Ito's palette, which colour-blind eyes tell apart, in the light tones that show on a dimmed photo too.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (130, 130, 240),
)
# Sub-pixel coordinates of OpenCV's drawing: fixed point with this many bits.
FRACTION_BITS = 4


class Sheet:
    """An 8-bit RGB picture with means to draw on it.

    Parameters
    ----------
    width, height : int
        Size, px.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 array
    """

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Picture = np.full((height, width, 3), PAPER, dtype=np.uint8)

    def paste(self, picture: Picture, x: int, y: int) -> None:
        """Lay a picture (H, W, 3) on the sheet with its top-left corner at (x, y)."""
        self.pixels[y : y + picture.shape[0], x : x + picture.shape[1]] = picture

    def text(self, text: str, x: float, y: float, colour: Colour = INK, scale: float = 0.5) -> None:
        """Write a line that begins at x with its baseline at y."""
        import cv2

        # The plain font knows ASCII only.
        plain = text.encode("ascii", "replace").decode()
        at = (round(x), round(y))
        cv2.putText(self.pixels, plain, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)

    def line(self, points: ArrayLike, colour: Colour, thickness: int = 1) -> None:
        """Draw a polyline through points (N, 2), px of the sheet."""
        import cv2

        fixed = np.rint(np.asarray(points, dtype=np.float64) * 2**FRACTION_BITS).astype(np.int32)
        cv2.polylines(self.pixels, [fixed], False, colour, thickness, cv2.LINE_AA, FRACTION_BITS)

    def dots(self, points: ArrayLike, colour: Colour, radius: float = 2.0) -> None:
        """Draw filled dots at points (N, 2), px of the sheet."""
        import cv2

        one = 2**FRACTION_BITS
        for x, y in np.rint(np.asarray(points) * one).astype(np.int32).reshape(-1, 2):
            centre = (int(x), int(y))
            cv2.circle(self.pixels, centre, round(radius * one), colour, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)


def fitted(picture: Picture, width: int, height: int) -> tuple[Picture, float]:
    """Return a picture resized to fit into a box, and the factor: u -> (u + 0.5) s - 0.5."""
    import cv2

    factor = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8), factor


def coloured(grey: NDArray[np.uint8]) -> Picture:
    """Return a grey picture (H, W) as RGB."""
    return np.repeat(grey[..., None], 3, axis=2)
