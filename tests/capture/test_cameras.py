"""Finding cameras by name, fitting them to pictures, saving and describing them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from camera_files import FISHEYE, RADTAN, gyroflow, kalibr, own

from gyrosharp.capture.cameras import (
    CameraProfile,
    GyroNoise,
    describe,
    find_camera,
    fitted,
    load_profile,
    preset_names,
    profile_from_35mm,
    profile_from_movie_tags,
    read_cameras,
    save_profile,
    user_folder,
)
from gyrosharp.capture.cameras.describing import field_of_view_rad
from gyrosharp.errors import CaptureError, OutputError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    folder = tmp_path / "my-cameras"
    folder.mkdir()
    monkeypatch.setenv("GYROSHARP_CAMERAS", str(folder))
    return folder


def profile(camera=RADTAN, **changes):
    return CameraProfile("test", camera, **changes)


def rays(spread=0.4):
    x, y = np.meshgrid(np.linspace(-spread, spread, 5), np.linspace(-spread, spread, 5))
    return np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)


class TestFitting:
    def test_same_size_is_untouched(self):
        assert fitted(profile(), 640, 480).camera == RADTAN
        assert fitted(profile(), 640, 480).notes == ()

    @pytest.mark.parametrize("scale", [0.5, 3])
    @pytest.mark.parametrize("camera", [RADTAN, FISHEYE])
    def test_resizing(self, camera, scale):
        """u -> (u + 0.5) s - 0.5 for every pixel, whatever the lens."""
        result = fitted(profile(camera), int(640 * scale), int(480 * scale))
        expected = (camera.project(rays())[0] + 0.5) * scale - 0.5
        np.testing.assert_allclose(result.camera.project(rays())[0], expected, atol=1e-9)
        assert result.notes == ()

    def test_sizes_that_codecs_round_are_one_shape(self):
        hd = CameraModel(1920, 1080, 1500.0, 1500.0, 959.5, 539.5)
        assert fitted(profile(hd), 1920, 1088).notes == ()
        assert fitted(profile(hd), 854, 480).camera.fx == pytest.approx(1500 * 854 / 1920)

    def test_another_shape_is_cut_around_the_centre(self):
        """1280 x 720 of a 640 x 480 camera: 640 x 360 are seen, twice as large, 60 rows gone at the top."""
        result = fitted(profile(), 1280, 720)
        expected = (RADTAN.project(rays())[0] - (0, 60) + 0.5) * 2 - 0.5
        np.testing.assert_allclose(result.camera.project(rays())[0], expected, atol=1e-9)
        assert any("cut" in note and "--fx" in note for note in result.notes)

    def test_cutting_at_the_sides(self):
        result = fitted(profile(), 480, 480)
        expected = RADTAN.project(rays())[0] - (80, 0)
        np.testing.assert_allclose(result.camera.project(rays())[0], expected, atol=1e-9)

    @pytest.mark.parametrize("camera", [RADTAN, FISHEYE])
    def test_turned_clockwise(self, camera):
        """The pixel (x, y) of the landscape picture is (H - 1 - y, x) of the portrait one."""
        R = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        result = fitted(profile(camera, shutter=Shutter.TOP_TO_BOTTOM, readout_s=0.01, R_cam_imu=R), 480, 640)
        x, y = camera.project(rays())[0].T
        # The rays in the turned camera's axes: its x is the old -y, its y the old x.
        turned = np.column_stack([-rays()[:, 1], rays()[:, 0], rays()[:, 2]])
        np.testing.assert_allclose(result.camera.project(turned)[0], np.column_stack([479 - y, x]), atol=1e-9)
        assert result.shutter is Shutter.RIGHT_TO_LEFT
        # The gyro's x lay along the camera's y, down; turned, down points to the left.
        np.testing.assert_allclose(result.R_cam_imu @ [1, 0, 0], [-1, 0, 0], atol=1e-15)
        assert any("clockwise" in note for note in result.notes)

    @pytest.mark.parametrize("shutter", [None, *Shutter])
    def test_four_turns_are_none(self, shutter):
        start = profile(shutter=shutter, R_cam_imu=np.eye(3))
        once = fitted(start, 480, 640)
        result = fitted(fitted(fitted(once, 640, 480), 480, 640), 640, 480)
        np.testing.assert_allclose(result.camera.K, RADTAN.K, atol=1e-9)
        assert result.camera.distortion == RADTAN.distortion
        assert result.shutter == shutter
        np.testing.assert_allclose(result.R_cam_imu, np.eye(3), atol=1e-15)

    def test_turned_and_cut(self):
        result = fitted(profile(), 360, 640)
        assert (result.camera.fx, result.camera.fy) == (RADTAN.fy, RADTAN.fx)
        assert len(result.notes) == 2

    def test_square_pictures_are_not_turned(self):
        square = CameraModel(500, 500, 400.0, 300.0, 200.0, 250.0)
        assert fitted(profile(square), 1000, 1000).camera.fx == 800.0

    def test_nonsense_is_refused(self):
        with pytest.raises(CaptureError, match="expected a picture shaped about 640 x 480, got 4000 x 1000"):
            fitted(profile(), 4000, 1000)
        with pytest.raises(CaptureError, match="at least 1 x 1 px, got 0 x 4"):
            fitted(profile(), 0, 4)


class TestNames:
    def test_presets_are_found_and_tell_their_source(self):
        for name in preset_names():
            (preset,) = read_cameras(_preset_path(name), 10, 10).values()
            assert preset.source and preset.uncertainty and preset.name
            found = find_camera(name.upper(), *preset.size_px)
            assert found.camera == preset.camera
            assert found.notes[0].startswith(f"camera {preset.name} from {name}.json")

    def test_euroc_left(self):
        found = find_camera("euroc-cam0", 752, 480)
        assert (found.camera.fx, found.readout_s, found.shutter) == (458.654, 0.0, Shutter.GLOBAL)
        # The IMU of the sensor looks up along its x: the camera's y points down, so x of the IMU shows along -y.
        np.testing.assert_allclose(found.R_cam_imu @ [1, 0, 0], [0, -1, 0], atol=0.03)

    def test_shield_is_what_the_deepgyro_layout_uses(self):
        from gyrosharp.capture.layouts import deepgyro

        found = find_camera("nvidia-shield-tablet", 1920, 1080)
        assert (found.camera, found.readout_s) == (deepgyro.SHIELD, deepgyro.SHIELD_READOUT_S)
        np.testing.assert_array_equal(found.R_cam_imu, deepgyro.AXES)

    def test_data_sets_have_the_cameras_of_their_readers(self):
        from gyrosharp.datasets.formats import seven_scenes

        assert find_camera("7scenes-depth", 640, 480).camera == seven_scenes.DEPTH_CAMERA

    @pytest.mark.parametrize(
        ("name", "size", "angles_deg"),
        [
            ("gopro-hero4-hero5-wide-16x9", (1920, 1080), (118.2, 69.5, 133.6)),
            ("gopro-hero4-hero5-wide-4x3", (1920, 1440), (122.6, 94.4, 149.2)),
        ],
    )
    def test_gopro_has_its_published_angles(self, name, size, angles_deg):
        camera = find_camera(name, *size).camera
        across, down = np.degrees(field_of_view_rad(camera))
        corners, valid = camera.unproject(np.array([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]]))
        assert valid.all()
        unit = corners / np.linalg.norm(corners, axis=-1, keepdims=True)
        diagonal = np.degrees(np.arccos(unit[0] @ unit[1]))
        np.testing.assert_allclose((across, down, diagonal), angles_deg, rtol=0.005)

    def test_own_files_by_name(self, own_folder):
        (own_folder / "Pixel 6.json").write_text(gyroflow())
        (own_folder / "rig.yaml").write_text(kalibr() + kalibr(name="cam1"))
        (own_folder / "drone.camera.json").write_text(own())
        assert user_folder() == own_folder
        assert find_camera("pixel 6", 640, 480).camera == FISHEYE
        assert find_camera("pixel 6.JSON", 640, 480).camera == FISHEYE
        assert find_camera("RIG#cam1", 640, 480).name == "cam1"
        assert find_camera("drone", 640, 480).name == "mine"

    def test_own_files_win_over_presets_and_paths_over_both(self, own_folder, tmp_path, monkeypatch):
        (own_folder / "euroc-cam0.json").write_text(own())
        assert find_camera("euroc-cam0", 640, 480).name == "mine"
        monkeypatch.chdir(tmp_path)
        (tmp_path / "euroc-cam0").write_text(kalibr())
        assert find_camera("euroc-cam0", 640, 480).name == "cam0"

    def test_a_path_with_a_hash_in_it(self, tmp_path):
        path = tmp_path / "rig #2.yaml"
        path.write_text(kalibr())
        assert find_camera(str(path), 640, 480).name == "cam0"
        assert find_camera(f"{path}#cam0", 640, 480).name == "cam0"

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("euroc-cam3", "did you mean euroc-cam"),
            ("gopro", "did you mean gopro-hero4"),
            ("zzz", "presets: 7scenes-depth"),
            ("nosuch.json#cam0", "camera nosuch.json: expected a file"),
            ("", "got nothing"),
            ("x" * 5000, "camera xxx"),
            ("two\nlines", "camera two lines"),
        ],
    )
    def test_unknown_names(self, name, hint, own_folder):
        with pytest.raises(CaptureError) as caught:
            find_camera(name, 640, 480)
        assert hint in str(caught.value) and "\n" not in str(caught.value)
        assert str(own_folder) in str(caught.value) or not name

    def test_no_folder_at_all(self, monkeypatch, tmp_path):
        monkeypatch.setenv("GYROSHARP_CAMERAS", str(tmp_path / "none"))
        assert find_camera("euroc-cam0", 752, 480).camera.fx == 458.654

    @pytest.mark.parametrize(
        ("platform", "variable", "expected"),
        [
            ("linux", "XDG_CONFIG_HOME", "gyrosharp/cameras"),
            ("win32", "APPDATA", "gyrosharp/cameras"),
            ("darwin", "HOME", "Library/Application Support/gyrosharp/cameras"),
        ],
    )
    def test_folders_of_the_systems(self, platform, variable, expected, monkeypatch, tmp_path):
        monkeypatch.delenv("GYROSHARP_CAMERAS")
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(variable, str(tmp_path))
        assert user_folder() == tmp_path / expected

    def test_many_cameras_are_listed_in_short(self, tmp_path):
        path = tmp_path / "cameras.txt"
        path.write_text("".join(f"{k} SIMPLE_PINHOLE 640 480 500 320 240\n" for k in range(1, 200)))
        found = find_camera(str(path), 640, 480)
        assert found.name == "1"
        assert any("2, 3, 4, 5, 6, 7 and 192 more; choose one with cameras.txt#2" in note for note in found.notes)


class TestSaving:
    FULL = profile(
        FISHEYE,
        readout_s=0.0125,
        shutter=Shutter.LEFT_TO_RIGHT,
        notes=("a note",),
        R_cam_imu=np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]),
        time_offset_s=-0.0123456789,
        gyro_noise=GyroNoise(1e-4, None, 2e-6),
        source="checkerboard, 20 pictures",
        uncertainty="fx 0.2 %",
    )

    def test_round_trip(self, tmp_path):
        path = tmp_path / "a.camera.json"
        save_profile(self.FULL, path)
        again = load_profile(path)
        for name in ("name", "camera", "readout_s", "shutter", "notes", "time_offset_s", "gyro_noise"):
            assert getattr(again, name) == getattr(self.FULL, name), name
        assert (again.source, again.uncertainty) == (self.FULL.source, self.FULL.uncertainty)
        np.testing.assert_allclose(again.R_cam_imu, self.FULL.R_cam_imu, atol=1e-15)

    def test_what_is_unknown_is_left_out(self, tmp_path):
        path = tmp_path / "a.camera.json"
        save_profile(profile(), path)
        assert sorted(json.loads(path.read_text())) == ["camera", "format", "name"]
        assert load_profile(path).readout_s is None

    def test_numpy_numbers(self, tmp_path):
        path = tmp_path / "a.camera.json"
        save_profile(profile(readout_s=np.float32(0.5), time_offset_s=np.float64(0.25)), path)
        assert (load_profile(path).readout_s, load_profile(path).time_offset_s) == (0.5, 0.25)

    def test_nothing_is_overwritten(self, tmp_path):
        path = tmp_path / "a.camera.json"
        save_profile(profile(), path)
        with pytest.raises(OutputError, match="exists"):
            save_profile(profile(), path)
        save_profile(self.FULL, path, overwrite=True)
        assert load_profile(path).camera == FISHEYE

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"colour": "red"}, "unknown key 'colour'"),
            ({"format": "gyrosharp.camera/2"}, "format"),
            ({"shutter": "sideways"}, "shutter"),
            ({"readout_s": 12.5}, "readout_s"),
            ({"R_cam_imu": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, "R_cam_imu"),
            ({"R_cam_imu": "nonsense"}, "axes"),
            ({"gyro_noise": {"white": 1}}, "gyro_noise.white"),
            ({"time_offset_s": float("inf")}, "time offset"),
        ],
    )
    def test_malformed(self, changes, named, tmp_path):
        path = tmp_path / "a.json"
        path.write_text(own(**changes))
        with pytest.raises(CaptureError) as caught:
            find_camera(str(path), 640, 480)
        assert str(path) in str(caught.value) and named in str(caught.value)

    def test_axes_by_name(self, tmp_path):
        path = tmp_path / "a.json"
        path.write_text(own(R_cam_imu="android-portrait"))
        np.testing.assert_array_equal(find_camera(str(path), 640, 480).R_cam_imu, np.diag([1.0, -1.0, -1.0]))


class TestCaptureFiles:
    def test_recording_file(self, tmp_path):
        path = tmp_path / "a.recording.json"
        document = {
            "format": "gyrosharp.recording/1",
            "source": "movie.mp4",
            "camera": json.loads(own())["camera"],
            "readout_s": 0.01,
            "shutter": "rolling_right_to_left",
            "imu": {"R_cam_imu": "android-portrait", "time_offset_s": 3.0},
        }
        path.write_text(json.dumps(document))
        found = find_camera(str(path), 640, 480)
        assert (found.name, found.camera, found.readout_s) == ("a", RADTAN, 0.01)
        assert found.shutter is Shutter.RIGHT_TO_LEFT
        np.testing.assert_array_equal(found.R_cam_imu, np.diag([1.0, -1.0, -1.0]))
        # Another recording's clocks have nothing to do with this one's.
        assert found.time_offset_s is None
        for changes, named in (({"camera": None}, "got none"), ({"shutter": "sideways"}, "shutter")):
            path.write_text(json.dumps(document | changes))
            with pytest.raises(CaptureError, match=named):
                find_camera(str(path), 640, 480)


class TestProfile:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"readout_s": -0.1}, "readout"),
            ({"readout_s": 12.0}, "readout"),
            ({"time_offset_s": float("nan")}, "time offset"),
            ({"R_cam_imu": np.diag([1.0, 1.0, -1.0])}, "R_cam_imu"),
        ],
    )
    def test_ranges(self, changes, named):
        with pytest.raises(CaptureError, match=named):
            profile(**changes)

    def test_noise_ranges(self):
        with pytest.raises(CaptureError, match="white_rad_s_rthz"):
            GyroNoise(white_rad_s_rthz=-1.0)

    def test_rotation_is_read_only(self):
        with pytest.raises(ValueError, match="read-only"):
            profile(R_cam_imu=np.eye(3)).R_cam_imu[0, 0] = 2.0


class TestDescribe:
    def test_rows(self):
        rows = dict(describe(replace(TestSaving.FULL, notes=())))
        assert rows["picture"] == "640 x 480 px"
        assert rows["focal length"] == "301.5 x 299.2 px"
        assert rows["readout"] == "12.5 ms"
        assert rows["shutter"] == "rolling left to right"
        assert rows["time offset"] == "-12.35 ms"
        assert rows["gyro noise"] == "0.0001 rad/s/sqrt(Hz) white, 2e-06 rad/s^2/sqrt(Hz) random walk"
        assert rows["gyro to camera"] == "0.6 -0.8 0; 0.8 0.6 0; 0 0 1"
        assert rows["uncertainty"] == "fx 0.2 %"

    def test_unknown_is_left_out(self):
        names = " / ".join(name for name, _ in describe(profile(notes=("x", "y"))))
        assert names == "camera / picture / focal length / principal point / field of view / distortion / note / note"

    def test_field_of_view_by_hand(self):
        """f = half the width: 90 degrees across."""
        camera = CameraModel(200, 100, 100.0, 100.0, 99.5, 49.5)
        np.testing.assert_allclose(np.degrees(field_of_view_rad(camera)), (90.0, 2 * np.degrees(np.arctan(0.5))))

    def test_more_than_the_lens_model_can_say(self):
        camera = CameraModel(200, 100, 40.0, 40.0, 99.5, 49.5, "opencv_fisheye", (0.0, 0.0, 0.0, 0.0))
        rows = dict(describe(profile(camera)))
        assert rows["field of view"].startswith("unknown x ")
        assert rows["distortion"] == "equidistant fisheye"


class TestEquivalent:
    def test_full_frame(self):
        """50 mm on 36 x 24 mm, 3600 x 2400 px: 100 px per mm."""
        found = profile_from_35mm(50.0, 3600, 2400)
        assert found.camera.fx == pytest.approx(5000.0, rel=1e-4)
        (note,) = found.notes
        assert note.startswith("warning: focal length 5000 px from the EXIF 35 mm equivalent (50 mm)")

    def test_movie_tags(self):
        tags = {
            "com.apple.quicktime.camera.focal_length.35mm_equivalent": "26",
            "com.apple.quicktime.camera.framereadouttimeinmicroseconds": "4500",
        }
        found = profile_from_movie_tags(tags, 1920, 1080)
        assert found.camera.fx == pytest.approx(26 / 43.267 * np.hypot(1920, 1080))
        assert (found.readout_s, found.shutter) == (0.0045, Shutter.TOP_TO_BOTTOM)
        assert found.notes[0].startswith("warning: ")

    @pytest.mark.parametrize("value", [None, "", "x", "nan", "0", "-26", "1e9"])
    def test_unusable_movie_tags(self, value):
        key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
        assert profile_from_movie_tags({} if value is None else {key: value}, 1920, 1080) is None

    def test_unusable_readout(self):
        key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
        tags = {key: "26", "com.apple.quicktime.camera.framereadouttimeinmicroseconds": "-1"}
        assert profile_from_movie_tags(tags, 1920, 1080).readout_s is None


def _preset_path(name):
    from gyrosharp.capture.cameras import finding

    return finding._presets()[name]


@pytest.mark.shared_data
def test_still_calibration_of_a_phone_in_its_video(shared_data, tmp_path):
    """A checkerboard calibration of 3024 x 4032 stills, 3065 px, is 1459 px in the phone's 1080 x 1920 video."""
    import cv2

    found = np.load(shared_data / "realblur" / "nolic-phone240ms" / "calib.npz")
    path = tmp_path / "phone.yml"
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    store.write("image_width", 3024)
    store.write("image_height", 4032)
    store.write("camera_matrix", found["mtx"])
    store.write("distortion_coefficients", found["dist"])
    store.release()
    profile = find_camera(str(path), 1080, 1920)
    assert profile.camera.fx == pytest.approx(1459, abs=1)
    assert any("cut" in note for note in profile.notes)


@pytest.mark.shared_data
def test_seven_scenes_preset_is_the_published_matrix(shared_data):
    published = np.loadtxt(shared_data / "rgbd" / "research-7scenes" / "camera-intrinsics.txt")
    np.testing.assert_array_equal(find_camera("7scenes-depth", 640, 480).camera.K, published)
