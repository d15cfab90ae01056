"""From files to views: photos, folders, patterns and movies are searched for boards."""

import glob
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.detection import charuco_markers, find_board, guess_board, sees_board
from gyrosharp.calibrate.views import BoardView, Grey
from gyrosharp.errors import ImageError, InputError
from gyrosharp.media.image_file import IMAGE_SUFFIXES, RAW_SUFFIXES, ImageFile, read_image
from gyrosharp.media.movie import MOVIE_SUFFIXES, read_frame
from gyrosharp.media.movie_reader import movie_info
from gyrosharp.media.transfer import SRGB, encode_codes

PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, *RAW_SUFFIXES, ".heic", ".heif", ".avif", ".bmp", ".gif")
"""Files taken for pictures; those that cannot be read are named and skipped."""
MOVIE_FRAMES = 80
"""Frames of a movie that are searched, evenly spread: more show hardly another view."""
MOVIE_VIEWS = 30
DISTINCT_SHARE = 0.02
"""Views of a movie count as different if the corners moved by this share of the picture's width on average."""
GUESS_PICTURES = 12
NO_BOARD = "no board found"
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Rec. 709 luminance of linear RGB."""


@dataclass(frozen=True)
class Source:
    """One picture that may show a board.

    Attributes
    ----------
    name : str
        For messages.
    load : callable
        Reads it.
    movie : Path or None
        The movie it is a frame of.
    """

    name: str
    load: Callable[[], ImageFile]
    movie: Path | None = None

    def grey(self) -> Grey:
        """Return the picture as grey sRGB codes (H, W), as stored.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        pixels = self.load().pixels_linear
        luma = pixels[..., 0] if pixels.shape[2] == 1 else pixels @ _LUMA
        return np.ascontiguousarray(encode_codes(np.ascontiguousarray(luma), SRGB, np.uint8))


@dataclass(frozen=True, eq=False)
class Collected:
    """Boards found in pictures.

    Attributes
    ----------
    board : Board
        What was looked for, or guessed.
    views : tuple of BoardView
        In the order of the pictures; all of one size.
    sources : tuple of Source
        The picture of each view.
    searched : int
        Pictures looked at.
    skipped : tuple of (name, reason)
        Unreadable pictures, pictures without the board, pictures of another size.
    notes : tuple of str
        What was guessed.
    """

    board: Board
    views: tuple[BoardView, ...]
    sources: tuple[Source, ...]
    searched: int
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def picture_sources(inputs: Sequence[Path]) -> list[Source]:
    """Return the pictures that files, folders, patterns (``*.jpg``) and movies stand for.

    Folders are not descended into; their files come in the order of their names, numbers by value.

    Raises
    ------
    ImageError
        If an input does not exist, holds no picture, or is a damaged movie.
    """
    sources: list[Source] = []
    for path in inputs:
        if path.is_dir():
            sources += _in_folder(path)
        elif not path.exists() and glob.has_magic(str(path)):
            sources += _matching(path)
        elif not path.exists():
            raise ImageError(f"{path}: expected photos, a folder or a movie, got no such file; check the path")
        else:
            sources += _of_file(path)
    return sources


def collect_views(sources: Sequence[Source], board: Board | None) -> Collected:
    """Search pictures for a board.

    Parameters
    ----------
    sources : sequence of Source
    board : Board or None
        None guesses the size of a plain checkerboard from some of the pictures.

    Raises
    ------
    ImageError
        If no picture can be read or none shows the board; the message says what was seen instead.
    """
    notes: tuple[str, ...] = ()
    if board is None:
        board, notes = _guessed(sources)
    views, found, skipped = [], [], []
    for source in sources:
        try:
            view = find_board(source.grey(), board, source.name)
        except InputError as error:
            skipped.append((source.name, str(error)))
            continue
        if view is None:
            skipped.append((source.name, NO_BOARD))
            continue
        views.append(view)
        found.append(source)
    if not views:
        raise ImageError(_why_none(sources, board, skipped))
    kept, others = _one_size(views)
    skipped += others
    kept = _distinct(kept, views, found)
    return Collected(
        board,
        tuple(views[k] for k in kept),
        tuple(found[k] for k in kept),
        len(sources),
        tuple(skipped),
        notes,
    )


def _of_file(path: Path) -> list[Source]:
    if path.suffix.lower() not in MOVIE_SUFFIXES:
        return [Source(path.name, partial(read_image, path))]
    info = movie_info(path)
    count = info.stamps.size
    wanted = np.unique(np.linspace(0, count - 1, min(count, MOVIE_FRAMES)).round().astype(int))
    return [Source(f"{path.name} frame {index}", partial(read_frame, info, int(index)), path) for index in wanted]


def _in_folder(folder: Path) -> list[Source]:
    files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    if not files:
        raise ImageError(f"{folder}: expected a folder with photos, got none; name the photos or another folder")
    return [source for path in sorted(files, key=_natural) for source in _of_file(path)]


def _matching(pattern: Path) -> list[Source]:
    files = [Path(name) for name in glob.glob(str(pattern))]  # noqa: PTH207 (patterns may be absolute)
    if not files:
        raise ImageError(f"{pattern}: expected photos that match this pattern, got none; check the pattern")
    return [source for path in sorted(files, key=_natural) for source in _of_file(path)]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key in which IMG_9 comes before IMG_10."""
    from itertools import groupby

    parts = ("".join(group) for _, group in groupby(path.name, str.isdecimal))
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def _guessed(sources: Sequence[Source]) -> tuple[Board, tuple[str, ...]]:
    chosen = _some(sources)
    board, seen = guess_board(_readable(chosen))
    if board is None:
        raise ImageError(
            f"expected a checkerboard in the pictures, got none of 4 x 3 inner corners or more in {len(chosen)} of "
            "them; show the whole board with a white margin, sharp and evenly lit, or give --board 8x6 or --charuco"
        )
    listed = ", ".join(f"{size} in {count}" for size, count in seen.most_common())
    size = f"{board.columns}x{board.rows}"
    return board, (f"board of {size} inner corners recognised ({listed} of {len(chosen)} pictures); else give --board",)


def _some(sources: Sequence[Source]) -> list[Source]:
    step = max(len(sources) / GUESS_PICTURES, 1.0)
    return [sources[int(k * step)] for k in range(min(GUESS_PICTURES, len(sources)))]


def _readable(sources: Sequence[Source]) -> "list[Grey]":
    pictures, failure = [], None
    for source in sources:
        try:
            pictures.append(source.grey())
        except InputError as error:
            failure = failure or error
    if not pictures and failure is not None:
        raise failure
    return pictures


def _why_none(sources: Sequence[Source], board: Board, skipped: Sequence[tuple[str, str]]) -> str:
    """Say why no picture shows the board: what it shows instead, or the commonest reasons."""
    unreadable = [reason for _, reason in skipped if reason != NO_BOARD]
    if len(unreadable) == len(sources):
        return unreadable[0] if len(sources) == 1 else f"none of {len(sources)} pictures can be read; {unreadable[0]}"
    start = f"expected a {board} in the pictures, got none in {len(sources) - len(unreadable)} of them"
    pictures = _readable(_some(sources))
    if board.dictionary is not None:
        return f"{start}; {_charuco_advice(pictures, board)}"
    sizes = Counter(size for size in map(sees_board, pictures) if size is not None)
    if sizes:
        (columns, rows), count = sizes.most_common(1)[0]
        return f"{start}; {count} show one of {columns} x {rows}: give --board {columns}x{rows}"
    return f"{start}; show the whole board with a white margin, sharp and evenly lit, and count inner corners"


def _charuco_advice(pictures: Sequence[Grey], board: Board) -> str:
    found = [charuco_markers(grey, board) for grey in pictures]
    if any(mirrored for _, mirrored in found):
        return "its markers read backwards: the pictures are mirrored; turn mirroring off or flip them"
    most = max((count for count, _ in found), default=0)
    if most:
        return f"{most} of its markers were seen at most: check --board (columns x rows, not swapped) and --marker"
    return "not one of its markers was seen: check the dictionary of --charuco"


def _one_size(views: Sequence[BoardView]) -> tuple[list[int], list[tuple[str, str]]]:
    """Keep the size that more than half of the views have, if there is one."""
    sizes = Counter((view.width, view.height) for view in views)
    (width, height), count = sizes.most_common(1)[0]
    if 2 * count <= len(views):
        return list(range(len(views))), []
    kept = [k for k, view in enumerate(views) if (view.width, view.height) == (width, height)]
    reason = "{} x {} px where most pictures have {} x {} px"
    others = [
        (view.name, reason.format(view.width, view.height, width, height))
        for view in views
        if (view.width, view.height) != (width, height)
    ]
    return kept, others


def _distinct(kept: Sequence[int], views: Sequence[BoardView], sources: Sequence[Source]) -> list[int]:
    """Thin the frames of movies: the sharpest first, and each must differ from those before; photos all stay."""
    frames = [k for k in kept if sources[k].movie is not None]
    chosen: list[int] = []
    for k in sorted(frames, key=lambda k: (views[k].edge_px or np.inf, k)):
        if len(chosen) < MOVIE_VIEWS and all(_moved(views[k], views[other]) for other in chosen):
            chosen.append(k)
    return sorted([k for k in kept if sources[k].movie is None] + chosen)


def _moved(one: BoardView, two: BoardView) -> bool:
    _, first, second = np.intersect1d(one.ids, two.ids, return_indices=True)
    if not first.size:
        return True
    apart = np.linalg.norm(one.pixels[first] - two.pixels[second], axis=1).mean()
    return bool(apart > DISTINCT_SHARE * one.width)
