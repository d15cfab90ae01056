import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gyrosharp.errors import CaptureError
from gyrosharp.geometry import CameraModel

LENSES = {
    "none": {},
    "opencv4": {"distortion_model": "opencv", "distortion": (-0.28, 0.07, 1e-3, -5e-4)},
    "opencv5": {"distortion_model": "opencv", "distortion": (-0.28, 0.07, 1e-3, -5e-4, -0.01)},
    "opencv8": {"distortion_model": "opencv", "distortion": (0.1, 0.02, 1e-4, 2e-4, 0.003, 0.15, 0.01, 0.001)},
    "fisheye": {"distortion_model": "opencv_fisheye", "distortion": (-0.01, 0.02, -0.005, 0.001)},
}


def model(lens="none", width=640, height=480):
    return CameraModel(width, height, 520.0, 500.0, 310.0, 250.0, **LENSES[lens])


def pixels(width=640, height=480, step=40):
    return np.stack(np.meshgrid(np.arange(0, width, step), np.arange(0, height, step)), axis=-1).astype(float)


@pytest.mark.parametrize("lens", LENSES)
def test_project_undoes_unproject(lens):
    camera = model(lens)
    rays, seen = camera.unproject(pixels())
    back, ahead = camera.project(rays)
    assert seen.all()
    assert ahead.all()
    np.testing.assert_allclose(rays[..., 2], 1.0)
    np.testing.assert_allclose(back, pixels(), atol=1e-8)


@pytest.mark.parametrize("lens", LENSES)
@given(x=st.floats(0, 639), y=st.floats(0, 479), depth=st.floats(0.01, 100))
@settings(max_examples=40, deadline=None)
def test_unproject_undoes_project_at_any_depth(lens, x, y, depth):
    camera = model(lens)
    rays, _ = camera.unproject([x, y])
    again, _ = camera.unproject(camera.project(rays * depth)[0])
    np.testing.assert_allclose(again, rays, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES)
def test_project_agrees_with_opencv(lens):
    import cv2

    camera = model(lens)
    points = np.random.default_rng(0).uniform((-0.5, -0.4, 1.0), (0.5, 0.4, 2.0), (50, 3))
    coefficients = np.array(camera.distortion or (0.0,) * 4)
    still = np.zeros(3)
    if lens == "fisheye":
        expected = cv2.fisheye.projectPoints(points[None], still, still, camera.K, coefficients)[0]
    else:
        expected = cv2.projectPoints(points, still, still, camera.K, coefficients)[0]
    np.testing.assert_allclose(camera.project(points)[0], expected.reshape(-1, 2), atol=1e-9)


def test_a_hand_worked_projection():
    camera = model()
    np.testing.assert_allclose(camera.project([0.2, -0.1, 2.0])[0], [310 + 52, 250 - 25])
    np.testing.assert_allclose(camera.unproject([310 + 52, 250 - 25])[0], [0.1, -0.05, 1.0])


@pytest.mark.parametrize("lens", LENSES)
@given(x0=st.integers(-20, 300), y0=st.integers(-20, 200))
@settings(max_examples=20, deadline=None)
def test_crop_commutes_with_projection(lens, x0, y0):
    camera = model(lens)
    rays, _ = camera.unproject(pixels())
    cropped = camera.cropped(x0, y0, 200, 100)
    assert (cropped.width, cropped.height) == (200, 100)
    np.testing.assert_allclose(cropped.project(rays)[0], camera.project(rays)[0] - (x0, y0), atol=1e-9)


@pytest.mark.parametrize("lens", LENSES)
@given(width=st.integers(1, 2000), height=st.integers(1, 2000))
@settings(max_examples=20, deadline=None)
def test_scaling_commutes_with_projection(lens, width, height):
    camera = model(lens)
    rays, _ = camera.unproject(pixels())
    factor = np.array([width / camera.width, height / camera.height])
    expected = (camera.project(rays)[0] + 0.5) * factor - 0.5
    np.testing.assert_allclose(camera.scaled(width, height).project(rays)[0], expected, atol=1e-8)


def test_scaling_there_and_back():
    camera = model("opencv5")
    back = camera.scaled(1280, 960).scaled(640, 480)
    np.testing.assert_allclose([back.fx, back.fy, back.cx, back.cy], [camera.fx, camera.fy, camera.cx, camera.cy])


def test_refocusing_keeps_the_principal_point():
    camera = model().refocused(1.05)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((546.0, 525.0, 310.0, 250.0))


def test_points_behind_the_camera_are_invalid():
    points = np.array([[0, 0, 1.0], [0, 0, -1.0], [1.0, 0, 0.0], [1e9, 0, 1e-3]])
    found, valid = model().project(points)
    assert valid.tolist() == [True, False, False, False]
    assert np.isfinite(found).all()


def test_distortion_that_cannot_be_inverted_is_marked():
    folding = CameraModel(640, 480, 300.0, 300.0, 320.0, 240.0, "opencv", (-1.0, 0.0, 0.0, 0.0))
    _, valid = folding.unproject([[320.0, 240.0], [0.0, 0.0]])
    assert valid.tolist() == [True, False]


def test_a_fisheye_pixel_beyond_its_field_is_marked():
    fisheye = CameraModel(640, 480, 100.0, 100.0, 320.0, 240.0, "opencv_fisheye", (0.0, 0.0, 0.0, 0.0))
    _, valid = fisheye.unproject([[320.0, 240.0], [0.0, 0.0]])
    assert valid.tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "camera size"),
        ({"height": -3}, "camera size"),
        ({"fx": 0.0}, "camera fx"),
        ({"fy": np.nan}, "camera fy"),
        ({"fx": 1e9}, "camera fx"),
        ({"width": 10**25}, "camera size"),
        ({"cx": np.inf}, "finite"),
        ({"distortion_model": "opencv", "distortion": (np.nan, 0, 0, 0)}, "finite"),
        ({"distortion_model": "brown"}, "expected one of none, opencv, opencv_fisheye, got 'brown'"),
        ({"distortion": (0.1,)}, "expected 0 coefficients for none, got 1"),
        ({"distortion_model": "opencv", "distortion": (0.1,)}, "expected 4 or 5 or 8"),
        ({"distortion_model": "opencv_fisheye", "distortion": (0.1,) * 5}, "expected 4 coefficients"),
    ],
)
def test_bad_values_are_refused(change, message):
    values = {"width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0}
    with pytest.raises(CaptureError, match=message):
        CameraModel(**{**values, **change})
