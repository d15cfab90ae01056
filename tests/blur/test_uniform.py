import cv2
import numpy as np
import pytest

from gyrosharp.blur.patches import PsfSource
from gyrosharp.blur.uniform import UniformOperator, read_kernel
from gyrosharp.errors import ImageError, InputError
from shaken import adjoint_error, check_out, texture

SHAPE = (40, 50)


def kernel(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 9), (4, 6), (1, 7), (2, 2), (40, 50)])
def test_forward_is_a_convolution(size):
    """Against scipy, whose kernel centre for even sizes lies one further: `origin` moves it."""
    from scipy.ndimage import convolve

    weights, image = kernel(*size), texture(*SHAPE).astype(np.float64)
    origin = [-(1 - length % 2) for length in size]
    planes = [convolve(image[..., k], weights / weights.sum(), mode="nearest", origin=origin) for k in range(3)]
    np.testing.assert_allclose(UniformOperator(weights, SHAPE).forward(image), np.stack(planes, -1), atol=1e-12)


@pytest.mark.parametrize("size", [(3, 3), (4, 6), (40, 50)])
def test_adjoint(size):
    operator = UniformOperator(kernel(*size), SHAPE)
    assert adjoint_error(operator) < 1e-14
    assert adjoint_error(operator, dtype=np.float32) < 1e-6


@pytest.mark.parametrize("size", [(5, 5), (4, 6), (3, 2)])
def test_a_light_in_the_middle_changes_nothing(size):
    light = np.zeros(size)
    light[(size[0] - 1) // 2, (size[1] - 1) // 2] = 7.0
    image = texture(*SHAPE)
    np.testing.assert_allclose(UniformOperator(light, SHAPE).forward(image), image, atol=1e-6)


def test_a_light_right_of_the_middle_moves_the_image_right():
    image = texture(*SHAPE)
    moved = UniformOperator([[0, 0, 1.0]], SHAPE).forward(image)
    np.testing.assert_allclose(moved[:, 1:], image[:, :-1], atol=1e-6)
    np.testing.assert_allclose(moved[:, 0], image[:, 0], atol=1e-6)


def test_empty_margins_cost_nothing():
    weights = np.zeros((31, 31))
    weights[14:17, 15] = 1.0
    operator = UniformOperator(weights, SHAPE)
    assert operator.reach_px == 1.0
    assert operator.psf_at(0, 0).weights.shape == (3, 1)
    assert isinstance(operator, PsfSource)
    assert operator.grid == (1, 1)


def test_results_go_where_asked():
    check_out(UniformOperator(kernel(3, 5), SHAPE))


def test_coverage_of_a_hand_worked_kernel():
    coverage = UniformOperator([[1, 2, 1]], SHAPE).coverage
    np.testing.assert_allclose(coverage[:, 0], 0.75, atol=1e-6)
    np.testing.assert_allclose(coverage[:, 1:-1], 1.0, atol=1e-6)


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
def test_another_size_is_refused(direction):
    with pytest.raises(ImageError, match="expected an image"):
        getattr(UniformOperator(kernel(3, 3), SHAPE), direction)(np.zeros((40, 51, 3), np.float32))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((3, 3)), "all-black"),
        ([[1.0, -0.1]], "negative"),
        ([[1.0, np.nan]], "non-finite"),
        (np.ones(5), "shape"),
        (np.ones((0, 3)), "shape"),
        (np.ones((41, 3)), "no larger than the image"),
        (np.ones((3, 51)), "no larger than the image"),
    ],
)
def test_bad_kernels_are_refused(weights, message):
    with pytest.raises(InputError, match=message):
        UniformOperator(weights, SHAPE)


def written(path, image):
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_read_grey(tmp_path, dtype):
    codes = np.array([[0, 10, 0], [20, 200, 20]], dtype)
    np.testing.assert_allclose(read_kernel(written(tmp_path / "körnel.png", codes)), codes / codes.sum())


def test_read_float(tmp_path):
    codes = np.array([[0.5, 1.5]], np.float32)
    np.testing.assert_allclose(read_kernel(written(tmp_path / "kernel.tiff", codes)), [[0.25, 0.75]])


@pytest.mark.parametrize("channels", [3, 4])
def test_read_grey_stored_as_colour(tmp_path, channels):
    codes = np.repeat(np.array([[[1], [3]]], np.uint8), channels, axis=2)
    np.testing.assert_allclose(read_kernel(written(tmp_path / "kernel.png", codes)), [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("colour.png", np.array([[[1, 2, 3]]], np.uint8), "coloured"),
        ("black.png", np.zeros((3, 3), np.uint8), "all-black"),
        ("negative.tiff", np.array([[1.0, -0.5]], np.float32), "negative"),
    ],
)
def test_bad_pictures_are_refused_by_name(tmp_path, name, image, message):
    with pytest.raises(InputError, match=message) as caught:
        read_kernel(written(tmp_path / name, image))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"", "decoded"), (b"not a picture", "decoded")]
)
def test_bad_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "kernel.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_kernel(path)
    assert "kernel.png" in str(caught.value)
    assert "\n" not in str(caught.value)
