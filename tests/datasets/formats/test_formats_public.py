"""Facts of single public sets, worked by hand on small trees."""

import numpy as np
import pytest
from format_trees import HEIGHT, TREES, WIDTH, picture, write_tree
from scipy.signal import fftconvolve

from gyrosharp.datasets.formats import read_dataset
from gyrosharp.datasets.sample_files import png_of
from gyrosharp.errors import CaptureError, ImageError, UsageError
from gyrosharp.imu.axes import parse_axes


class TestGopro:
    def test_both_averaging_domains(self, tmp_path):
        folder = write_tree(tmp_path, TREES["gopro"])
        item = read_dataset(folder)[0]
        assert (item.split, item.name) == ("test", "test/GOPR0001/000001")
        assert item.blurred.path.parent.name == "blur" and item.pictures["blur_gamma"].path.parent.name == "blur_gamma"
        item = read_dataset(folder, blur="blur_gamma")[0]
        assert item.blurred.path.parent.name == "blur_gamma" and item.pictures["blur"].path.parent.name == "blur"
        with pytest.raises(UsageError, match="expected blur to be one of blur, blur_gamma, got 'sharp'"):
            read_dataset(folder, blur="sharp")

    def test_flat_and_scene_folders(self, tmp_path):
        flat = write_tree(tmp_path / "flat", {"blur/1.png": picture(1), "sharp/1.png": picture(2)})
        assert [item.name for item in read_dataset(flat)] == ["1"]
        scenes = write_tree(tmp_path / "scenes", {f"S/{name}/1.png": picture(1) for name in ("blur", "sharp")})
        assert [item.name for item in read_dataset(scenes)] == ["S/1"]


def test_realblur_camera(tmp_path):
    folder = write_tree(tmp_path, TREES["realblur"])
    assert [item.name for item in read_dataset(folder, camera="R")] == ["R/scene001/1", "R/scene002/1"]
    with pytest.raises(UsageError, match="camera J or R, got None and X"):
        read_dataset(folder, camera="X")


def test_rsblur_domains(tmp_path):
    folder = write_tree(tmp_path, TREES["rsblur"])
    item = read_dataset(folder, blur="synthetic")[0]
    assert item.blurred.path.name == "avg_blur.png" and item.pictures["real"].path.name == "real_blur.png"
    assert item.saturation_image().shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(UsageError, match="expected blur to be one of real, synthetic"):
        read_dataset(folder, blur="gamma")
    with pytest.raises(UsageError, match=r"expected RSBlur_real_val\.txt for subset val, got no such file"):
        read_dataset(folder, split="val")


def test_koehler_truths_are_in_order(tmp_path):
    (item,) = read_dataset(write_tree(tmp_path, TREES["koehler"]))
    assert list(item.pictures) == ["truth_1", "truth_2", "truth_3", "truth_10"]
    assert item.sharp.path.stem == "GroundTruth1_2_3"


class TestLevin:
    def test_codes_are_linear(self, tmp_path):
        grey = np.full((8, 9), 51, np.uint8)
        tree = {"im1_kernel2_img.png": png_of(grey), "gt/im1.png": png_of(grey), "gt/kernel2.png": png_of(grey)}
        (item,) = read_dataset(write_tree(tmp_path, tree))
        np.testing.assert_allclose(item.sharp_image(), 0.2, atol=1e-6)
        assert item.planes("kernel").shape == (1, 8, 9) and item.planes("kernel").sum() == pytest.approx(1.0)

    @pytest.mark.parametrize("turned", [False, True])
    def test_kernel_convolves_whichever_way_it_is_stored(self, turned, tmp_path):
        codes = np.random.default_rng(3).integers(0, 256, (64, 64), dtype=np.uint8)
        kernel = np.zeros((7, 7), np.uint8)
        kernel[1, 1:6], kernel[1:4, 5] = 200, 90
        blurred = fftconvolve(codes.astype(float), kernel / kernel.sum(), mode="same")
        stored = kernel[::-1, ::-1] if turned else kernel
        tree = {"gt/im1.png": codes, "im1_kernel2_img.png": np.rint(blurred).astype(np.uint8), "gt/kernel2.png": stored}
        (item,) = read_dataset(write_tree(tmp_path, {path: png_of(image) for path, image in tree.items()}))
        np.testing.assert_allclose(item.planes("kernel")[0], kernel / kernel.sum(), atol=1e-6)

    def test_black_kernel(self, tmp_path):
        tree = TREES["levin"] | {"gt/kernel2.png": png_of(np.zeros((5, 5), np.uint8))}
        (item,) = read_dataset(write_tree(tmp_path, tree))
        with pytest.raises(ImageError, match=r"kernel2\.png: expected a kernel, got a black picture"):
            item.planes("kernel")


def test_deepgyro_vectors(tmp_path):
    tree = TREES["deepgyro_fields"] | {
        "blurx/car.png": png_of(np.full((HEIGHT, WIDTH), 144, np.uint8)),
        "blury/car.png": png_of(np.full((HEIGHT, WIDTH), 127, np.uint8)),
    }
    (item,) = read_dataset(write_tree(tmp_path, tree))
    assert item.planes("linear_kernel")[:, 5, 5].tolist() == [16.0, -1.0]


class TestGyroBlurRealPublic:
    def test_upright_picture_of_a_landscape_sensor(self, tmp_path):
        """Sensor 4000 x 3000, K (3200, 3100, 2010, 1480); picture 750 x 1000: turned clockwise, a quarter of the size.

        x = 2999 - y_sensor, y = x_sensor: fx = 3100 / 4, cx = (2999 - 1480 + 0.5) / 4 - 0.5,
        cy = (2010 + 0.5) / 4 - 0.5.
        """
        info = b"1040000000 100 60000000 3200.0 3100.0 2010.0 1480.0 0.0\n"
        tree = TREES["gyroblur_real"] | {"001/blurry.png": picture(1, 750, 1000), "001/image_info.txt": info}
        (item,) = read_dataset(write_tree(tmp_path, tree))
        capture = item.capture()
        camera = capture.camera
        assert (camera.fx, camera.fy) == (775.0, 800.0)
        assert (camera.cx, camera.cy) == pytest.approx((379.375, 502.125))
        np.testing.assert_array_equal(capture.R_cam_imu, np.diag([1.0, -1.0, -1.0]))
        assert capture.exposure.start_ns == 1_040_000_000 and capture.exposure.duration_s == pytest.approx(0.06)

    def test_landscape_picture(self, tmp_path):
        (item,) = read_dataset(write_tree(tmp_path, TREES["gyroblur_real"]), sensor_px=48)
        camera = item.capture().camera
        assert camera.fx == 1600.0 and camera.cx == pytest.approx((2000.0 + 0.5) / 2 - 0.5)
        np.testing.assert_array_equal(item.capture().R_cam_imu, parse_axes("android-landscape"))

    @pytest.mark.parametrize(
        ("info", "message"),
        [
            (b"", "expected a line t_ns ISO"),
            (b"1 2 3\n", "line 1: expected t_ns ISO exposure_ns"),
            (b"soon 1 1 1 1 1 1 1\n", "line 1: expected t_ns"),
            (
                b"1.5e9 100 60000000 3200 3200 2000 1333 0\n",
                "line 1: expected a stamp in whole nanoseconds, got '1.5e9'",
            ),
        ],
    )
    def test_broken_info(self, info, message, tmp_path):
        (item,) = read_dataset(write_tree(tmp_path, TREES["gyroblur_real"] | {"001/image_info.txt": info}))
        with pytest.raises(CaptureError, match=rf"image_info\.txt.*{message}"):
            item.capture()


class TestGyroVd:
    def test_camera_of_the_picture(self, tmp_path):
        """4080 x 3072 sensor; a 1920 x 1080 picture shows rows 388.5 on of it, at 1920 / 4080 of the size."""
        frame = next(path for path in TREES["gyrovd"] if path.endswith("_blur.png"))
        (item,) = read_dataset(write_tree(tmp_path, TREES["gyrovd"] | {frame: picture(1, 1920, 1080)}))
        capture = item.capture()
        scale = 1920 / 4080
        assert capture.camera.fx == pytest.approx(2800 * scale)
        assert capture.camera.cx == pytest.approx((2021 + 0.5) * scale - 0.5)
        assert capture.camera.cy == pytest.approx((1541 - 388.5 + 0.5) * scale - 0.5, abs=1e-6)
        assert (capture.exposure.start_ns, capture.exposure.duration_s) == (1_040_000_000, pytest.approx(0.06))
        np.testing.assert_array_equal(capture.R_cam_imu, parse_axes("android-landscape"))
        assert capture.trajectory().rates_rad_s is not None

    def test_syn_has_truth_and_no_camera(self, tmp_path):
        base = "DAY/VID_1/{0}/000001_1040000000_1060000000_1064000000_avg13_{1}.png"
        tree = {base.format(*names): picture(1) for names in (("blur", "blur"), ("gt", "gt"), ("sat_mask", "satmask"))}
        meta = {"DAY/VID_1/meta_info/cam_metainfo.csv": b"22,2070250,1.9,1,1,1.57,1,0,0,0,1,0,0,0,1\n"}
        gyro = {"DAY/VID_1/meta_info/gyro.csv": TREES["gyrovd"]["1029/VID_1/meta_info/gyro.csv"]}
        (item,) = read_dataset(write_tree(tmp_path, tree | meta | gyro))
        assert item.sharp.path.name.endswith("_gt.png") and item.saturation is not None and item.capture() is None

    def test_frame_without_times(self, tmp_path):
        with pytest.raises(CaptureError, match=r"frame1\.png: expected a name index_start_startLast_end"):
            read_dataset(write_tree(tmp_path, TREES["gyrovd"] | {"1029/VID_1/blur/frame1.png": picture()}))

    def test_camera_file_is_too_short(self, tmp_path):
        second = "1029/VID_1/blur/000002_1100000000_1100000000_1150000000_blur.png"
        items = read_dataset(write_tree(tmp_path, TREES["gyrovd"] | {second: picture()}))
        assert items[0].capture() is not None
        with pytest.raises(CaptureError, match=r"cam_metainfo\.csv: expected a line for each frame, got 1 for frame 2"):
            items[1].capture()


def test_tum_takes_the_nearest_depth_within_20_ms(tmp_path):
    items = read_dataset(write_tree(tmp_path, TREES["tum_rgbd"]))
    assert [item.sharp.path.name for item in items] == ["1.00.png"]
    far = TREES["tum_rgbd"] | {"depth.txt": b"1.03 depth/1.01.png\n"}
    with pytest.raises(ImageError, match="expected colour and depth frames within 20 ms"):
        read_dataset(write_tree(tmp_path / "far", far))


def test_tum_camera_by_name(tmp_path):
    folder = write_tree(tmp_path / "rgbd_dataset_freiburg2_desk", TREES["tum_rgbd"])
    assert read_dataset(folder)[0].camera.fx == 520.9


def test_hidden_pictures_do_not_count(tmp_path):
    write_tree(tmp_path, TREES["images"] | {".cache/x.png": picture(), "deep/.y.png": picture(), "z.txt": b""})
    items = read_dataset(tmp_path)
    assert [item.name for item in items] == ["a", "deep/er/b"]
    assert items[1].size == (9, 33)
