"""Lens models, pixel centres, signs and units of every format, against OpenCV and hand-worked numbers."""

import json
from typing import ClassVar

import cv2
import numpy as np
import pytest
from camera_files import FISHEYE, PINHOLE, RADTAN, android, colmap, euroc, gyroflow, kalibr, opencv

from gyrosharp.capture.cameras import find_camera, read_cameras, save_profile
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter


def directions(spread=0.9):
    grid = np.stack(np.meshgrid(np.linspace(-spread, spread, 9), np.linspace(-spread, spread, 7)), -1).reshape(-1, 2)
    return np.column_stack([grid, np.ones(len(grid))])


def radtan_pixels(fx, fy, cx, cy, k, points):
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, np.array(k, dtype=np.float64))[0][:, 0]


def fisheye_pixels(fx, fy, cx, cy, k, points):
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    k = np.array(k, dtype=np.float64)
    return cv2.fisheye.projectPoints(points[None], np.zeros(3), np.zeros(3), matrix, k)[0][0]


def camera_from(tmp_path, name, text, size=(640, 480), choice=""):
    path = tmp_path / name
    path.write_text(text)
    return find_camera(f"{path}{choice}", *size)


def assert_projects(camera, expected, points, tolerance_px=1e-6):
    pixels, valid = camera.project(points)
    assert valid.all()
    np.testing.assert_allclose(pixels, expected, atol=tolerance_px)


class TestGyroflow:
    def test_fisheye_is_opencvs(self, tmp_path):
        camera = camera_from(tmp_path, "a.json", gyroflow()).camera
        c = FISHEYE
        expected = fisheye_pixels(c.fx, c.fy, c.cx, c.cy, c.distortion, directions(1.5))
        assert_projects(camera, expected, directions(1.5))

    @pytest.mark.parametrize("size", [4, 5, 8, 12])
    def test_opencv_standard(self, size, tmp_path):
        k = [-0.28, 0.07, 2e-4, -1e-5, 0.01, 0.02, -0.01, 0.003, 0, 0, 0, 0][:size]
        text = json.loads(gyroflow(PINHOLE, distortion_model="opencv_standard"))
        text["fisheye_params"]["distortion_coeffs"] = k
        camera = camera_from(tmp_path, "a.json", json.dumps(text)).camera
        c = PINHOLE
        assert_projects(camera, radtan_pixels(c.fx, c.fy, c.cx, c.cy, k, directions(0.5)), directions(0.5))

    def test_poly5_by_hand(self, tmp_path):
        """x_d = x (1 + k1 r^2 + k2 r^4): at x = 0.5, y = 0, k = (0.1, 0.2): 0.5 (1 + 0.025 + 0.0125) = 0.51875."""
        text = json.loads(gyroflow(PINHOLE, distortion_model="poly5"))
        text["fisheye_params"]["distortion_coeffs"] = [0.1, 0.2, 9.0]
        camera = camera_from(tmp_path, "a.json", json.dumps(text)).camera
        assert_projects(camera, [[501.5 * 0.51875 + 322.75, 236.5]], np.array([[0.5, 0.0, 1.0]]))

    @pytest.mark.parametrize("model", ["ptlens", "insta360", "sony", "generic_polynomial", "nonsense"])
    def test_other_models_are_refused(self, model, tmp_path):
        with pytest.raises(CaptureError, match=f"distortion_model: expected .* got {model}, which is not supported"):
            camera_from(tmp_path, "a.json", gyroflow(distortion_model=model))

    def test_digital_lens_is_refused(self, tmp_path):
        with pytest.raises(CaptureError, match=r"digital_lens: .*gopro_superview"):
            camera_from(tmp_path, "a.json", gyroflow(digital_lens="gopro_superview"))

    def test_wrong_number_of_coefficients(self, tmp_path):
        text = json.loads(gyroflow())
        text["fisheye_params"]["distortion_coeffs"] = [0.1] * 5
        with pytest.raises(CaptureError, match=r"fisheye_params.distortion_coeffs: expected .* got 5"):
            camera_from(tmp_path, "a.json", json.dumps(text))

    def test_no_coefficients_is_equidistant(self, tmp_path):
        """r = f theta: 45 degrees to the right is f pi / 4."""
        text = json.loads(gyroflow())
        text["fisheye_params"]["distortion_coeffs"] = []
        camera = camera_from(tmp_path, "a.json", json.dumps(text)).camera
        assert_projects(camera, [[301.5 * np.pi / 4 + 322.75, 236.5]], np.array([[1.0, 0.0, 1.0]]))

    @pytest.mark.parametrize(
        ("milliseconds", "readout_s", "shutter"),
        [
            (12.5, 0.0125, Shutter.TOP_TO_BOTTOM),
            (-8, 0.008, Shutter.BOTTOM_TO_TOP),
            (None, None, None),
            (0, None, None),
        ],
    )
    def test_readout_is_in_milliseconds_and_signed(self, milliseconds, readout_s, shutter, tmp_path):
        profile = camera_from(tmp_path, "a.json", gyroflow(frame_readout_time=milliseconds))
        assert (profile.readout_s, profile.shutter) == (readout_s, shutter)

    @pytest.mark.parametrize(
        ("direction", "milliseconds", "shutter"),
        [
            ("TopToBottom", 12.5, Shutter.TOP_TO_BOTTOM),
            ("BottomToTop", 12.5, Shutter.BOTTOM_TO_TOP),
            ("LeftToRight", 12.5, Shutter.LEFT_TO_RIGHT),
            ("RightToLeft", 12.5, Shutter.RIGHT_TO_LEFT),
            ("LeftToRight", -12.5, Shutter.RIGHT_TO_LEFT),
            (1, 12.5, Shutter.BOTTOM_TO_TOP),
            (None, 12.5, Shutter.TOP_TO_BOTTOM),
        ],
    )
    def test_direction_of_the_readout(self, direction, milliseconds, shutter, tmp_path):
        text = gyroflow(frame_readout_time=milliseconds, frame_readout_direction=direction)
        profile = camera_from(tmp_path, "a.json", text)
        assert (profile.readout_s, profile.shutter) == (0.0125, shutter)

    def test_a_setting_has_the_direction_of_its_profile(self, tmp_path):
        setting = {"width": 320, "height": 240, "frame_readout_time": 6.0}
        text = gyroflow(frame_readout_direction="LeftToRight", compatible_settings=[setting])
        profile = camera_from(tmp_path, "a.json", text, (320, 240))
        assert (profile.readout_s, profile.shutter) == (0.006, Shutter.LEFT_TO_RIGHT)

    def test_unknown_direction(self, tmp_path):
        with pytest.raises(CaptureError, match=r"frame_readout_direction: expected TopToBottom, .*got Sideways"):
            camera_from(tmp_path, "a.json", gyroflow(frame_readout_direction="Sideways"))

    def test_global_shutter(self, tmp_path):
        profile = camera_from(tmp_path, "a.json", gyroflow(global_shutter=True))
        assert (profile.readout_s, profile.shutter) == (0.0, Shutter.GLOBAL)

    def test_anamorphic_stretch(self, tmp_path):
        """Calibrated on the picture widened to 1280 px; the file's 640 px have half the horizontal focal length."""
        wide = CameraModel(1280, 480, 1003.0, 499.25, 645.5 + 0.5, 236.5, "opencv_fisheye", FISHEYE.distortion)
        text = gyroflow(wide, input_horizontal_stretch=2.0)
        camera = camera_from(tmp_path, "a.json", text).camera
        assert (camera.fx, camera.fy) == (501.5, 499.25)
        assert camera.cx == pytest.approx(322.75)
        already = camera_from(tmp_path, "a.json", text, (1280, 480))
        assert already.camera.fx == 1003.0
        assert any("already stretched" in note for note in already.notes)

    def test_silly_stretch(self, tmp_path):
        with pytest.raises(CaptureError, match="input_horizontal_stretch"):
            camera_from(tmp_path, "a.json", gyroflow(input_horizontal_stretch=1e9))

    def test_no_principal_point(self, tmp_path):
        text = json.loads(gyroflow())
        text["fisheye_params"]["camera_matrix"] = [[300.0, 0, 0], [0, 300.0, 0], [0, 0, 1]]
        profile = camera_from(tmp_path, "a.json", json.dumps(text))
        assert (profile.camera.cx, profile.camera.cy) == (319.5, 239.5)
        assert any("centre" in note for note in profile.notes)

    def test_project_file(self, tmp_path):
        text = json.dumps({"videofile": "a.mp4", "calibration_data": json.loads(gyroflow())})
        assert camera_from(tmp_path, "a.gyroflow", text).camera.fx == FISHEYE.fx

    def test_name_and_source(self, tmp_path):
        profile = camera_from(tmp_path, "a.json", gyroflow())
        assert profile.name == "Brand Model Lens"
        assert profile.source == "gyroflow lens profile, calibrated by Someone, RMS error 0.27 px"

    def test_zoom_lens_is_noted(self, tmp_path):
        profile = camera_from(tmp_path, "a.json", gyroflow(interpolations={"24": {}, "70": {}}))
        assert any("zoom" in note for note in profile.notes)


class TestGyroflowSettings:
    SETTINGS = (
        {"width": 320, "height": 240, "identifier": "half-25", "fps": 25.0, "frame_readout_time": 10.0},
        {"width": 320, "height": 240, "identifier": "half-50", "fps": 50.0, "frame_readout_time": -6.0},
        {"width": 640, "height": 360, "identifier": "cut", "fps": 25.0, "frame_readout_time": 9.0},
        {"width": 320, "height": 240, "identifier": "half-eis", "fps": 25.0, "crop": 0.8},
        {"width": 640, "height": 480, "fps": 50.0},
    )

    def read(self, tmp_path, size, choice=""):
        return camera_from(tmp_path, "a.json", gyroflow(compatible_settings=list(self.SETTINGS)), size, choice)

    def test_own_size(self, tmp_path):
        assert self.read(tmp_path, (640, 480)).readout_s == 0.0125

    def test_readout_that_depends_on_the_frame_rate_is_not_guessed(self, tmp_path):
        profile = self.read(tmp_path, (320, 240))
        assert (profile.readout_s, profile.shutter) == (None, None)
        assert profile.camera.fx == FISHEYE.fx / 2
        assert any("6 to 10 ms" in note and "a.json#IDENTIFIER" in note for note in profile.notes)

    def test_choosing_one(self, tmp_path):
        profile = self.read(tmp_path, (320, 240), "#Half-50")
        assert (profile.name, profile.readout_s, profile.shutter) == ("half-50", 0.006, Shutter.BOTTOM_TO_TOP)

    def test_another_shape_is_cut_without_resizing(self, tmp_path):
        profile = self.read(tmp_path, (640, 360))
        assert (profile.camera.fx, profile.camera.cx) == (FISHEYE.fx, FISHEYE.cx)
        assert profile.camera.cy == FISHEYE.cy - 60
        assert profile.readout_s == pytest.approx(0.009)

    def test_stabilised_mode_is_cropped_and_said(self, tmp_path):
        profile = self.read(tmp_path, (320, 240), "#half-eis")
        assert profile.camera.fx == pytest.approx(FISHEYE.fx / 2 / 0.8)
        assert any("stabilised" in note for note in profile.notes)

    def test_settings_that_warp_the_picture(self, tmp_path):
        """GoPro's 4:3 profiles list SuperView among their settings: it is passed over, and refused by name."""
        settings = [{"width": 640, "height": 360, "identifier": "super", "digital_lens": "gopro_superview"}]
        text = gyroflow(compatible_settings=settings)
        assert camera_from(tmp_path, "a.json", text, (640, 360)).camera.cy == FISHEYE.cy - 60
        with pytest.raises(CaptureError, match=r"compatible_settings\[0\].digital_lens: .* got gopro_superview"):
            camera_from(tmp_path, "a.json", text, (640, 360), "#super")

    def test_crop_of_the_profile_itself(self, tmp_path):
        settings = [{"width": 640, "height": 480, "identifier": "more", "crop": 0.5}]
        text = gyroflow(crop=0.8, compatible_settings=settings)
        assert camera_from(tmp_path, "a.json", text).camera.fx == pytest.approx(FISHEYE.fx / 0.8)
        assert camera_from(tmp_path, "a.json", text, choice="#more").camera.fx == pytest.approx(FISHEYE.fx / 0.5)

    def test_silly_crop(self, tmp_path):
        settings = [{"width": 640, "height": 480, "crop": 0}]
        with pytest.raises(CaptureError, match=r"compatible_settings\[0\].crop"):
            camera_from(tmp_path, "a.json", gyroflow(compatible_settings=settings))


class TestKalibr:
    def test_radtan_is_opencvs(self, tmp_path):
        camera = camera_from(tmp_path, "camchain.yaml", kalibr()).camera
        c = RADTAN
        assert_projects(camera, radtan_pixels(c.fx, c.fy, c.cx, c.cy, c.distortion, directions()), directions())

    @pytest.mark.parametrize("model", ["equidistant", "equi"])
    def test_equidistant_is_opencvs_fisheye(self, model, tmp_path):
        camera = camera_from(tmp_path, "camchain.yaml", kalibr(FISHEYE, model=model)).camera
        c = FISHEYE
        assert_projects(camera, fisheye_pixels(c.fx, c.fy, c.cx, c.cy, c.distortion, directions(1.5)), directions(1.5))

    def test_no_distortion(self, tmp_path):
        assert camera_from(tmp_path, "camchain.yaml", kalibr(PINHOLE, model="none")).camera == PINHOLE

    def test_choosing_a_camera(self, tmp_path):
        other = CameraModel(640, 480, 400.0, 400.0, 320.0, 240.0, "opencv", RADTAN.distortion)
        text = kalibr() + kalibr(other, "cam1")
        first = camera_from(tmp_path, "camchain.yaml", text)
        assert (first.name, first.camera.fx) == ("cam0", 501.5)
        assert any("camchain.yaml#cam1" in note for note in first.notes)
        assert camera_from(tmp_path, "camchain.yaml", text, choice="#cam1").camera.fx == 400.0

    def test_the_camera_of_the_right_size_is_preferred(self, tmp_path):
        other = CameraModel(1920, 1080, 1400.0, 1400.0, 960.0, 540.0, "opencv", RADTAN.distortion)
        text = kalibr() + kalibr(other, "cam1")
        assert camera_from(tmp_path, "camchain.yaml", text, (1920, 1080)).name == "cam1"
        assert camera_from(tmp_path, "camchain.yaml", text, (1280, 720)).name == "cam1"

    def test_omni_is_refused_unless_another_camera_is_wanted(self, tmp_path):
        text = kalibr() + kalibr(name="cam1").replace("pinhole", "omni")
        with pytest.raises(CaptureError, match=r"cam1.camera_model: expected pinhole, got omni"):
            camera_from(tmp_path, "camchain.yaml", text)
        assert camera_from(tmp_path, "camchain.yaml", text, choice="#cam0").camera.fx == 501.5

    def test_fov_lens_is_refused(self, tmp_path):
        with pytest.raises(CaptureError, match=r"cam0.distortion_model: expected radtan, .* got fov"):
            camera_from(tmp_path, "camchain.yaml", kalibr(model="fov"))

    ROTATION = "  - [0.0, -1.0, 0.0, 0.1]\n  - [1.0, 0.0, 0.0, 0.2]\n  - [0.0, 0.0, 1.0, 0.3]\n  - [0, 0, 0, 1]\n"

    def test_time_shift_changes_its_sign(self, tmp_path):
        """Kalibr: t_imu = t_cam + 0.02 s; here t_cam = t_imu + offset, so the offset is -0.02 s."""
        extra = f"  T_cam_imu:\n{self.ROTATION}  timeshift_cam_imu: 0.02\n"
        profile = camera_from(tmp_path, "camchain-imucam.yaml", kalibr(extra=extra))
        assert profile.time_offset_s == -0.02
        # A vector along the IMU's x shows along the camera's y.
        np.testing.assert_allclose(profile.R_cam_imu @ [1, 0, 0], [0, 1, 0], atol=1e-15)

    def test_openvins_writes_the_inverse(self, tmp_path):
        text = "%YAML:1.0\n\n" + kalibr(extra=f"  T_imu_cam:\n{self.ROTATION}")
        profile = camera_from(tmp_path, "kalibr_imucam_chain.yaml", text)
        np.testing.assert_allclose(profile.R_cam_imu @ [0, 1, 0], [1, 0, 0], atol=1e-15)
        assert profile.time_offset_s is None

    def test_mirror_is_refused(self, tmp_path):
        extra = f"  T_cam_imu:\n{self.ROTATION.replace('-1.0', '1.0')}"
        with pytest.raises(CaptureError, match=r"cam0.T_cam_imu"):
            camera_from(tmp_path, "camchain.yaml", kalibr(extra=extra))

    def test_chain_without_cameras(self, tmp_path):
        with pytest.raises(CaptureError, match="got"):
            camera_from(tmp_path, "camchain.yaml", "cam0:\n")


class TestEuroc:
    def test_equidistant(self, tmp_path):
        camera = camera_from(tmp_path, "sensor.yaml", euroc(FISHEYE, "equidistant")).camera
        c = FISHEYE
        assert_projects(camera, fisheye_pixels(c.fx, c.fy, c.cx, c.cy, c.distortion, directions(1.5)), directions(1.5))

    def test_axes_are_the_transpose(self, tmp_path):
        """T_BS maps the camera's y, (0, 1, 0), to the body's -x."""
        profile = camera_from(tmp_path, "sensor.yaml", euroc())
        np.testing.assert_allclose(profile.R_cam_imu @ [-1, 0, 0], [0, 1, 0], atol=1e-15)
        assert profile.name == tmp_path.name

    def test_other_sensors_and_lenses(self, tmp_path):
        with pytest.raises(CaptureError, match="sensor_type: expected camera, got imu"):
            camera_from(tmp_path, "sensor.yaml", euroc().replace("sensor_type: camera", "sensor_type: imu"))
        with pytest.raises(CaptureError, match=r"distortion_model: expected .* got omni"):
            camera_from(tmp_path, "sensor.yaml", euroc(model="omni"))

    def test_without_extrinsics_and_distortion(self, tmp_path):
        lines = [line for line in euroc(model="none").split("\n") if "distortion_coefficients" not in line]
        text = "\n".join(lines).replace("T_BS:", "other:")
        profile = camera_from(tmp_path, "sensor.yaml", text)
        assert profile.R_cam_imu is None and profile.camera == PINHOLE


class TestColmap:
    RADIAL: ClassVar = {
        "SIMPLE_PINHOLE": (1, []),
        "PINHOLE": (2, []),
        "SIMPLE_RADIAL": (1, [-0.1]),
        "RADIAL": (1, [-0.1, 0.02]),
        "OPENCV": (2, [-0.28, 0.07, 2e-4, -1e-5]),
        "FULL_OPENCV": (2, [-0.28, 0.07, 2e-4, -1e-5, 0.01, 0.02, -0.01, 0.003]),
    }
    EQUIDISTANT: ClassVar = {
        "SIMPLE_FISHEYE": (1, []),
        "FISHEYE": (2, []),
        "SIMPLE_RADIAL_FISHEYE": (1, [0.05]),
        "RADIAL_FISHEYE": (1, [0.05, -0.01]),
        "OPENCV_FISHEYE": (2, [0.03, 0.06, -0.07, 0.02]),
    }

    def pinhole(self, focals):
        return (500.0, 500.0, 322.0, 238.0) if focals == 1 else (500.0, 490.0, 322.0, 238.0)

    def line(self, model, focals, k):
        numbers = [*self.pinhole(focals)[:focals], 322.0, 238.0, *k]
        return f"7 {model} 640 480 {' '.join(map(repr, numbers))}\n"

    @pytest.mark.parametrize("model", RADIAL)
    def test_radial_models(self, model, tmp_path):
        """COLMAP's pixels are half a pixel more than OpenCV's."""
        focals, k = self.RADIAL[model]
        camera = camera_from(tmp_path, "cameras.txt", self.line(model, focals, k)).camera
        colmaps = radtan_pixels(*self.pinhole(focals), [*k, 0, 0, 0, 0][: max(len(k), 4)], directions(0.6))
        assert_projects(camera, colmaps - 0.5, directions(0.6))

    @pytest.mark.parametrize("model", EQUIDISTANT)
    def test_fisheye_models(self, model, tmp_path):
        focals, k = self.EQUIDISTANT[model]
        camera = camera_from(tmp_path, "cameras.txt", self.line(model, focals, k)).camera
        colmaps = fisheye_pixels(*self.pinhole(focals), [*k, 0, 0, 0, 0][:4], directions(1.5))
        assert_projects(camera, colmaps - 0.5, directions(1.5))

    @pytest.mark.parametrize("model", ["FOV", "THIN_PRISM_FISHEYE", "RAD_TAN_THIN_PRISM_FISHEYE", "NONSENSE"])
    def test_other_models_are_refused(self, model, tmp_path):
        with pytest.raises(CaptureError, match=f"line 1: expected one of SIMPLE_PINHOLE.* got {model}"):
            camera_from(tmp_path, "cameras.txt", self.line(model, 2, [0.1]))

    def test_choosing_by_id(self, tmp_path):
        text = colmap() + "2 SIMPLE_PINHOLE 640 480 300 320 240\n3 FOV 640 480 300 300 320 240 1\n"
        assert camera_from(tmp_path, "cameras.txt", text, choice="#2").camera.fx == 300.0
        with pytest.raises(CaptureError, match="FOV"):
            camera_from(tmp_path, "cameras.txt", text)

    def test_an_id_twice(self, tmp_path):
        with pytest.raises(CaptureError, match="line 6: expected each camera once, got 1 again"):
            camera_from(tmp_path, "cameras.txt", colmap() + colmap())

    def test_commas(self, tmp_path):
        camera = camera_from(tmp_path, "calib.txt", "1,OPENCV_FISHEYE,640,480,300,300,320,240,0.01,0,0,0\n").camera
        assert (camera.cx, camera.distortion[0]) == (319.5, 0.01)


class TestOpencv:
    def storage(self, path, fisheye=False, coefficients=RADTAN.distortion):
        c = RADTAN
        store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
        store.write("image_width", c.width)
        store.write("image_height", c.height)
        if fisheye:
            store.write("fisheye_model", 1)
        store.write("camera_matrix", c.K)
        store.write("distortion_coefficients", np.array(coefficients, dtype=np.float64).reshape(-1, 1))
        store.release()
        return find_camera(str(path), 640, 480).camera

    @pytest.mark.parametrize("suffix", ["yml", "xml", "json", "yaml"])
    def test_what_opencv_writes(self, suffix, tmp_path):
        camera = self.storage(tmp_path / f"c.{suffix}")
        assert camera == RADTAN

    @pytest.mark.parametrize("suffix", ["yml", "xml", "json"])
    def test_fisheye_flag(self, suffix, tmp_path):
        k = FISHEYE.distortion
        camera = self.storage(tmp_path / f"c.{suffix}", True, k)
        c = RADTAN
        assert_projects(camera, fisheye_pixels(c.fx, c.fy, c.cx, c.cy, k, directions(1.5)), directions(1.5))

    @pytest.mark.parametrize("size", [5, 8, 12, 14])
    def test_longer_models(self, size, tmp_path):
        k = [*RADTAN.distortion, 0.01, 0.02, -0.01, 0.003, *[0.0] * 6][:size]
        camera = self.storage(tmp_path / "c.yml", coefficients=k)
        c = RADTAN
        assert_projects(camera, radtan_pixels(c.fx, c.fy, c.cx, c.cy, k, directions(0.5)), directions(0.5))

    def test_thin_prism_is_refused(self, tmp_path):
        with pytest.raises(CaptureError, match=r"distortion_coefficients: expected k1 .*thin prism"):
            self.storage(tmp_path / "c.yml", coefficients=[*[0.0] * 8, 1e-3, 0, 0, 0])

    def test_fisheye_with_five_coefficients(self, tmp_path):
        with pytest.raises(CaptureError, match="expected 4 coefficients of a fisheye lens, got 5"):
            self.storage(tmp_path / "c.yml", True, [0.1] * 5)

    def test_stereo_file_without_sizes(self, tmp_path):
        """intrinsics.yml of OpenCV's stereo sample: M1 D1 M2 D2 and no image size."""
        path = tmp_path / "intrinsics.yml"
        store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
        for k, focal in ((1, 500.0), (2, 510.0)):
            store.write(f"M{k}", np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1]]))
            store.write(f"D{k}", np.array([[0.1 * k, 0.0, 0.0, 0.0, 0.0]]))
        store.release()
        first, second = find_camera(str(path), 640, 480), find_camera(f"{path}#2", 640, 480)
        assert (first.name, first.camera.fx, first.camera.distortion[0]) == ("1", 500.0, 0.1)
        assert (second.camera.fx, second.camera.distortion[0]) == (510.0, 0.2)
        assert any("no image size" in note for note in first.notes)

    ROS = (
        "image_width: 640\nimage_height: 480\ncamera_name: head\n"
        "camera_matrix:\n  rows: 3\n  cols: 3\n  data: [500, 0, 320, 0, 500, 240, 0, 0, 1]\n"
        "distortion_model: {model}\ndistortion_coefficients:\n  rows: 1\n  cols: 4\n  data: [0.1, 1e-3, 0, 0]\n"
        "projection_matrix:\n  rows: 3\n  cols: 4\n  data: [480, 0, 320, 0, 0, 480, 240, 0, 0, 0, 1, 0]\n"
    )

    @pytest.mark.parametrize(("model", "expected"), [("plumb_bob", "opencv"), ("equidistant", "opencv_fisheye")])
    def test_ros_camera_info(self, model, expected, tmp_path):
        camera = camera_from(tmp_path, "head.yaml", self.ROS.format(model=model)).camera
        assert (camera.distortion_model, camera.fx, camera.distortion[1]) == (expected, 500.0, 1e-3)

    @pytest.mark.parametrize(
        "text",
        [
            '{"cameraMatrix": [[500, 0, 320], [0, 500, 240], [0, 0, 1]], "distCoeffs": [[0.1, 0, 0, 0, 0]]}',
            "K: [500, 0, 320, 0, 500, 240, 0, 0, 1]\nD: [0.1, 0, 0, 0, 0]\nimage_size: [640, 480]\n",
            "left:\n  Camera_Matrix: [500, 0, 320, 0, 500, 240, 0, 0, 1]\n"
            "  Distortion_Coefficients: [0.1, 0, 0, 0, 0]\nimage_Width: 640\nimage_Height: 480\n",
        ],
    )
    def test_other_spellings(self, text, tmp_path):
        camera = camera_from(tmp_path, "c.txt", text).camera
        assert (camera.fx, camera.distortion) == (500.0, (0.1, 0.0, 0.0, 0.0, 0.0))

    def test_under_a_fisheye_key(self, tmp_path):
        text = "fisheye:\n  K: [300, 0, 320, 0, 300, 240, 0, 0, 1]\n  D: [0.1, 0, 0, 0]\ncamera_matrix: 3\n"
        assert camera_from(tmp_path, "c.yml", text).camera.distortion_model == "opencv_fisheye"

    def test_skew_is_noted(self, tmp_path):
        text = "K: [500, 2, 320, 0, 500, 240, 0, 0, 1]\n"
        profile = camera_from(tmp_path, "c.yml", text)
        assert profile.camera.distortion_model == "none"
        assert any("skew of 2 px" in note and "0.96 px" in note for note in profile.notes)


class TestAndroid:
    def test_pixels_count_from_the_corner(self, tmp_path):
        profile = camera_from(tmp_path, "c.json", android())
        c = RADTAN
        assert_projects(profile.camera, radtan_pixels(c.fx, c.fy, c.cx, c.cy, c.distortion, directions()), directions())
        assert (profile.readout_s, profile.shutter) == (0.0125, Shutter.TOP_TO_BOTTOM)

    def test_distortion_by_hand(self, tmp_path):
        """Android's mapping at x = 0.5, y = -0.25 with kappa = (0.1, 0.2, 0.3, 0.01, 0.02), r^2 = 0.3125."""
        x, y, r2 = 0.5, -0.25, 0.3125
        radial = 1 + 0.1 * r2 + 0.2 * r2**2 + 0.3 * r2**3
        xc = x * radial + 0.01 * 2 * x * y + 0.02 * (r2 + 2 * x * x)
        yc = y * radial + 0.02 * 2 * x * y + 0.01 * (r2 + 2 * y * y)
        text = android(**{"android.lens.distortion": [0.1, 0.2, 0.3, 0.01, 0.02]})
        camera = camera_from(tmp_path, "c.json", text).camera
        expected = [[501.5 * xc + 322.75, 499.25 * yc + 236.5]]
        assert_projects(camera, expected, np.array([[x, y, 1.0]]))

    @pytest.mark.parametrize(
        "keys",
        [
            {
                "LENS_INTRINSIC_CALIBRATION": "[500.0, 500.0, 320.0, 240.0, 0.0]",
                "SENSOR_INFO_ACTIVE_ARRAY_SIZE": "Rect(0, 0 - 640, 480)",
            },
            {
                "lensIntrinsicCalibration": [500, 500, 320, 240],
                "sensor.info.activeArraySize": {"left": 8, "top": 8, "right": 648, "bottom": 488},
            },
            {
                "android.lens.intrinsicCalibration": [500, 500, 320, 240, 0],
                "android.sensor.info.pixelArraySize": "640x480",
            },
        ],
    )
    @pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"cameraProperties": d}, lambda d: [d]])
    def test_spellings(self, keys, wrap, tmp_path):
        camera = camera_from(tmp_path, "c.json", json.dumps(wrap(keys))).camera
        assert (camera.fx, camera.cx, camera.cy, camera.distortion_model) == (500.0, 319.5, 239.5, "none")

    def test_several_cameras(self, tmp_path):
        cameras = [
            {
                "cameraId": k,
                "LENS_INTRINSIC_CALIBRATION": [f, f, 320, 240, 0],
                "SENSOR_INFO_PIXEL_ARRAY_SIZE": "640x480",
            }
            for k, f in (("0", 500), ("2", 300))
        ]
        text = json.dumps({"cameras": cameras})
        assert camera_from(tmp_path, "c.json", text).camera.fx == 500.0
        assert camera_from(tmp_path, "c.json", text, choice="#2").camera.fx == 300.0
        by_key = json.dumps({"back": cameras[0] | {"cameraId": None}, "wide": cameras[1] | {"cameraId": None}})
        assert camera_from(tmp_path, "c.json", by_key, choice="#wide").camera.fx == 300.0

    def test_from_the_sensor_size(self, tmp_path):
        """4.5 mm over 6 mm of 4000 px is 3000 px; a 2000 px picture of it has 1500 px."""
        text = json.dumps(
            {
                "android.lens.info.availableFocalLengths": [4.5],
                "android.sensor.info.physicalSize": {"width": 6.0, "height": 4.5},
                "android.sensor.info.pixelArraySize": {"width": 4000, "height": 3000},
                "android.lens.intrinsicCalibration": [0, 0, 0, 0, 0],
            }
        )
        profile = camera_from(tmp_path, "c.json", text, (2000, 1500))
        assert (profile.camera.fx, profile.camera.cx) == (1500.0, 999.5)
        assert any("few per cent" in note for note in profile.notes)

    def test_portrait_video_of_a_landscape_sensor(self, tmp_path):
        profile = camera_from(tmp_path, "c.json", android(), (480, 640))
        assert profile.shutter is Shutter.RIGHT_TO_LEFT
        assert (profile.camera.fx, profile.camera.cx) == (RADTAN.fy, 479 - RADTAN.cy)

    def test_corrected_pictures_have_no_distortion(self, tmp_path):
        profile = camera_from(tmp_path, "c.json", android(**{"android.distortionCorrection.mode": 1}))
        assert profile.camera.distortion_model == "none"
        assert any("corrected" in note for note in profile.notes)

    def test_withdrawn_distortion_is_left_out(self, tmp_path):
        changes = {"android.lens.distortion": None, "android.lens.radialDistortion": [1, 0.1, 0, 0, 0, 0]}
        profile = camera_from(tmp_path, "c.json", android(**changes))
        assert profile.camera.distortion_model == "none"
        assert any("LENS_RADIAL_DISTORTION" in note for note in profile.notes)

    @pytest.mark.parametrize(
        ("keys", "named"),
        [
            ({"LENS_INTRINSIC_CALIBRATION": [1, 1, 1, 1, 0]}, "SENSOR_INFO_PRE_CORRECTION"),
            ({"SENSOR_INFO_PHYSICAL_SIZE": [6, 4], "SENSOR_INFO_PIXEL_ARRAY_SIZE": "4000x3000"}, "LENS_INTRINSIC"),
            ({"LENS_INTRINSIC_CALIBRATION": [1, 2, 3], "SENSOR_INFO_PIXEL_ARRAY_SIZE": "4x3"}, "LENS_INTRINSIC"),
        ],
    )
    def test_what_is_missing_is_named(self, keys, named, tmp_path):
        with pytest.raises(CaptureError, match=named):
            camera_from(tmp_path, "c.json", json.dumps(keys))


def test_all_formats_of_one_camera_agree(tmp_path):
    """The same radial-tangential camera through five formats projects to the same pixels."""
    texts = {
        "camchain.yaml": kalibr(),
        "sensor.yaml": euroc(),
        "c.yml": opencv(),
        "cameras.txt": colmap(),
        "c.json": android(),
    }
    pixels = [
        camera_from(tmp_path, name, text, (1280, 960)).camera.project(directions())[0] for name, text in texts.items()
    ]
    for other in pixels[1:]:
        np.testing.assert_allclose(other, pixels[0], atol=1e-9)


def test_focal_lengths_in_other_units_are_refused(tmp_path):
    with pytest.raises(
        CaptureError, match=r"camera_matrix: expected focal lengths in px of a 640 x 480 picture, got 4.7"
    ):
        camera_from(tmp_path, "c.yml", "camera_matrix: [4.7, 0, 320, 0, 4.7, 240, 0, 0, 1]\n")


def test_saved_profiles_keep_every_bit(tmp_path):
    profile = camera_from(tmp_path, "a.json", gyroflow())
    save_profile(profile, tmp_path / "b.camera.json")
    again = next(iter(read_cameras(tmp_path / "b.camera.json", 640, 480).values()))
    assert again.camera == profile.camera and again.readout_s == profile.readout_s
