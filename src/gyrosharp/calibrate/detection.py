"""Finding boards in pictures, to a fraction of a pixel; OpenCV's detectors do the work."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from gyrosharp.calibrate.board import Board, opencv_charuco
from gyrosharp.calibrate.views import Array, BoardView, Grey

# Boards are looked for at this size, where detectors are quick and thin noise is averaged away; larger pictures are
# refined at full size afterwards.
SEARCH_PX = 2200
# A refinement window reaches this share of the way to the nearest corner: beyond it the next corner would pull.
WINDOW_SHARE = 0.3
# Between a corner and the markers of a charuco board lies half of what the marker leaves of its square.
MARGIN_SHARE = 0.8
LARGEST_WINDOW_PX = 25
# A charuco view with fewer corners says next to nothing about the lens.
FEWEST_CORNERS = 6
# The smallest board that automatic detection starts from.
SEED_SIZE = (3, 3)
# With more pictures than this a size must be seen twice.
FEW_PICTURES = 3


def find_board(grey: Grey, board: Board, name: str = "picture") -> BoardView | None:
    """Return the corners of a board in a picture, or None if it is not there.

    A plain checkerboard must be seen whole. It is looked for with the sector-based detector (Duda and Frese, "Accurate
    Detection and Localization of Checkerboard Corners", BMVC 2018), which fits the saddle at every corner, then with
    the older one by quadrangles and sub-pixel refinement.

    Parameters
    ----------
    grey : (H, W) uint8 array
        The picture, sRGB codes.
    board : Board
        What to look for; for a plain checkerboard columns and rows may be swapped.
    name : str
        For messages.
    """
    small, factor = _search_size(grey)
    found = _checkerboard(small, board) if board.dictionary is None else _charuco(small, board)
    if found is None:
        return None
    ids, pixels = found
    if factor < 1.0:
        pixels = _refined(grey, (pixels + 0.5) / factor - 0.5, _window_share(board))
    edge_px = _edge_px(grey, board, pixels) if board.dictionary is None else None
    return BoardView(name, grey.shape[1], grey.shape[0], ids.astype(np.int64), pixels, edge_px)


def sees_board(grey: Grey) -> tuple[int, int] | None:
    """Return (columns, rows) of the largest checkerboard in a picture, columns first the longer side, or None."""
    import cv2

    small, _ = _search_size(grey)
    flags = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, _, grid = cv2.findChessboardCornersSBWithMeta(small, SEED_SIZE, flags)
    if not found or grid is None or grid.ndim != 2:
        return None
    rows, columns = sorted(grid.shape)
    # A grid as small as the seed is a chance find, or a corner of a board.
    return (int(columns), int(rows)) if (columns, rows) != SEED_SIZE else None


def guess_board(pictures: Iterable[Grey]) -> tuple[Board | None, Counter[str]]:
    """Return the board that most of some pictures show, and how many showed which size.

    Parameters
    ----------
    pictures : iterable of (H, W) uint8 arrays
        A few are enough. Parts of a board count as smaller boards; ties go to the larger.

    Returns
    -------
    board : Board or None
        None if no picture shows one, or every one of several another.
    seen : Counter
        Pictures by the size they show, such as ``"8x6"``.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    looked = 0
    for grey in pictures:
        looked += 1
        size = sees_board(grey)
        if size is not None:
            sizes[size] += 1
    seen: Counter[str] = Counter({f"{columns}x{rows}": count for (columns, rows), count in sizes.items()})
    # Windows and tiles look like a board now and then, but not like the same one twice.
    if not sizes or (looked > FEW_PICTURES and max(sizes.values()) == 1):
        return None, seen
    columns, rows = max(sizes, key=lambda size: (sizes[size], size[0] * size[1]))
    return Board(columns, rows), seen


def charuco_markers(grey: Grey, board: Board) -> tuple[int, bool]:
    """Return how many of a charuco board's markers a picture shows, and whether only in the mirror.

    Markers read backwards in a mirrored picture (a selfie camera, a scan through glass), so the board is not found.
    """
    small, _ = _search_size(grey)
    plain, mirrored = (_marker_count(picture, board) for picture in (small, np.ascontiguousarray(small[:, ::-1])))
    return max(plain, mirrored), mirrored > 2 * plain


def _search_size(grey: Grey) -> tuple[Grey, float]:
    import cv2

    factor = SEARCH_PX / max(grey.shape)
    if factor >= 1.0:
        return grey, 1.0
    # One factor for both sides, so that pixels map back exactly: (u + 0.5) s - 0.5 with s the factor.
    matrix = np.array([[factor, 0.0, 0.5 * factor - 0.5], [0.0, factor, 0.5 * factor - 0.5]])
    size = (round(grey.shape[1] * factor), round(grey.shape[0] * factor))
    blurred = cv2.GaussianBlur(grey, (0, 0), 0.4 / factor)  # against aliasing: a pixel of the small picture sees all
    small = cv2.warpAffine(blurred, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(small, dtype=np.uint8), factor


def _checkerboard(grey: Grey, board: Board) -> tuple[Any, Array] | None:
    import cv2

    size = (board.columns, board.rows)
    # Equalising the picture finds more boards, but moves their corners by tenths of a pixel: it comes last, and its
    # corners are refined on the picture as it is.
    exhaustive = cv2.CALIB_CB_EXHAUSTIVE
    for flags in (0, exhaustive, exhaustive | cv2.CALIB_CB_NORMALIZE_IMAGE):
        found, corners = cv2.findChessboardCornersSB(grey, size, flags=flags)
        if found:
            pixels = _plain(corners)
            return np.arange(board.corners), _refined(grey, pixels) if flags & cv2.CALIB_CB_NORMALIZE_IMAGE else pixels
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    found, corners = cv2.findChessboardCorners(grey, size, flags=flags)
    if not found:
        return None
    return np.arange(board.corners), _refined(grey, _plain(corners))


def _charuco(grey: Grey, board: Board) -> tuple[Any, Array] | None:
    import cv2

    corners, ids, _, _ = cv2.aruco.CharucoDetector(opencv_charuco(board)).detectBoard(grey)
    if ids is None or len(ids) < FEWEST_CORNERS:
        return None
    numbers = np.asarray(ids).ravel()
    across = board.points(numbers)[:, :2]
    # Corners on one line of the board leave its pose open.
    if np.linalg.matrix_rank(across - across.mean(axis=0)) < 2:
        return None
    return numbers, _plain(corners)


def _window_share(board: Board) -> float:
    return WINDOW_SHARE if board.dictionary is None else MARGIN_SHARE * (1.0 - board.marker_share) / 2


def _marker_count(grey: Grey, board: Board) -> int:
    import cv2

    assert board.dictionary is not None
    charuco = opencv_charuco(board)
    _, ids, _ = cv2.aruco.ArucoDetector(charuco.getDictionary()).detectMarkers(grey)
    return 0 if ids is None else int(np.isin(np.asarray(ids).ravel(), charuco.getIds()).sum())


def _refined(grey: Grey, pixels: Array, share: float = WINDOW_SHARE) -> Array:
    """Move corners to where the gradients around them are perpendicular to the way from the corner (Foerstner)."""
    import cv2

    apart = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1)
    apart[np.diag_indices(len(pixels))] = np.inf
    reach = int(np.clip(share * np.median(apart.min(axis=1)), 2, LARGEST_WINDOW_PX))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 60, 1e-4)
    start = np.ascontiguousarray(pixels[:, None], dtype=np.float32)
    return _plain(cv2.cornerSubPix(grey, start, (reach, reach), (-1, -1), stop))


def _edge_px(grey: Grey, board: Board, pixels: Array) -> float | None:
    import cv2

    try:
        measured, _ = cv2.estimateChessboardSharpness(
            grey, (board.columns, board.rows), pixels[:, None].astype(np.float32)
        )
    except cv2.error:  # a board too small or too near to the border to look across its edges
        return None
    width = float(measured[0])
    return width if np.isfinite(width) and width > 0 else None


def _plain(corners: Any) -> Array:  # noqa: ANN401 (cv2 has no types here)
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2)
