"""Boards: numbering, relabelling, and the texts users type."""

import numpy as np
import pytest

from gyrosharp.calibrate.board import Board, dictionary_number, opencv_charuco, parse_board_size, parse_length_m
from gyrosharp.errors import UsageError


def test_corners_are_numbered_along_the_columns():
    board = Board(4, 3)
    assert board.corners == 12
    np.testing.assert_array_equal(board.points()[:5, :2], [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]])
    np.testing.assert_array_equal(board.points(np.array([11])), [[3, 2, 0]])


def test_the_numbering_is_that_of_opencv_charuco_boards():
    board = Board(5, 4, dictionary="DICT_4X4_50")
    # OpenCV's origin is the outer corner of the first square, one square before the first inner corner.
    np.testing.assert_allclose(opencv_charuco(board).getChessboardCorners() - (1, 1, 0), board.points())


@pytest.mark.parametrize(("board", "ways"), [(Board(4, 3), 4), (Board(4, 4), 8), (Board(4, 3, dictionary="4X4_50"), 1)])
def test_relabelings_keep_neighbours_together(board, ways):
    relabelings = board.relabelings()
    assert len(relabelings) == ways
    np.testing.assert_array_equal(relabelings[0], np.arange(board.corners))
    assert len({tuple(numbers) for numbers in relabelings}) == ways
    points = board.points()
    steps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    for numbers in relabelings:
        moved = points[numbers]
        np.testing.assert_allclose(np.linalg.norm(moved[:, None] - moved[None], axis=-1), steps)


def test_a_half_turn_maps_the_first_corner_to_the_last():
    assert Board(4, 3).relabelings()[1][0] == 11


@pytest.mark.parametrize(("text", "size"), [("8x6", (8, 6)), (" 10 X 7 ", (10, 7)), ("9,6", (9, 6)), ("8×6", (8, 6))])
def test_sizes(text, size):
    assert parse_board_size(text) == size


@pytest.mark.parametrize("text", ["8", "8x", "x6", "8x6x4", "eight", "-8x6", "", "8.5x6"])
def test_sizes_that_are_none(text):
    with pytest.raises(UsageError, match="inner corners such as 8x6"):
        parse_board_size(text)


@pytest.mark.parametrize(
    ("text", "metres"), [("25mm", 0.025), ("2.5 cm", 0.025), ("1in", 0.0254), ("0.03m", 0.03), (".5cm", 0.005)]
)
def test_lengths(text, metres):
    assert parse_length_m(text) == pytest.approx(metres)


@pytest.mark.parametrize("text", ["25", "mm", "0mm", "-2mm", "25 furlongs", "nanmm"])
def test_lengths_that_are_none(text):
    with pytest.raises(UsageError, match="length with its unit"):
        parse_length_m(text)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Board(2, 6), "3 to 60 inner corners"),
        (lambda: Board(8, 61), "3 to 60 inner corners"),
        (lambda: Board(8, 6, square_m=0.0), "1 um to 100 m"),
        (lambda: Board(8, 6, dictionary="4X4_50", marker_share=1.2), "0.1 to 1"),
        (lambda: Board(8, 6, dictionary="DICT_9X9"), "OpenCV knows"),
    ],
)
def test_boards_that_cannot_be(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_dictionaries_by_their_short_names():
    import cv2

    assert dictionary_number("4x4_50") == dictionary_number("DICT_4X4_50") == cv2.aruco.DICT_4X4_50
