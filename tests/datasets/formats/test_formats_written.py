"""What gyrosharp writes in a paper's layout is read back, and lies where the paper has it."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from format_trees import write_tree

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.capture_file import load_capture
from gyrosharp.datasets.formats import claims, read_dataset, summary_files, writable_formats
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import CaptureError, ImageError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.media.transfer import SRGB

NAMES = sorted(writable_formats())
WIDTH, HEIGHT = 48, 32
START_NS = 250_000_000
FIELD = {
    "imu_blur": "bezier_heatmap",
    "gyroblur_synth": "camera_motion_field",
    "depth_imu": "linear_kernel",
    "imu_unet": "vector_norm",
}


def shot(seed, shutter=Shutter.GLOBAL, readout_s=0.0, scale=1.0):
    imu = hand_tremor(np.random.default_rng(seed), 0.6)
    imu = replace(imu, gyro_rad_s=imu.gyro_rad_s * scale)
    camera = CameraModel(WIDTH, HEIGHT, 40.0 + seed, 41.0, 20.0, 14.0)
    # A camera frame turned about the axis that both share.
    axes = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    exposure = Exposure(START_NS, 0.0476, readout_s, shutter)
    return Capture(camera, exposure, imu=imu, R_cam_imu=axes, time_offset_s=0.004, reference_ns=START_NS)


def made(name="a", seed=0, bits=8, **timing):
    rng = np.random.default_rng(seed)
    code = np.uint8 if bits == 8 else np.uint16
    top = 2**bits
    capture, noisy = shot(seed, **timing), shot(seed, scale=1.1, **timing)
    planes = {
        "bezier_heatmap": rng.normal(0, 60, (4, HEIGHT, WIDTH)),
        "linear_kernel": rng.normal(0, 60, (2, HEIGHT, WIDTH)),
        "vector_norm": rng.random((3, HEIGHT, WIDTH)),
        "camera_motion_field": rng.normal(0, 5, (16, HEIGHT // 2, WIDTH // 2)),
    }
    planes = {key: values.astype(np.float32) for key, values in planes.items()}
    depth_m = rng.uniform(0.5, 9.0, (HEIGHT, WIDTH)).astype(np.float32)
    depth_m[0, :3] = np.nan
    return BlurSample(
        name=name,
        sharp=rng.integers(0, top, (HEIGHT, WIDTH, 3), dtype=code),
        blurred=rng.integers(0, top, (HEIGHT, WIDTH, 3), dtype=code),
        capture=replace(capture, depth_m=depth_m),
        noisy_capture=noisy,
        field=blur_field(capture),
        noisy_field=blur_field(noisy),
        mask=np.ones((HEIGHT, WIDTH), np.float32),
        saturation=np.full((HEIGHT, WIDTH), 0.2, np.float32),
        encodings=planes,
        noisy_encodings={"camera_motion_field": planes["camera_motion_field"] * 2},
        meta={"seed": seed, "sensor": {"iso": 800}},
    )


def written(folder, name, samples, split="train"):
    module = writable_formats()[name]
    for sample in samples:
        write_tree(folder, module.files_of(sample, split))
    return write_tree(folder, summary_files(name, folder, split))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", NAMES)
def test_round_trip(name, bits, tmp_path):
    samples = [made("a", 1, bits), made("b", 2, bits)]
    written(tmp_path, name, samples)
    assert claims(tmp_path) == (name,)
    items = read_dataset(tmp_path)
    assert [item.name for item in items] == ["a", "b"] and {item.split for item in items} == {"train"}
    for item, sample in zip(items, samples, strict=True):
        scale = 2**bits - 1
        np.testing.assert_allclose(item.sharp_image(), SRGB.decode(sample.sharp / scale), atol=1e-6)
        np.testing.assert_allclose(item.blurred_image(), SRGB.decode(sample.blurred / scale), atol=1e-6)
        if name in FIELD:
            np.testing.assert_array_equal(item.planes(FIELD[name]), sample.encodings[FIELD[name]])
        if name == "depth_imu":
            np.testing.assert_array_equal(item.depth_m(), sample.depth_m)


@pytest.mark.parametrize("name", NAMES)
def test_motion_round_trip(name, tmp_path):
    """The capture that comes back draws the same trajectories; GyroBlur-Real's is what the phone's log says."""
    sample = made("a", 3, shutter=Shutter.BOTTOM_TO_TOP, readout_s=0.02)
    written(tmp_path, name, [sample])
    (item,) = read_dataset(tmp_path)
    capture = item.capture()
    truth = sample.noisy_capture if name == "gyroblur_real" else sample.capture
    assert capture.camera == truth.camera and capture.exposure == truth.exposure
    assert capture.image.path.resolve() == item.blurred.path.resolve()
    if name != "gyroblur_real":
        assert capture.reference_ns == START_NS
        ours, theirs = blur_field(capture, 8), blur_field(truth, 8)
        # Spline ends: the log is cut to 32 samples on either side.
        np.testing.assert_allclose(ours.displacement_px, theirs.displacement_px, atol=2e-4)


@pytest.mark.parametrize("name", NAMES)
def test_capture_file_is_one_that_deblur_takes(name, tmp_path):
    written(tmp_path, name, [made("a", 3)])
    capture = load_capture(tmp_path / "train/shots/a.capture.json")
    assert capture.read_image().pixels_linear.shape == (HEIGHT, WIDTH, 3)
    assert (capture.depth_file is not None) == (name == "depth_imu")


def test_poses_round_trip(tmp_path):
    """Depth sets move the camera too: poses come back to the last digit."""
    sample = made("a", 4)
    turned = sample.capture.trajectory()
    positions = np.random.default_rng(1).normal(0, 0.01, (turned.time_ns.size, 3))
    poses = PoseTrajectory(turned.time_ns, turned.rotations, positions)
    capture = replace(sample.capture, imu=None, poses=poses)
    written(tmp_path, "depth_imu", [replace(sample, capture=capture)])
    (item,) = read_dataset(tmp_path)
    again = item.capture().poses
    np.testing.assert_array_equal(again.time_ns, poses.time_ns)
    np.testing.assert_array_equal(again.positions_m, positions)
    np.testing.assert_allclose(again.rotations, poses.rotations, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_same_sample_same_bytes(name):
    module = writable_formats()[name]
    assert module.files_of(made("a", 5), "train") == module.files_of(made("a", 5), "train")


@pytest.mark.parametrize("name", sorted(FIELD))
def test_missing_encoding(name):
    sample = replace(made(), encodings={"x": np.zeros((1, 2, 2), np.float32)})
    with pytest.raises(UsageError, match=f"{name}: expected the encoding {FIELD[name]} in sample a, got x; add it"):
        writable_formats()[name].files_of(sample, "train")


@pytest.mark.parametrize("name", ["imu_blur", "depth_imu", "imu_unet"])
def test_encoding_on_a_coarser_grid(name):
    sample = made()
    coarse = {FIELD[name]: sample.encodings[FIELD[name]][:, ::2, ::2]}
    with pytest.raises(UsageError, match=r"for every pixel \(48 x 32\), got a grid of 24 x 16; set the encoding"):
        writable_formats()[name].files_of(replace(sample, encodings=coarse), "train")


class TestImuBlur:
    def test_heatmap_codes(self):
        """dx = 3, dy = -5: OpenCV, which GAMD writes with, sees blue 130, green 122, red 0."""
        sample = made()
        planes = np.zeros((4, HEIGHT, WIDTH), np.float32)
        planes[0], planes[1] = 3.0, -5.0
        files = writable_formats()["imu_blur"].files_of(replace(sample, encodings={"bezier_heatmap": planes}), "test")
        bgr = cv2.imdecode(np.frombuffer(files["test/cp/a.png"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert bgr[7, 7].tolist() == [130, 122, 0]
        assert cv2.imdecode(np.frombuffer(files["test/ep/a.png"], np.uint8), -1)[7, 7].tolist() == [127, 127, 0]

    def test_far_trajectories_are_clipped_not_wrapped(self, tmp_path):
        planes = np.zeros((4, HEIGHT, WIDTH), np.float32)
        planes[:] = np.array([200.4, -200.0, 12.4, -0.6])[:, None, None]
        written(tmp_path, "imu_blur", [replace(made(), encodings={"bezier_heatmap": planes})])
        (item,) = read_dataset(tmp_path)
        assert item.planes("rounded")[:, 3, 3].tolist() == [128.0, -127.0, 12.0, -1.0]
        np.testing.assert_array_equal(item.planes("bezier_heatmap"), planes)

    def test_public_set_has_the_heatmaps_only(self, tmp_path):
        sample = made()
        written(tmp_path, "imu_blur", [sample])
        (tmp_path / "train/bezier_heatmap/a.npy").unlink()
        (item,) = read_dataset(tmp_path)
        truth = np.clip(np.rint(sample.encodings["bezier_heatmap"]), -127, 128)
        np.testing.assert_array_equal(item.planes("bezier_heatmap"), truth)

    def test_heatmaps_of_two_sizes(self, tmp_path):
        written(tmp_path, "imu_blur", [made()])
        (tmp_path / "train/bezier_heatmap/a.npy").unlink()
        cv2.imwrite(str(tmp_path / "train/ep/a.png"), np.zeros((5, 4, 3), np.uint8))
        (item,) = read_dataset(tmp_path)
        with pytest.raises(ImageError, match=r"ep/a\.png: expected 48 x 32 px as a\.png has, got 4 x 5"):
            item.planes("bezier_heatmap")

    def test_grey_heatmap(self, tmp_path):
        written(tmp_path, "imu_blur", [made()])
        cv2.imwrite(str(tmp_path / "train/cp/a.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
        (item,) = read_dataset(tmp_path)
        with pytest.raises(ImageError, match=r"cp/a\.png: expected 3 colour bands, got 1"):
            item.planes("rounded")


class TestGyroBlurSynth:
    def test_eleven_rows_from_the_starting_point_span_the_exposure(self, tmp_path):
        """Read as the README says: row n of the list, sliced from the log; the rates are the camera's."""
        samples = [made("b", 2), made("a", 1)]
        written(tmp_path, "gyroblur_synth", samples)
        rows = np.loadtxt(tmp_path / "gyro_train.txt")
        starts = np.loadtxt(tmp_path / "train/GyroBlur-Synth_train_starting_point.txt", dtype=int)
        assert (np.diff(rows[:, 0]) > 0).all()
        for start, sample in zip(starts, reversed(samples), strict=True):
            window = rows[start : start + 11]
            assert (window[-1, 0] - window[0, 0]) * 1e-9 == pytest.approx(0.0476, abs=1e-8)
            trajectory = sample.capture.trajectory()
            at = np.searchsorted(trajectory.time_ns, START_NS)
            near = trajectory.rates_rad_s[at - 1 : at + 1]
            spread = np.abs(np.diff(near, axis=0)).max() + 1e-6
            assert np.abs(window[0, 1:] - near.mean(axis=0)).max() < 2 * spread

    def test_names_that_sort_in_two_ways(self, tmp_path):
        """As files, a-1.png comes before a.png; as names, a comes before a-1."""
        written(tmp_path, "gyroblur_synth", [made("a", 1), made("a-1", 2)])
        starts = (tmp_path / "train/GyroBlur-Synth_train_starting_point.txt").read_text()
        module = writable_formats()["gyroblur_synth"]
        files = module.finish(tmp_path, "train", ["a", "a-1"])
        assert files["train/GyroBlur-Synth_train_starting_point.txt"].decode() == starts
        log = np.loadtxt(tmp_path / "gyro_train.txt")
        first = np.loadtxt(tmp_path / "train/gyro_rows/a-1.txt")
        np.testing.assert_array_equal(log[: len(first), 1:], first[:, 1:])

    def test_finish_counts_only_the_named_samples(self, tmp_path):
        written(tmp_path, "gyroblur_synth", [made("a", 1), made("b", 2)])
        files = writable_formats()["gyroblur_synth"].finish(tmp_path, "train", ["b"])
        assert len(files["train/GyroBlur-Synth_train_starting_point.txt"].splitlines()) == 1

    def test_log_as_the_public_readers_see_it(self, tmp_path):
        """Without our capture files the reader goes through log, starting point and the 4KRD camera, as for the public
        set; the trail's length agrees with the sample's own at that camera."""
        sample = made("a", 6)
        big = CameraModel(1280, 720, 2139.03493, 2133.82853, 640.0, 360.0)
        sample = replace(sample, capture=replace(sample.capture, camera=big, reference_ns=None, depth_m=None))
        sample = replace(sample, sharp=np.zeros((720, 1280, 3), np.uint8), blurred=np.zeros((720, 1280, 3), np.uint8))
        written(tmp_path, "gyroblur_synth", [sample])
        for path in (tmp_path / "train/shots").iterdir():
            path.unlink()
        (item,) = read_dataset(tmp_path)
        capture = item.capture()
        assert capture.camera == big and capture.exposure.duration_s == pytest.approx(0.0476)
        ours, theirs = blur_field(capture, 64).displacement_px, blur_field(sample.capture, 64).displacement_px
        extent = np.abs(theirs).max()
        # 210 Hz samples of a tremor recorded at a few hundred hertz: what a spline through them misses.
        assert np.abs(ours - theirs).max() < 0.02 * extent + 0.05

    def test_noisy_field_and_mask(self, tmp_path):
        sample = made()
        written(tmp_path, "gyroblur_synth", [sample])
        (item,) = read_dataset(tmp_path)
        noisy = sample.noisy_encodings["camera_motion_field"]
        np.testing.assert_array_equal(item.planes("camera_motion_field_noisy"), noisy)
        assert np.load(tmp_path / "train/camera_motion_field/a.npy").shape == (HEIGHT // 2, WIDTH // 2, 16)
        np.testing.assert_allclose(item.saturation_image(), 0.2, atol=1e-6)

    def test_public_codes_are_linear_unless_told_otherwise(self, tmp_path):
        sample = made()
        written(tmp_path, "gyroblur_synth", [sample])
        (tmp_path / "train/gyrosharp.json").unlink()
        linear, srgb = (read_dataset(tmp_path, curve=curve)[0].sharp_image() for curve in (None, "srgb"))
        np.testing.assert_allclose(linear, sample.sharp / 255, atol=1e-6)
        np.testing.assert_allclose(srgb, SRGB.decode(sample.sharp / 255), atol=1e-6)
        with pytest.raises(UsageError, match="expected curve to be one of linear, srgb, got 'log'"):
            read_dataset(tmp_path, curve="log")

    def test_starting_points_and_pictures_differ_in_number(self, tmp_path):
        written(tmp_path, "gyroblur_synth", [made()])
        (tmp_path / "train/GyroBlur-Synth_train_starting_point.txt").write_text("1\n2\n")
        with pytest.raises(CaptureError, match=r"expected 1 lines, one per picture of avg_blur, got 2"):
            read_dataset(tmp_path)

    def test_starting_point_outside_the_log(self, tmp_path):
        self._public(tmp_path, "9999\n", (720, 1280))
        with pytest.raises(CaptureError, match=r"gyro_train\.txt: expected a starting point from 0 to \d+, got 9999"):
            read_dataset(tmp_path)[0].capture()

    def test_public_picture_of_unknown_camera(self, tmp_path):
        self._public(tmp_path, "8\n", (HEIGHT, WIDTH))
        with pytest.raises(CaptureError, match="expected 1920 x 1080 or 1280 x 720 px, whose camera is known"):
            read_dataset(tmp_path)[0].capture()

    def _public(self, folder, starts, shape):
        black = np.zeros((*shape, 3), np.uint8)
        written(folder, "gyroblur_synth", [replace(made(), sharp=black, blurred=black)])
        (folder / "train/GyroBlur-Synth_train_starting_point.txt").write_text(starts)
        (folder / "train/shots/a.capture.json").unlink()

    def test_finish_without_a_part(self, tmp_path):
        written(tmp_path, "gyroblur_synth", [made()])
        module = writable_formats()["gyroblur_synth"]
        (tmp_path / "train/shots/a.capture.json").unlink()
        with pytest.raises(CaptureError, match=r"a\.capture\.json: expected a capture file with exposure\.start_ns"):
            module.finish(tmp_path, "train")
        (tmp_path / "train/gyro_rows/a.txt").write_text("1 2 3\n")
        with pytest.raises(CaptureError, match=r"a\.txt, line 1: expected t_ns wx wy wz, got '1 2 3'"):
            module.finish(tmp_path, "train")

    def test_poses_without_rates(self):
        sample = made()
        turned = sample.capture.trajectory()
        poses = PoseTrajectory(turned.time_ns, turned.rotations)
        sample = replace(sample, capture=replace(sample.capture, imu=None, poses=poses))
        with pytest.raises(UsageError, match="expected a motion with angular rates in sample a, got poses"):
            writable_formats()["gyroblur_synth"].files_of(sample, "train")


class TestGyroBlurReal:
    def test_files_are_the_papers(self, tmp_path):
        sample = made("001", 2)
        written(tmp_path, "gyroblur_real", [sample])
        cells = (tmp_path / "train/001/image_info.txt").read_text().split()
        camera = sample.noisy_capture.camera
        assert [int(cells[0]), int(cells[1]), int(cells[2])] == [START_NS, 800, 47_600_000]
        assert [float(cell) for cell in cells[3:]] == [camera.fx, camera.fy, camera.cx, camera.cy, 0.0]
        log = np.loadtxt(tmp_path / "train/001/gyro.txt")
        np.testing.assert_array_equal(log[:, 1:], sample.noisy_capture.imu.gyro_rad_s)

    def test_poses_are_refused(self):
        sample = made()
        poses = sample.capture.trajectory()
        noisy = replace(sample.noisy_capture, imu=None, poses=poses)
        with pytest.raises(UsageError, match="gyroblur_real: expected a gyro log in sample a, got poses"):
            writable_formats()["gyroblur_real"].files_of(replace(sample, noisy_capture=noisy), "train")


class TestDepthImu:
    def test_depth_is_asked_for(self):
        sample = made()
        without_depth = replace(sample, capture=replace(sample.capture, depth_m=None))
        with pytest.raises(UsageError, match="depth_imu: expected depth in sample a, got none"):
            writable_formats()["depth_imu"].files_of(without_depth, "train")

    def test_eight_and_sixteen_bit_views(self, tmp_path):
        sample = made()
        written(tmp_path, "depth_imu", [sample])
        millimetres = cv2.imread(str(tmp_path / "train/depth/a.png"), cv2.IMREAD_UNCHANGED)
        assert millimetres[0, 0] == 0
        assert millimetres[5, 5] == round(float(sample.depth_m[5, 5]) * 1000)
        (item,) = read_dataset(tmp_path)
        truth = np.clip(np.rint(sample.encodings["linear_kernel"]), -128, 127)
        np.testing.assert_array_equal(item.planes("rounded"), truth)


def test_capture_file_alone_holds_the_reference_time(tmp_path):
    written(tmp_path, "imu_unet", [made()])
    (tmp_path / "train/shots/a.meta.json").unlink()
    (item,) = read_dataset(tmp_path)
    assert item.capture().reference_ns == START_NS
    assert load_capture(tmp_path / "train/shots/a.capture.json").reference_ns == START_NS


def test_meta_holds_every_parameter(tmp_path):
    written(tmp_path, "imu_unet", [made("a", 7)])
    assert json.loads((tmp_path / "train/shots/a.meta.json").read_text())["meta"]["seed"] == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "got no such file"), (b"\x93NUMPY nonsense", "damaged file"), ("flat", r"three axes, got shape \(4,\)")],
)
def test_broken_planes(content, message, tmp_path):
    written(tmp_path, "imu_unet", [made()])
    (item,) = read_dataset(tmp_path)
    path = tmp_path / "train/vector_norm/a.npy"
    if content is None:
        path.unlink()
    elif content == "flat":
        np.save(path, np.zeros(4))
    else:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"a\.npy: expected .*{message}"):
        item.planes("vector_norm")
