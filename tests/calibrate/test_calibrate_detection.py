"""Boards in rendered pictures: are they found, and where."""

import cv2
import numpy as np
import pytest
from board_scenes import BOARD, CAMERAS, render, view

from gyrosharp.calibrate import detection
from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.detection import charuco_markers, find_board, guess_board, sees_board
from gyrosharp.geometry.camera import CameraModel

CAMERA = CameraModel(640, 480, 560.0, 560.0, 322.0, 236.0, "opencv", (-0.2, 0.05, 0.0, 0.0))
POSE = np.array([0.35, -0.4, 0.1, -3.4, -2.6, 9.0])
CHARUCO = Board(7, 5, dictionary="DICT_4X4_50")


@pytest.fixture(scope="module")
def picture():
    return render(CAMERA, POSE)


def errors_px(found, truth, board):
    """Distance of the corners from the truth, under the numbering that fits best."""
    best = []
    for numbers in board.relabelings():
        order = np.argsort(numbers[found.ids])
        best.append(np.linalg.norm(found.pixels[order] - truth.pixels[np.sort(numbers[found.ids])], axis=1))
    return min(best, key=np.max)


def test_corners_are_found_to_a_fraction_of_a_pixel(picture):
    found = find_board(picture, BOARD, "a.png")
    assert (found.name, found.width, found.height, len(found)) == ("a.png", 640, 480, 48)
    off = errors_px(found, view(CAMERA, POSE), BOARD)
    assert np.sqrt((off**2).mean()) < 0.06 and off.max() < 0.2
    assert 0.5 < found.edge_px < 3.0


def test_blur_widens_the_edges(picture):
    blurred = cv2.GaussianBlur(picture, (0, 0), 2.5)
    assert find_board(blurred, BOARD).edge_px > find_board(picture, BOARD).edge_px + 2.0


def test_large_pictures_are_searched_small_and_refined_large(picture, monkeypatch):
    monkeypatch.setattr(detection, "SEARCH_PX", 420)
    found = find_board(picture, BOARD)
    off = errors_px(found, view(CAMERA, POSE), BOARD)
    assert off.max() < 0.25, "a half-pixel slip in the scale would show"
    assert found.width == 640


def test_size_and_sides_are_recognised(picture):
    assert sees_board(picture) == (8, 6)
    assert sees_board(np.ascontiguousarray(picture.T)) == (8, 6)
    assert sees_board(np.full((240, 320), 128, np.uint8)) is None
    board, seen = guess_board([picture, np.full((240, 320), 128, np.uint8), picture])
    assert board == BOARD and seen == {"8x6": 2}
    assert guess_board([np.zeros((100, 100), np.uint8)])[0] is None


def test_swapped_sides_are_found_too(picture):
    assert len(find_board(picture, Board(6, 8))) == 48


def test_a_board_of_another_size_is_not_found(picture):
    assert find_board(picture, Board(9, 7)) is None


def test_a_low_contrast_board_is_found(picture):
    dim = np.uint8(100 + 0.12 * picture)
    found = find_board(dim, BOARD)
    assert errors_px(found, view(CAMERA, POSE), BOARD).max() < 0.5


def test_charuco_boards_may_be_seen_in_part():
    pose = np.array([0.3, -0.3, 0.15, 0.6, -2.2, 6.5])  # the right end lies outside the picture
    truth = view(CAMERA, pose, CHARUCO)
    assert len(truth) < CHARUCO.corners
    found = find_board(render(CAMERA, pose, CHARUCO), CHARUCO)
    assert len(found) >= 10
    shared, ours, theirs = np.intersect1d(found.ids, truth.ids, return_indices=True)
    assert shared.size == len(found), "every corner must carry its own number"
    off = np.linalg.norm(found.pixels[ours] - truth.pixels[theirs], axis=1)
    assert np.median(off) < 0.1 and off.max() < 0.5
    assert found.edge_px is None


def test_a_mirrored_charuco_board_is_told_from_a_missing_one():
    pose = np.array([0.2, -0.2, 0.0, -3.0, -2.0, 9.0])
    picture = render(CAMERA, pose, CHARUCO)
    count, mirrored = charuco_markers(picture, CHARUCO)
    assert count > 10 and not mirrored
    flipped = np.ascontiguousarray(picture[:, ::-1])
    assert find_board(flipped, CHARUCO) is None
    count, mirrored = charuco_markers(flipped, CHARUCO)
    assert count > 10 and mirrored
    assert charuco_markers(np.full((200, 200), 128, np.uint8), CHARUCO) == (0, False)


def test_wide_lenses():
    camera = CAMERAS["opencv_fisheye 4"]
    pose = np.array([0.3, 0.3, 0.0, -4.0, -3.2, 4.0])
    found = find_board(render(camera, pose, fine=2), BOARD)
    off = errors_px(found, view(camera, pose), BOARD)
    # One corner where the lens bends most may be lost; `calibrate_camera` cuts such strays.
    assert np.quantile(off, 0.9) < 0.4


def test_a_size_seen_once_among_many_is_chance(picture):
    walls = [np.full((120, 160), 128, np.uint8)] * 4
    assert guess_board([picture, *walls])[0] is None
    assert guess_board([picture, picture, *walls])[0] == BOARD
    assert guess_board([picture, walls[0]])[0] == BOARD
