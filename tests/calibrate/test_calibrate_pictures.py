"""The pictures of a calibration: right in geometry, and nothing missing."""

import numpy as np
import pytest
from board_scenes import BOARD, render, view, views
from test_calibrate_stereo import LEFT, RIG, RIGHT, pairs

from gyrosharp.calibrate.camera import calibrate_camera
from gyrosharp.calibrate.camera_picture import camera_picture, undistorted
from gyrosharp.calibrate.detection import find_board
from gyrosharp.calibrate.relabel import composed
from gyrosharp.calibrate.sheet import PALETTE, Sheet, fitted
from gyrosharp.calibrate.stereo import calibrate_stereo
from gyrosharp.calibrate.stereo_picture import rectified, stereo_picture
from gyrosharp.geometry.camera import CameraModel

CAMERA = CameraModel(640, 480, 420.0, 420.0, 322.0, 236.0, "opencv", (-0.3, 0.08, 0.0, 0.0))
POSE = np.array([0.2, -0.2, 0.1, -3.4, -2.6, 6.0])


def test_an_undistorted_board_has_straight_lines():
    found = find_board(undistorted(render(CAMERA, POSE), CAMERA), BOARD)
    plain = CameraModel(640, 480, 420.0, 420.0, 322.0, 236.0)
    truth = view(plain, POSE)
    off = [np.linalg.norm(found.pixels - truth.pixels[way], axis=1).max() for way in BOARD.relabelings()]
    assert min(off) < 0.5


def test_the_camera_sheet():
    found, _ = views(CAMERA, 6, noise_px=0.2)
    result = calibrate_camera(found, BOARD, "opencv")
    example = render(CAMERA, POSE, fine=1)
    picture = camera_picture(result, example, "a.png")
    assert picture.dtype == np.uint8 and picture.shape[1] == 1600
    colours = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}
    assert set(PALETTE) <= colours, "each view has its colour"
    # Upper left is the dimmed example, upper right the same undistorted.
    panel = picture[92 : 92 + 400, 24 : 24 + 700].mean()
    assert 40 < panel < 140


def test_rectified_pictures_share_their_rows():
    left, right = pairs(8, noise_px=0.02)
    result = calibrate_stereo(left, right, BOARD, "opencv")
    pose = np.array([0.1, 0.1, 0.0, -3.5, -2.5, 11.0])
    pictures = render(LEFT, pose, fine=1), render(RIGHT, composed(RIG, pose), fine=1)
    one, two = (find_board(picture, BOARD) for picture in rectified(result, *pictures))
    rows = [one.pixels[:, 1] - two.pixels[way, 1] for way in BOARD.relabelings()]
    assert min(np.abs(row).max() for row in rows) < 0.6
    sheet = stereo_picture(result, *pictures, ("a.png", "b.png"))
    assert sheet.shape[1] == 1600 and sheet.std() > 20


def test_a_sheet_is_white_and_takes_any_text():
    sheet = Sheet(200, 50)
    assert (sheet.pixels == 255).all()
    sheet.text("größer", 5, 30)
    assert (sheet.pixels < 255).any()
    sheet.line([(0.0, 10.0), (100.0, 10.0)], (255, 0, 0))
    assert sheet.pixels[10, 50, 0] == 255 and sheet.pixels[10, 50, 1] < 100
    sheet.dots([(150.0, 20.0)], (0, 0, 255), 3.0)
    assert tuple(sheet.pixels[20, 150]) == (0, 0, 255)


def test_pictures_are_fitted_into_their_box():
    small, factor = fitted(np.zeros((100, 200, 3), np.uint8), 50, 50)
    assert small.shape == (25, 50, 3) and factor == pytest.approx(0.25)
