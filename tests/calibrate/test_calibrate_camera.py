"""Calibration of one camera from corners with known truth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from board_scenes import BOARD, CAMERAS, view, views

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.camera import calibrate_camera
from gyrosharp.calibrate.lens import FISHEYE_KIND, OPENCV_KINDS, LensKind, fit_lens, fit_poses
from gyrosharp.calibrate.model_choice import ModelScore, choose_model
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry.rotation import exp_so3

KINDS = {str(kind): kind for kind in (*OPENCV_KINDS, FISHEYE_KIND)}


@pytest.mark.parametrize("name", CAMERAS)
def test_exact_corners_give_the_exact_camera(name):
    truth = CAMERAS[name]
    found, at = views(truth, 10)
    fit = fit_lens(found, BOARD, KINDS[name])
    # The coefficients of the rational model stand for each other; what they do to pixels is what counts.
    pixels = np.concatenate([view.pixels for view in found])
    expected, _ = truth.unproject(pixels)
    got, _ = fit.camera.unproject(pixels)
    np.testing.assert_allclose(got, expected, atol=2e-6)
    assert fit.camera.fx == pytest.approx(truth.fx, rel=1e-5)
    assert fit.camera.cy == pytest.approx(truth.cy, abs=1e-2)
    np.testing.assert_allclose(exp_so3(fit.poses[:, :3]), exp_so3(at[:, :3]), atol=1e-5)
    assert fit.rms_px < 1e-4


@pytest.mark.parametrize("kind", OPENCV_KINDS[:2], ids=str)
def test_the_same_result_and_uncertainty_as_opencv(kind):
    found, _ = views(CAMERAS["opencv 4"], 12, noise_px=0.2)
    ours = fit_lens(found, BOARD, kind)
    flags = cv2.CALIB_FIX_K3 if kind.coefficients == 4 else 0
    rms, K, distortion, _, _, std, _, per_view = cv2.calibrateCameraExtended(
        [BOARD.points(view.ids).astype(np.float32) for view in found],
        [view.pixels.astype(np.float32) for view in found],
        (1280, 720),
        None,
        None,
        flags=flags,
        criteria=(cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-12),
    )
    assert ours.rms_px == pytest.approx(rms, rel=1e-4)
    camera = ours.camera
    np.testing.assert_allclose(camera.K, K, atol=0.01)
    np.testing.assert_allclose(camera.distortion, distortion.ravel()[: kind.coefficients], atol=2e-4)
    np.testing.assert_allclose(ours.view_rms_px, per_view.ravel(), rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.covariance))[:4], std.ravel()[:4], rtol=0.02)


def test_the_uncertainty_is_that_of_repeated_calibrations():
    truth = CAMERAS["opencv 4"]
    kind = LensKind("opencv", 4)
    fits = [fit_lens(views(truth, 8, seed=0, noise_px=0.0)[0], BOARD, kind)]
    clean, _ = views(truth, 8)
    rng = np.random.default_rng(5)
    for _ in range(25):
        noisy = [replace(one, pixels=one.pixels + 0.3 * rng.standard_normal(one.pixels.shape)) for one in clean]
        fits.append(fit_lens(noisy, BOARD, kind, fits[0]))
    scatter = np.std([fit.camera.fx for fit in fits[1:]], ddof=1)
    stated = np.sqrt(fits[1].covariance[0, 0])
    assert 0.6 < scatter / stated < 1.6  # 25 draws know a standard deviation to 14 %


@pytest.mark.parametrize("name", CAMERAS)
def test_the_lens_model_is_recognised(name):
    found, _ = views(CAMERAS[name], 14, noise_px=0.1, seed=3)
    result = calibrate_camera(found, BOARD)
    truth = CAMERAS[name]
    chosen = f"{result.camera.distortion_model} {len(result.camera.distortion)}"
    # Five coefficients may do the work of eight (and the other way round); the family must be right.
    assert chosen.split()[0] == name.split()[0]
    assert name != "opencv 4" or chosen == name
    assert result.camera.fx == pytest.approx(truth.fx, rel=0.005)
    best = min(score.unseen_rms_px for score in result.scores)
    kept = next(score for score in result.scores if str(score.kind) == chosen)
    assert kept.unseen_rms_px < 1.03 * best
    assert result.rms_px == pytest.approx(0.1 * np.sqrt(2), rel=0.1)


def test_the_model_may_be_given():
    found, _ = views(CAMERAS["opencv 4"], 8, noise_px=0.1)
    assert calibrate_camera(found, BOARD, "opencv_fisheye").camera.distortion_model == "opencv_fisheye"
    with pytest.raises(UsageError, match="--model"):
        calibrate_camera(found, BOARD, "pinhole")


def test_a_wrong_view_is_dropped_and_named():
    found, _ = views(CAMERAS["opencv 4"], 10, noise_px=0.1)
    bent = found[4].pixels.copy()
    bent[:, 0] += 6.0 * np.sin(bent[:, 1] / 50.0)
    found[4] = replace(found[4], pixels=bent)
    result = calibrate_camera(found, BOARD, "opencv")
    assert [name for name, _ in result.dropped] == ["view04.png"]
    assert "RMS" in result.dropped[0][1]
    assert len(result.views) == 9
    assert result.camera.fx == pytest.approx(900.0, rel=0.005)


def test_single_stray_corners_are_cut_and_named():
    found, _ = views(CAMERAS["opencv 4"], 9, noise_px=0.1)
    moved = found[2].pixels.copy()
    moved[7] += (20.0, -15.0)
    found[2] = replace(found[2], pixels=moved)
    result = calibrate_camera(found, BOARD, "opencv")
    assert [name for name, _ in result.dropped] == ["view02.png"]
    assert "1 corner off by up to 2" in result.dropped[0][1]
    kept = next(report.view for report in result.views if report.view.name == "view02.png")
    assert len(kept) == len(found[2]) - 1 and found[2].ids[7] not in kept.ids
    assert result.max_px < 0.7


def test_swapped_sides_and_a_mirrored_numbering_do_not_matter():
    """A checkerboard has no top: any numbering of a view gives the same camera."""
    found, _ = views(CAMERAS["opencv 4"], 9, noise_px=0.1)
    plain = calibrate_camera(found, BOARD, "opencv")
    ways = BOARD.relabelings()
    turned = [one.relabelled(ways[k % 4]) for k, one in enumerate(found)]
    again = calibrate_camera(turned, BOARD, "opencv")
    assert again.camera.fx == pytest.approx(plain.camera.fx, rel=1e-5)
    swapped = [replace(one, ids=(one.ids % 8) * 6 + one.ids // 8) for one in found]
    assert calibrate_camera(swapped, Board(6, 8), "opencv").camera.fx == pytest.approx(plain.camera.fx, rel=1e-5)


def test_tilt_and_residuals_are_reported():
    camera = CAMERAS["opencv 4"]
    found, at = views(camera, 8, noise_px=0.1)
    result = calibrate_camera(found, BOARD, "opencv")
    tilts = np.degrees(np.arccos(np.abs(exp_so3(at[:, :3])[:, 2, 2])))
    np.testing.assert_allclose([report.tilt_deg for report in result.views], tilts, atol=1.0)
    lengths = np.concatenate([np.linalg.norm(report.residuals_px, axis=1) for report in result.views])
    assert result.max_px == pytest.approx(lengths.max())
    assert result.rms_px == pytest.approx(np.sqrt((lengths**2).mean()))
    document = result.as_json()
    assert document["camera"]["fx"] == result.camera.fx and len(document["views"]) == 8
    assert set(document["std"]) >= {"fx", "fy", "cx", "cy", "k1", "p2"}


def test_the_sign_of_residuals_is_found_less_projected():
    camera = CAMERAS["opencv 4"]
    found, _ = views(camera, 8, noise_px=0.1)
    moved = found[0].pixels.copy()
    moved[10] += (0.9, 0.0)
    found[0] = replace(found[0], pixels=moved)
    report = calibrate_camera(found, BOARD, "opencv").views[0]
    assert report.view.name == found[0].name
    assert report.residuals_px[10, 0] > 0.5


def test_parallel_boards_determine_no_focal_length():
    camera = CAMERAS["opencv 4"]
    flat = [
        view(
            camera,
            np.array([0, 0, 0.2 * k, -3.5 + k, -2.5, 9.0]),
            name=f"{k}.png",
            noise_px=0.1,
            rng=np.random.default_rng(k),
        )
        for k in range(5)
    ]
    with pytest.raises(ImageError, match=r"determine the focal length.*tilt the board"):
        calibrate_camera(flat, BOARD, "opencv")


def test_weak_sets_are_warned_of():
    camera = CAMERAS["opencv 4"]
    rng = np.random.default_rng(0)
    small = [
        view(camera, np.array([0.05 * k, 0.3 - 0.1 * k, 0, -3, -2, 25.0]), name=f"{k}.png", noise_px=0.02, rng=rng)
        for k in range(5)
    ]
    small[1] = replace(small[1], edge_px=9.0)
    small[2:] = [replace(one, edge_px=2.0) for one in small[2:]]
    text = " | ".join(calibrate_camera(small, BOARD, "opencv").warnings)
    for words in ("only 5 views", "of the picture", "half diagonal", "1 of 5 views are blurred", "1.png"):
        assert words in text
    good, _ = views(camera, 16, noise_px=0.05)
    remarks = calibrate_camera(good, BOARD, "opencv").warnings
    assert not any("views" in text.split(":")[0] or "tilt" in text for text in remarks), remarks


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_views(count):
    found, _ = views(CAMERAS["opencv 4"], 3)
    with pytest.raises(ImageError, match=f"at least 3 pictures.*got {count}"):
        calibrate_camera(found[:count], BOARD)


def test_sizes_must_agree():
    found, _ = views(CAMERAS["opencv 4"], 4)
    found[2] = replace(found[2], width=720, height=1280)
    with pytest.raises(ImageError, match="one size, got 720 x 1280"):
        calibrate_camera(found, BOARD)


def test_poses_of_a_known_camera():
    camera = CAMERAS["opencv_fisheye 4"]
    found, at = views(camera, 4)
    np.testing.assert_allclose(fit_poses(found, BOARD, camera), at, atol=1e-5)


def test_positions_that_no_lens_explains():
    """Corners on one line and at one place: no pose has all of them in front of the camera."""
    found, _ = views(CAMERAS["opencv 4"], 4)
    crossed = []
    for one in found:
        pixels = one.pixels.copy()
        pixels[::2] = 2 * pixels.mean(axis=0) - pixels[::2]
        crossed.append(replace(one, pixels=pixels))
    with pytest.raises(ImageError):
        calibrate_camera(crossed, BOARD, "opencv")


def test_models_without_a_score_are_passed_over():
    def score(kind, *squared):
        return ModelScore(kind, 0.1, float(np.sqrt(np.mean(squared))), np.array(squared))

    four, five, eight = OPENCV_KINDS
    lost, plain = score(four, np.inf, 1.0, 1.0), score(five, 1.0, 1.1, 0.9)
    assert choose_model([lost, plain]) is plain
    assert choose_model([plain, score(eight, np.inf, 0.1, 0.1)]) is plain
    # Better on average, but not by more than its standard error.
    assert choose_model([plain, score(eight, 0.2, 1.6, 0.9)]) is plain
    assert str(choose_model([plain, score(eight, 0.5, 0.6, 0.4)]).kind) == "opencv 8"
    assert choose_model([plain, score(eight, 0.99, 1.09, 0.89)]) is plain, "a gain of 1 % is none"


def test_chance_corners_are_refused_without_a_crash():
    rng = np.random.default_rng(3)
    board = Board(4, 4)
    found = [BoardView(f"{k}.png", 1280, 720, np.arange(16), rng.uniform(0, 700, (16, 2))) for k in range(3)]
    with pytest.raises(ImageError):
        calibrate_camera(found, board)
