"""Two cameras with known truth."""

from dataclasses import replace

import numpy as np
import pytest
from board_scenes import BOARD, CAMERAS, poses, view

from gyrosharp.calibrate import rig_fit
from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.relabel import composed, inverted, matched_labels
from gyrosharp.calibrate.stereo import calibrate_stereo, rectifying_rotations, row_errors_px
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3

LEFT = CAMERAS["opencv 4"]
RIGHT = CameraModel(1280, 720, 880.0, 884.0, 640.0, 362.0, "opencv", (-0.25, 0.07, 0.0, 0.0005))
# The right camera stands to the right: what the left one sees moves to the left, t_x < 0.
RIG = np.array([0.02, -0.15, 0.01, -2.0, 0.1, 0.2])


def pairs(count=10, noise_px=0.1, rig=RIG, right=RIGHT, seed=1, board=BOARD):
    """Left and right views of the same poses, with all corners in both."""
    rng = np.random.default_rng(seed)
    left_views, right_views = [], []
    while len(left_views) < count:
        pose = poses(1, rng, LEFT, board)[0]
        pose[5] += 4.0
        name = f"{len(left_views):02d}.png"
        one = view(LEFT, pose, board, "left" + name, noise_px, rng)
        two = view(right, composed(rig, pose), board, "right" + name, noise_px, rng)
        if len(one) == len(two) == board.corners:
            left_views.append(one)
            right_views.append(two)
    return left_views, right_views


def test_composition_undone_is_nothing():
    rng = np.random.default_rng(0)
    pose = rng.normal(size=6)
    np.testing.assert_allclose(composed(inverted(pose), pose), np.zeros(6), atol=1e-12)


def test_pose_and_scale_are_recovered():
    result = calibrate_stereo(*pairs(), Board(8, 6, square_m=0.025), "opencv")
    np.testing.assert_allclose(result.t_right_left, 0.025 * RIG[3:], atol=0.0005)
    turn = result.R_right_left @ exp_so3(RIG[:3]).T
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 0.2
    assert result.baseline == pytest.approx(0.025 * np.linalg.norm(RIG[3:]), rel=0.01)
    assert result.left.fx == pytest.approx(LEFT.fx, rel=0.005)
    assert result.rms_px == pytest.approx(0.1 * np.sqrt(2), rel=0.15)
    assert result.epipolar_rms_px < 0.25
    assert not result.dropped
    document = result.as_json()
    assert document["format"] == "gyrosharp.stereo/1" and document["t_right_left_m"][0] < 0
    # The stated uncertainty must be of the size of the error.
    assert (np.abs(result.t_right_left - 0.025 * RIG[3:]) < 5 * result.translation_std).all()


def test_exact_corners_give_the_exact_rig():
    result = calibrate_stereo(*pairs(noise_px=0.0), BOARD, "opencv")
    np.testing.assert_allclose(result.t_right_left, RIG[3:], atol=1e-3)
    assert result.epipolar_max_px < 0.01
    assert "t_right_left_squares" in result.as_json()


def test_without_refinement_singles_are_no_harm():
    left, right = pairs(9)
    left[3], right[5] = None, None
    result = calibrate_stereo(left, right, BOARD, "opencv")
    assert len(result.pairs) == 7
    np.testing.assert_allclose(result.t_right_left, RIG[3:], atol=0.03)


def test_half_turned_numberings_are_settled():
    left, right = pairs()
    ways = BOARD.relabelings()
    turned = [two.relabelled(ways[k % 4]) for k, two in enumerate(right)]
    result = calibrate_stereo(left, turned, BOARD, "opencv")
    np.testing.assert_allclose(result.t_right_left, RIG[3:], atol=0.03)
    assert len(result.pairs) == 10 and not result.dropped


def test_square_boards_may_be_turned_by_a_quarter():
    board = Board(7, 7)
    left, right = pairs(8, board=board)
    turned = [two.relabelled(board.relabelings()[k % 8]) for k, two in enumerate(right)]
    kept, dropped = matched_labels(list(zip(left, turned, strict=True)), board, LEFT, RIGHT)
    assert not dropped
    for (_, two), truth in zip(kept, right, strict=True):
        np.testing.assert_array_equal(two.ids, truth.ids)


def test_a_bumped_rig_is_seen_and_the_rest_used():
    left, right = pairs(12)
    bumped = np.array([0.02, -0.12, 0.01, -1.9, 0.1, 0.2])
    for k, two in enumerate(pairs(12, rig=bumped)[1][:3]):
        right[k] = two
    result = calibrate_stereo(left, right, BOARD, "opencv")
    assert [name.split(" ")[0] for name, _ in result.dropped] == ["left00.png", "left01.png", "left02.png"]
    assert any("rig was moved" in text for text in result.warnings)
    np.testing.assert_allclose(result.t_right_left, RIG[3:], atol=0.03)


def test_cameras_that_wander_are_reported_and_their_lenses_left_alone():
    left, right = pairs(10, noise_px=0.05)
    rng = np.random.default_rng(0)
    right = [replace(two, pixels=two.pixels + rng.normal(0, 1.2, 2)) for two in right]
    result = calibrate_stereo(left, right, BOARD, "opencv")
    assert any("moved against each other" in text for text in result.warnings)
    assert result.left == result.alone[0].camera


def test_a_fisheye_beside_a_plain_lens():
    fisheye = CAMERAS["opencv_fisheye 4"]
    left, right = pairs(10, noise_px=0.05, right=fisheye)
    result = calibrate_stereo(left, right, BOARD)
    np.testing.assert_allclose(result.t_right_left, RIG[3:], atol=0.05)
    assert result.epipolar_rms_px < 0.3


def test_rectified_points_share_their_row():
    rng = np.random.default_rng(0)
    points = rng.uniform((-3, -2, 6), (3, 2, 15), (50, 3))
    R, t = exp_so3(RIG[:3]), RIG[3:]
    for shift in (t, -t, np.array([0.1, 2.0, 0.0])):
        left_turn, right_turn = rectifying_rotations(R, shift)
        for turn in (left_turn, right_turn):
            assert np.linalg.det(turn) == pytest.approx(1.0)
        one = points @ left_turn.T
        two = (points @ R.T + shift) @ right_turn.T
        np.testing.assert_allclose(one[:, 1] / one[:, 2], two[:, 1] / two[:, 2], atol=1e-12)
        # Both now look the same way: what is left is a shift along x.
        np.testing.assert_allclose(two - one, np.broadcast_to((two - one)[0], one.shape), atol=1e-12)
        np.testing.assert_allclose((two - one)[0, 1:], 0.0, atol=1e-12)


def test_a_row_error_is_measured_in_pixels():
    left, right = pairs(1, noise_px=0.0)
    np.testing.assert_allclose(row_errors_px((left[0], right[0]), (LEFT, RIGHT), RIG), 0.0, atol=1e-6)
    lower = replace(right[0], pixels=right[0].pixels + np.array([0.0, 1.0]))
    off = row_errors_px((left[0], lower), (LEFT, RIGHT), RIG)
    assert -1.3 < np.median(off) < -0.7


def test_bad_sets():
    left, right = pairs(4)
    with pytest.raises(ImageError, match="as many left as right"):
        calibrate_stereo(left, right[:3], BOARD)
    with pytest.raises(ImageError, match=r"at least 3 pairs.*got 2"):
        calibrate_stereo([*left, None, None], [None, None, *right], BOARD, "opencv")


def test_a_rig_that_looks_backwards_is_refused(monkeypatch):
    left, right = pairs(3)
    behind = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -100.0])
    monkeypatch.setattr(rig_fit, "_start", lambda *_: (behind, np.tile([0, 0, 0, -3.5, -2.5, 12.0], (3, 1))))
    with pytest.raises(ImageError, match="left and right are not mixed up"):
        rig_fit.RigFit(list(zip(left, right, strict=True)), BOARD, (LEFT, RIGHT), refine=False)
