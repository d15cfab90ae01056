"""Bayer mosaics: one colour per photosite, and the linear filters that fill in the other two.

A pattern names the colours of the top-left 2 x 2 photosites row by row: RGGB has red at (0, 0), green at (0, 1) and
(1, 0), blue at (1, 1).

References
----------
Malvar, He, Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images", ICASSP 2004,
fig. 2 (the filters).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError, UsageError

Image = NDArray[np.float32]

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
_CHANNELS = "RGB"


def _filter(*rows: tuple[float, ...]) -> Image:
    """A 5 x 5 filter from its first three rows; all of them are mirror images top to bottom. Weights in eighths."""
    kernel = np.array([*rows, rows[1], rows[0]], dtype=np.float32) / np.float32(8)
    kernel.setflags(write=False)
    return kernel


# Each is bilinear interpolation of the wanted colour plus a share of the Laplacian of the colour that was measured:
# the wanted colour's weights sum to 1, the other colours' to 0, and all are symmetric, so flat and sloped colours pass.
GREEN_AT_RED_OR_BLUE = _filter((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1))
"""Green at a red or a blue photosite."""
BESIDE_GREEN = _filter((0, 0, 0.5, 0, 0), (0, -1, 0, -1, 0), (-1, 4, 5, 4, -1))
"""Red or blue at a green photosite whose left and right neighbours have that colour."""
ABOVE_GREEN = BESIDE_GREEN.T
"""Red or blue at a green photosite whose upper and lower neighbours have that colour."""
ACROSS = _filter((0, 0, -1.5, 0, 0), (0, 2, 0, 2, 0), (-1.5, 0, 6, 0, -1.5))
"""Red at a blue photosite, or blue at a red one."""


def mosaic(image: Image, pattern: str) -> Image:
    """Keep one colour per photosite.

    Parameters
    ----------
    image : (H, W, 3) float32 array
        Camera colours, linear light; any size, odd ones too.
    pattern : str
        One of `PATTERNS`.

    Returns
    -------
    (H, W) float32 array
        raw(y, x) = image(y, x, colour of the photosite).

    Raises
    ------
    ImageError
        If the image has not three channels.
    UsageError
        If the pattern is none of the four.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"mosaic: expected an image (H, W, 3), got {image.shape}; convert it to RGB")
    raw = np.empty(image.shape[:2], np.float32)
    for sites, channel in photosites(pattern):
        raw[sites] = image[(*sites, channel)]
    return raw


def demosaic(raw: Image, pattern: str) -> Image:
    """Fill in the two missing colours of every photosite (Malvar, He, Cutler 2004).

    Colours that are constant or linear in x and y come back exactly, but for the outermost two pixels, where the
    picture is mirrored about its border pixels (which keeps the pattern's phase).

    Parameters
    ----------
    raw : (H, W) float32 array
        Photosites, white-balanced: the filters assume that the colours share their detail.
    pattern : str
        One of `PATTERNS`.

    Returns
    -------
    (H, W, 3) float32 array
        May lie outside the range of `raw` near edges.

    Raises
    ------
    ImageError
        If `raw` is not two-dimensional.
    UsageError
        If the pattern is none of the four.
    """
    if raw.ndim != 2:
        raise ImageError(f"demosaic: expected photosites (H, W), got {raw.shape}; pass one plane")
    green, beside, above, across = (
        _filtered(raw, kernel) for kernel in (GREEN_AT_RED_OR_BLUE, BESIDE_GREEN, ABOVE_GREEN, ACROSS)
    )
    image = np.empty((*raw.shape, 3), np.float32)
    grid = list(photosites(pattern))
    for index, (sites, channel) in enumerate(grid):
        image[(*sites, channel)] = raw[sites]
        if channel == 1:
            # index ^ 1 is the neighbour in the row, index ^ 2 the one in the column.
            image[(*sites, grid[index ^ 1][1])] = beside[sites]
            image[(*sites, grid[index ^ 2][1])] = above[sites]
        else:
            image[(*sites, 1)] = green[sites]
            image[(*sites, 2 - channel)] = across[sites]
    return image


def photosites(pattern: str) -> Iterator[tuple[tuple[slice, slice], int]]:
    """Yield the rows and columns of each photosite of the 2 x 2 cell, row by row, and its channel (0 red to 2 blue).

    Raises
    ------
    UsageError
        If the pattern is none of the four.
    """
    if pattern not in PATTERNS:
        raise UsageError(f"bayer pattern: expected one of {', '.join(PATTERNS)}, got {pattern!r}")
    for index, colour in enumerate(pattern):
        yield (slice(index // 2, None, 2), slice(index % 2, None, 2)), _CHANNELS.index(colour)


def _filtered(raw: Image, kernel: Image) -> Image:
    import cv2

    return np.asarray(cv2.filter2D(raw, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)
