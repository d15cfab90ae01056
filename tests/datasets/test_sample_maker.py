from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.encodings import encode
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.field import field_of_motion
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.media.transfer import SRGB
from shaken import psnr
from synth_inputs import clean_config, maker_of, write_log, write_photos, write_rgbd


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    return write_rgbd(tmp_path_factory.mktemp("rgbd"))


def linear(codes):
    return SRGB.decode(codes / np.iinfo(codes.dtype).max).astype(np.float32)


def reblurred_db(sample, operator, inner=16):
    """How well the sample's own capture explains how its blurred picture came from its sharp one."""
    predicted = SRGB.encode(operator.forward(linear(sample.sharp)))
    part = (slice(inner, -inner), slice(inner, -inner))
    return psnr(predicted[part], SRGB.encode(linear(sample.blurred))[part])


@pytest.mark.parametrize("shutter", list(Shutter))
def test_the_capture_explains_the_blur(photos, shutter):
    config = clean_config(
        exposure={"duration_s": (0.05, 0.05), "readout_s": (0.02, 0.02), "shutters": [shutter]},
        camera={"focal_ratio": (0.8, 0.9), "distortion_k1": (-0.2, -0.1)},
    )
    maker = maker_of(photos, config).samples
    for index in range(4):
        sample = maker.sample(index)
        told = reblurred_db(sample, ExactOperator(sample.motion, 64))
        assert told > 42
        # The mirror image of the motion, which is what a sign mistake would make, explains it far less.
        reversed_imu = replace(sample.capture.imu, gyro_rad_s=-sample.capture.imu.gyro_rad_s)
        turned_back = replace(sample, capture=replace(sample.capture, imu=reversed_imu))
        assert told > 4 + reblurred_db(turned_back, ExactOperator(turned_back.motion, 64))


@pytest.mark.parametrize("reference", ["mid", "start"])
def test_with_depth_and_translation_too(rgbd, tmp_path, reference):
    poses = tmp_path / "poses.txt"
    seconds = np.arange(0, 1.0, 0.01)
    rows = [f"{t:.3f} {0.3 * np.sin(9 * t):.6f} {0.1 * t:.6f} 0 0 0 0 1" for t in seconds]
    poses.write_text("\n".join(rows) + "\n")
    config = clean_config(
        motion={"sources": [{"kind": "trajectory", "files": [str(poses)]}], "trail_px": (6.0, 9.0)},
        exposure={"duration_s": (0.05, 0.05), "readout_s": (0.0, 0.01), "reference": reference},
    )
    maker = maker_of(rgbd, config).samples
    sample = maker.sample(1)
    assert sample.meta["blur"]["depth"] and sample.depth_m is not None
    assert np.ptp(sample.field.extent_px) > 2.0
    told = reblurred_db(sample, DepthOperator(sample.motion, 48))
    assert told > 38
    assert told > 3 + reblurred_db(sample, ExactOperator(replace(sample.motion, depth_m=None), 48))


def test_trails_are_as_long_as_asked(photos):
    maker = maker_of(photos, clean_config(motion={"trail_px": (2.0, 20.0)})).samples
    lengths = []
    for index in range(8):
        sample = maker.sample(index)
        lengths.append(sample.meta["trail_px"])
        dense = field_of_motion(sample.motion, 2, 65)
        assert np.median(dense.extent_px) == pytest.approx(sample.meta["trail_px"], rel=0.05)
    assert np.ptp(lengths) > 6


@pytest.mark.parametrize(("reference", "phase"), [("mid", 8), ("start", 0)])
def test_the_reference_moment_is_the_samples_own(photos, reference, phase):
    config = clean_config(exposure={"duration_s": (0.05, 0.05), "readout_s": (0.0, 0.0), "reference": reference})
    sample = maker_of(photos, config).samples.sample(0)
    assert np.abs(sample.field.displacement_px[phase]).max() < 1e-6
    assert np.abs(sample.field.displacement_px).max() > 2


def test_a_still_camera_gives_the_truth(photos):
    sample = maker_of(photos, clean_config(motion={"trail_px": (0.0, 0.0)})).samples.sample(2)
    np.testing.assert_array_equal(sample.sharp, sample.blurred)
    assert (sample.mask == 1).all()


def test_samples_are_functions_of_seed_and_index(photos):
    maker = maker_of(photos).samples
    forwards = [maker.sample(index) for index in range(4)]
    again = [maker_of(photos).samples.sample(index) for index in (3, 2, 1, 0)][::-1]
    for one, other in zip(forwards, again, strict=True):
        np.testing.assert_array_equal(one.blurred, other.blurred)
        np.testing.assert_array_equal(one.noisy_field.displacement_px, other.noisy_field.displacement_px)
        assert one.meta == other.meta
    assert any((maker_of(photos, seed=4).samples.sample(0).blurred != forwards[0].blurred).ravel())
    assert {sample.meta["photo"]["name"] for sample in forwards[:2]} != {
        sample.meta["photo"]["name"] for sample in forwards[2:]
    }


def test_the_rotation_centre_errs_by_a_share_of_the_whole_photo(photos):
    """A camera does not know which part of its picture becomes a sample."""
    config = clean_config(errors={"preset": "gyrodeblurnet", "level": (1.0, 1.0)}, picture={"scale": (0.5, 0.9)})
    drawn = maker_of(photos, config).samples.draw(3)
    true, erring = drawn.shot.sample.camera, drawn.noisy_capture.camera
    scale = drawn.scene.facts["scale"]
    whole_px = drawn.scene.whole.width * scale, drawn.scene.whole.height * scale
    assert whole_px[0] > true.width + 20
    moved = erring.cx - true.cx, erring.cy - true.cy
    assert moved == pytest.approx(np.multiply(drawn.errors.centre_shift, whole_px), rel=0.02)


def test_every_photo_comes_once_before_any_comes_again(photos):
    maker = maker_of(photos).samples
    names = [maker.sample(index).meta["photo"]["name"] for index in range(0, 12, 2)]
    assert set(names[:3]) == set(names[3:]) and len(set(names[:3])) == 3


def test_stages_do_not_disturb_each_other(photos):
    plain = maker_of(photos).samples.sample(0)
    noisy = maker_of(photos, clean_config(sensor={"preset": "phone"}, errors={"level": (1.0, 1.0)})).samples.sample(0)
    np.testing.assert_array_equal(plain.field.displacement_px, noisy.field.displacement_px)
    assert plain.meta["photo"] == noisy.meta["photo"]
    np.testing.assert_array_equal(plain.field.displacement_px, plain.noisy_field.displacement_px)
    assert np.abs(noisy.field.displacement_px - noisy.noisy_field.displacement_px).max() > 0.1


def test_encodings_belong_to_the_fields(photos):
    encodings = [{"name": "camera_motion_field", "options": {"pairs": 4}}, {"name": "linear_kernel", "stride": 4}]
    config = clean_config(encodings=encodings, errors={"level": (1.0, 1.0)})
    sample = maker_of(photos, config).samples.sample(1)
    assert sample.encodings["camera_motion_field"].shape == (8, 40, 48)
    exact = encode("camera_motion_field", field_of_motion(sample.motion, 2, 17), pairs=4)
    np.testing.assert_allclose(sample.encodings["camera_motion_field"], exact, atol=0.02)
    erring = encode("linear_kernel", field_of_motion(sample.noisy_motion, 4, 17))
    np.testing.assert_allclose(sample.noisy_encodings["linear_kernel"], erring, atol=0.02)


def test_moving_objects_are_masked(photos):
    config = clean_config(blur={"moving_objects": 1.0, "object_speed_px": [10.0, 20.0]})
    sample = maker_of(photos, config).samples.sample(0)
    assert sample.meta["blur"]["object"]["area_px"] > 50
    hidden = 1 - sample.mask
    assert 0.01 < hidden.mean() < 0.6
    # Where the object never was, the capture explains the blur as ever.
    predicted = SRGB.encode(ExactOperator(sample.motion, 64).forward(linear(sample.sharp)))
    error = np.abs(predicted - SRGB.encode(linear(sample.blurred))).max(axis=2)[16:-16, 16:-16]
    seen = sample.mask[16:-16, 16:-16] > 0.999
    assert np.percentile(error[seen], 90) < 0.03 < np.percentile(error[~seen], 90)


def test_saturated_light_is_marked(tmp_path):
    import cv2

    picture = np.full((200, 220, 3), 90, np.uint8)
    for offset in range(16):
        picture[offset // 4 :: 24, offset % 4 :: 24] = 255
    cv2.imwrite(str(tmp_path / "lamps.png"), picture)
    config = clean_config(sensor={"preset": "none", "settings": {"saturation_alpha": [2.0, 2.0]}})
    lit = maker_of(tmp_path, config).samples.sample(0)
    plain = maker_of(tmp_path).samples.sample(0)
    assert 0 < lit.saturation.max() < 1 and (lit.saturation > 0).mean() > 0.02
    assert linear(lit.blurred).mean() > linear(plain.blurred).mean()
    np.testing.assert_array_equal(lit.sharp, plain.sharp)


@pytest.mark.parametrize("name", ["gamd", "gyrodeblurnet", "imu_unet", "refine"])
def test_every_named_config_makes_samples(photos, tmp_path, name):
    maker = maker_of(photos, logs=[write_log(tmp_path / "log.gcsv")], name=name).samples
    for index in range(3):
        sample = maker.sample(index)
        assert sample.sharp.shape == sample.blurred.shape == (80, 96, 3)
        assert set(sample.encodings) == {part.name for part in maker.config.encodings}
        if name == "imu_unet":
            steps = np.diff(sample.field.displacement_px[:, 5, 5], axis=0)
            np.testing.assert_allclose(steps, np.broadcast_to(steps.mean(axis=0), steps.shape), atol=0.05)


def test_the_thesis_config_makes_depth_samples(rgbd, inertial_log):
    maker = maker_of(rgbd, logs=[inertial_log], name="depth_imu").samples
    kinds = {maker.sample(index).meta["blur"]["depth"] for index in range(8)}
    assert kinds == {True, False}


@pytest.fixture
def inertial_log(tmp_path):
    """A log with an accelerometer: a hand that trembles and shifts, 200 Hz, in Kalibr's columns."""
    t = np.arange(0, 5.0, 0.005)
    gyro = 0.4 * np.stack([np.sin(11 * t), np.cos(13 * t), 0.5 * np.sin(7 * t)], axis=1)
    accel = np.stack([2 * np.sin(20 * t), 9.81 + np.cos(17 * t), np.sin(23 * t)], axis=1)
    path = tmp_path / "imu0.csv"
    table = np.column_stack([np.rint(t * 1e9), gyro, accel])
    rows = [f"{row[0]:.0f}," + ",".join(f"{value:.6f}" for value in row[1:]) for row in table]
    path.write_text(
        "#timestamp [ns],w_RS_S_x [rad s^-1],w_RS_S_y [rad s^-1],w_RS_S_z [rad s^-1],"
        "a_RS_S_x [m s^-2],a_RS_S_y [m s^-2],a_RS_S_z [m s^-2]\n" + "\n".join(rows) + "\n"
    )
    return path
