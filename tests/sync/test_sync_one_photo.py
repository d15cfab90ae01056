"""One blurred photo and a log with a known truth; small photos, narrow ranges and few mappings, to be quick."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.shot import ShakeSettings, observed, shaken_shot
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.restore.spectrum import textured_spectra
from gyrosharp.sync.cube import cube_rotations
from gyrosharp.sync.result import AXES, BIAS, FOCAL, TIME_OFFSET
from gyrosharp.sync.shot import synchronise_shot
from gyrosharp.sync.shot_scan import Scan, ShotScan, covered_offsets
from shots import photo, with_gyro_errors

PORTRAIT = np.diag([1.0, -1.0, -1.0])


@cache
def shot(name="coffee", seed=101, size=(330, 300), **settings):
    """A photo in the middle of 1.2 s of shake; axes, offset and camera are the true ones."""
    rng = np.random.default_rng(seed)
    known = {"trail_px": 16.0, "exposure_s": 0.06, **settings}
    return shaken_shot(photo(name, *size), hand_tremor(rng, 1.2), 0.55, rng, ShakeSettings(**known))


def in_imu_frame(capture, R_cam_imu):
    """The capture whose log is written in another frame, which R_cam_imu maps to the camera's."""
    imu = replace(capture.imu, gyro_rad_s=capture.imu.gyro_rad_s @ R_cam_imu)
    return replace(capture, imu=imu, R_cam_imu=R_cam_imu)


def test_a_log_60_ms_off_is_moved_back():
    truth = shot()
    found = synchronise_shot(
        replace(truth.capture, time_offset_s=0.06), truth.blurred_linear, max_offset_s=0.09, find_axes=False
    )
    assert found.succeeded
    assert abs(found.time_offset_s) < max(3 * found.std[TIME_OFFSET], 0.004)
    assert found.std[TIME_OFFSET] < 0.006
    assert AXES not in found.determined
    assert any("axes taken as given" in reason for reason in found.reasons)
    assert found.inliers > 0.8
    assert found.fx == pytest.approx(truth.capture.camera.fx, abs=3 * found.std[FOCAL])
    if BIAS in found.determined:
        assert (np.abs(found.gyro_bias_rad_s) < 3.5 * np.array(found.std[BIAS]) + 1e-3).all()
    told = found.as_json()
    assert told["pairs"] > 5
    assert isinstance(told["std"][TIME_OFFSET], float)


def test_the_sign_of_the_offset_is_that_of_the_conventions():
    """Stamps 40 ms too late need an offset of -40 ms: t_cam = t_imu + offset."""
    truth = shot()
    late = replace(truth.capture, imu=replace(truth.capture.imu, time_ns=truth.capture.imu.time_ns + 40_000_000))
    found = synchronise_shot(late, truth.blurred_linear, max_offset_s=0.1, find_axes=False)
    assert found.time_offset_s == pytest.approx(-0.04, abs=0.006)


def test_wrong_axes_are_put_right():
    """The log is a phone's, x right, y up, z out of the screen; the capture says it is the camera's."""
    truth = shot("camera", 104, (440, 400), trail_px=24.0)
    wrong = replace(in_imu_frame(with_gyro_errors(truth.capture, 1, offset_s=0.0), PORTRAIT), R_cam_imu=None)
    found = synchronise_shot(
        replace(wrong, time_offset_s=0.01), truth.blurred_linear, max_offset_s=0.03, find_axes=True
    )
    assert found.succeeded
    assert AXES in found.determined
    np.testing.assert_allclose(found.R_cam_imu, PORTRAIT, atol=1e-9)
    assert abs(found.time_offset_s) < 0.006


def test_axes_that_the_photo_does_not_tell_stay_as_given():
    """A smaller part of the same photo no longer tells a phone's axes from others: they are named, not guessed."""
    truth = shot("camera", 104, (360, 330), trail_px=24.0)
    wrong = replace(in_imu_frame(with_gyro_errors(truth.capture, 1, offset_s=0.0), PORTRAIT), R_cam_imu=None)
    found = synchronise_shot(
        replace(wrong, time_offset_s=0.02), truth.blurred_linear, max_offset_s=0.08, find_axes=True
    )
    assert AXES not in found.determined
    np.testing.assert_allclose(found.R_cam_imu, np.eye(3))
    assert "not determined by one photo" in found.reasons[0]
    assert found.advice


def refused(result, capture):
    """What every refusal looks like: nothing determined, values as given, a reason and advice."""
    assert not result.succeeded
    assert result.determined == ()
    assert result.time_offset_s == capture.time_offset_s
    assert result.reasons
    assert result.advice
    return result.reasons[0]


def test_a_sharp_photo_is_refused():
    truth = shot()
    sharp = observed(truth.sharp_linear, np.random.default_rng(0), 0.01, 8)
    refused(synchronise_shot(truth.capture, sharp, max_offset_s=0.1, find_axes=False), truth.capture)


def test_the_log_of_another_shot_is_refused():
    truth = shot("camera", 104, trail_px=24.0)
    other = hand_tremor(np.random.default_rng(2003), 1.2).gyro_rad_s[: len(truth.capture.imu.time_ns)]
    rms = np.sqrt(np.mean(truth.capture.imu.gyro_rad_s**2) / np.mean(other**2))
    wrong = replace(truth.capture, imu=replace(truth.capture.imu, gyro_rad_s=other * rms))
    refused(synchronise_shot(wrong, truth.blurred_linear, max_offset_s=0.15, find_axes=False), wrong)


def test_a_steady_turn_does_not_tell_the_time():
    """At a constant rate every offset gives the same trail."""
    truth = shot()
    steady = 0 * truth.capture.imu.gyro_rad_s + [0.35, 0.5, 0.1]
    log = replace(truth.capture, imu=replace(truth.capture.imu, gyro_rad_s=steady))
    again = shaken_shot(
        photo("coffee", 330, 300), log.imu, 0.55, np.random.default_rng(0), ShakeSettings(exposure_s=0.06)
    )
    reason = refused(
        synchronise_shot(again.capture, again.blurred_linear, max_offset_s=0.1, find_axes=False), again.capture
    )
    assert "time offset not determined by one photo" in reason


def test_nothing_to_see_is_refused():
    truth = shot()
    flat = np.full_like(truth.blurred_linear, 0.4)
    assert "too little texture" in refused(synchronise_shot(truth.capture, flat), truth.capture)


def test_a_log_of_another_day_is_refused():
    truth = shot()
    elsewhere = replace(truth.capture, time_offset_s=86400.0)
    assert "does not cover the exposure" in refused(synchronise_shot(elsewhere, truth.blurred_linear), elsewhere)


def test_what_cannot_be_synchronised_is_an_error():
    truth = shot()
    with pytest.raises(UsageError, match="expected a gyro log"):
        known = Capture(truth.capture.camera, truth.capture.exposure, poses=truth.capture.trajectory())
        synchronise_shot(known, truth.blurred_linear)
    with pytest.raises(UsageError, match="largest time offset: expected seconds above 0, got 0"):
        synchronise_shot(truth.capture, truth.blurred_linear, max_offset_s=0.0)
    with pytest.raises(ImageError, match="as the camera says"):
        synchronise_shot(truth.capture, truth.blurred_linear[:-1])


def test_the_scan_peaks_at_the_truth():
    truth = shot()
    offsets = covered_offsets(truth.capture, 0.03, 0.05)
    spectra = textured_spectra(truth.blurred_linear.mean(axis=-1), 16.0)
    scan = ShotScan(truth.capture, offsets).run(cube_rotations()[[0, -1]], spectra)
    a, k = next(scan.peaks(0.01))
    identity = [np.allclose(axes, np.eye(3)) for axes in scan.axes]
    assert identity[a] or not any(identity)
    assert abs(offsets[k]) < 0.006


def test_trails_of_the_scan_are_those_of_the_capture():
    """The log is integrated in its own frame and turned afterwards: the same displacements as the long way round."""
    from gyrosharp.restore.calibration import displacements

    capture = in_imu_frame(shot().capture, cube_rotations()[7])
    centres = np.array([[40.0, 60.0], [165.0, 150.0], [300.0, 280.0]])
    scan = ShotScan(capture, np.array([-0.02, 0.0, 0.02]))
    for offset_s in (-0.02, 0.013):
        expected = displacements(replace(capture, time_offset_s=offset_s), centres)
        found = scan.displacements(offset_s, cube_rotations()[[7]], centres)[0]
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_offsets_end_where_the_log_does():
    capture = shot().capture
    offsets = covered_offsets(capture, 0.0, 5.0)
    start_ns, end_ns = capture.exposure.span_ns
    span_s = (end_ns - start_ns) * 1e-9
    assert offsets.max() == pytest.approx((start_ns - capture.imu.time_ns[0]) * 1e-9, abs=0.05 * span_s + 0.003)
    assert offsets.min() == pytest.approx((end_ns - capture.imu.time_ns[-1]) * 1e-9, abs=0.05 * span_s + 0.003)
    np.testing.assert_allclose(np.diff(offsets), offsets[1] - offsets[0])


def test_peaks_of_one_mapping_lie_apart():
    offsets = np.arange(5) * 0.01
    evidence = np.array([[0.0, 3.0, 2.9, 0.0, 1.0], [0.5, 0.0, 0.0, 2.0, 0.0]])
    scan = Scan(offsets, cube_rotations()[:2], evidence)
    assert list(scan.peaks(0.015))[:3] == [(0, 1), (1, 3), (0, 4)]
