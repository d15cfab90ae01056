"""Published calibrations, real stereo pairs and real still phones."""

import numpy as np
import pytest

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.camera import calibrate_camera
from gyrosharp.calibrate.collect import collect_views, picture_sources
from gyrosharp.calibrate.gyro_noise import still_noise
from gyrosharp.calibrate.pairing import paired
from gyrosharp.calibrate.stereo import calibrate_stereo
from gyrosharp.errors import ImuError
from gyrosharp.imu.readers import read_imu

pytestmark = pytest.mark.shared_data


def test_published_intrinsics_are_recovered(shared_data, record_property):
    found = collect_views(picture_sources([shared_data / "calib" / "nolic-imudeblur_checker"]), None)
    assert found.board == Board(8, 6) and len(found.views) == 6
    result = calibrate_camera(found.views, found.board)
    camera = result.camera
    # Published, from 22 views: fx 924.85, fy 925.66, cx 969.38, cy 532.82, RMS 0.45 px.
    record_property("fx", camera.fx)
    record_property("fy", camera.fy)
    record_property("rms_px", result.rms_px)
    assert camera.fx == pytest.approx(924.85, rel=0.01) and camera.fy == pytest.approx(925.66, rel=0.01)
    assert abs(camera.cx - 969.38) < 4 and abs(camera.cy - 532.82) < 6
    assert result.rms_px < 0.46
    assert result.std["fx"] < 0.003 * camera.fx
    assert any("only 6 views" in text for text in result.warnings)


def test_stereo_pairs_reproject_under_half_a_pixel(shared_data, record_property):
    sides = [
        picture_sources([shared_data / "calib" / "nolic-stereo_checkerboard" / name]) for name in ("left", "right")
    ]
    pairs = paired(*sides)
    assert len(pairs) == 14
    board = Board(9, 6)
    views = [collect_views(side, board) for side in zip(*pairs, strict=True)]
    result = calibrate_stereo(views[0].views, views[1].views, board)
    record_property("rms_px", result.rms_px)
    record_property("epipolar_rms_px", result.epipolar_rms_px)
    assert all(one.rms_px < 0.1 for one in result.alone), "each camera alone"
    # The right camera was moved after the third pair: the speaker under the board jumps in its pictures.
    dropped = {name.split(" ")[0] for name, _ in result.dropped}
    assert {"left01.jpg", "left02.jpg", "left03.jpg"} <= dropped and len(dropped) <= 5
    assert result.rms_px < 0.5
    assert 36 < result.angle_deg < 40
    np.testing.assert_allclose(result.t_right_left, [-34.5, 0.3, 14.6], atol=1.0)


def test_a_still_phone(shared_data):
    folder = shared_data / "gyro" / "tyrex_phones"
    noise = still_noise(read_imu(folder / "static_iPhone4S_d3" / "gyroscope.txt"))
    assert noise.rate_hz == pytest.approx(107.4, abs=0.1)
    np.testing.assert_allclose([axis.std_rad_s for axis in noise.axes], [3.0e-3, 2.75e-3, 3.75e-3], rtol=0.02)
    np.testing.assert_allclose([axis.step_rad_s for axis in noise.axes], 1e-4, rtol=1e-3)
    for axis in noise.axes:
        # White noise: the density is the sample's deviation over the root of the rate.
        assert axis.white.value == pytest.approx(axis.std_rad_s / np.sqrt(noise.rate_hz), rel=0.06)


def test_a_phone_that_was_turned_between_rests(shared_data):
    log = read_imu(shared_data / "gyro" / "tyrex_phones" / "static_acc_Nexus5_d3" / "gyroscope-calibrated.txt")
    with pytest.raises(ImuError, match=r"lay still from 70\.8 to 116\.6 s"):
        still_noise(log)
    noise = still_noise(log, (70.8, 116.6))
    assert noise.gaps == 0 and all(0.5 < axis.lag1_correlation < 0.8 for axis in noise.axes)
