"""The native kernel against float64 NumPy: node interpolation, clamped bilinear gather, its transpose, RL steps."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

kernel = pytest.importorskip("gyrosharp.blur._kernel", reason="the native kernel was not built here")

STEP_X = kernel.STEP_X
BEST = kernel.cpu_features()
KINDS = ("mild", "roll", "rolling", "huge", "rough", "axis")


# ---------------------------------------------------------------- oracle


def lagrange(t):
    """Weights (..., 4) of nodes at -1, 0, 1, 2 for a point at t."""
    return np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ],
        axis=-1,
    )


def dense(nodes, step_y, height, width):
    """Displacement (N, H, W, 2) of every pixel, float64."""
    nodes = nodes.astype(np.float64)
    y, x = np.arange(height), np.arange(width)
    wy, wx = lagrange(y % step_y / step_y), lagrange(x % STEP_X / STEP_X)
    rows = sum(nodes[:, y // step_y + i] * wy[None, :, i, None, None] for i in range(4))
    return sum(rows[:, :, x // STEP_X + i] * wx[None, None, :, i, None] for i in range(4))


def gather(image, displacement, weights):
    """sum_j w_j I(clamp(x + d_j)), bilinear, float64."""
    height, width, _ = image.shape
    image = image.astype(np.float64)
    yy, xx = np.mgrid[:height, :width]
    out = np.zeros(image.shape)
    for d, weight in zip(displacement, weights.astype(np.float64), strict=True):
        sx, sy = xx + d[..., 0], yy + d[..., 1]
        ix, iy = np.floor(sx).astype(int), np.floor(sy).astype(int)
        fx, fy = (sx - ix)[..., None], (sy - iy)[..., None]
        x0, x1 = np.clip(ix, 0, width - 1), np.clip(ix + 1, 0, width - 1)
        y0, y1 = np.clip(iy, 0, height - 1), np.clip(iy + 1, 0, height - 1)
        top = (1 - fx) * image[y0, x0] + fx * image[y0, x1]
        bottom = (1 - fx) * image[y1, x0] + fx * image[y1, x1]
        out += weight * ((1 - fy) * top + fy * bottom)
    return out


def smooth_field(rng, poses, height, width, step_y, kind):
    """Nodes (N, NY, NX, 2) of one kind of motion, with spare nodes at times."""
    ny = (height - 1) // step_y + 4 + int(rng.integers(0, 2))
    nx = (width - 1) // STEP_X + 4 + int(rng.integers(0, 2))
    if kind == "rough":  # no two neighbouring nodes agree: only the pixel-by-pixel path is right
        return rng.normal(0, 200, (poses, ny, nx, 2)).astype(np.float32)
    y = (np.arange(ny)[None, :, None] - 1.0) * step_y - height / 2
    x = (np.arange(nx)[None, None, :] - 1.0) * STEP_X - width / 2
    shift, turn, zoom, phase = rng.normal(size=(4, 2, poses, 1, 1))
    scale = {"mild": 8, "roll": 8, "rolling": 8, "huge": 3000, "axis": 9}[kind]
    angle = {"mild": 0.01, "roll": 0.2, "rolling": 0.01, "huge": 0.02, "axis": 0.0}[kind]
    dx = scale * shift[0] + angle * turn[0] * y + 0.1 * angle * zoom[0] * x
    dy = scale * shift[1] - angle * turn[0] * x + 0.1 * angle * zoom[1] * y
    if kind == "rolling":
        dx, dy = dx + 6 * np.sin(y / 37 + phase[0]), dy + 6 * np.cos(y / 29 + phase[1])
    if kind == "axis":  # one-axis motion: dy is zero up to rounding, right on an integer
        dy = rng.normal(0, 1e-7, dy.shape)
    both = np.broadcast_arrays(dx, dy)
    return np.stack([np.broadcast_to(b, (poses, ny, nx)) for b in both], axis=-1).astype(np.float32)


def weights_for(rng, poses):
    weights = rng.random(poses).astype(np.float32) + np.float32(0.1)
    return weights / weights.sum(dtype=np.float32)


def noise(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def dot_error(image, blurred, given, spread):
    """|<Ax, y> - <x, A'y>| / (|Ax| |y|): the relative adjoint error."""
    left = np.vdot(blurred.astype(np.float64), given.astype(np.float64))
    right = np.vdot(image.astype(np.float64), spread.astype(np.float64))
    return abs(left - right) / (np.linalg.norm(blurred) * np.linalg.norm(given) + 1e-30)


def zero_nodes(height, width, step_y=7, poses=1):
    return np.zeros((poses, (height - 1) // step_y + 4, (width - 1) // STEP_X + 4, 2), np.float32)


@pytest.fixture(params=kernel.supported_variants())
def variant(request):
    """Runs a test once per instruction set."""
    kernel.set_variant(request.param)
    yield
    kernel.set_variant(BEST)


# ---------------------------------------------------------------- forward and adjoint


# Sides below, at and above one block, one vector and one tile, and not multiples of either.
SIZES = [(1, 1), (1, 40), (40, 1), (7, 5), (33, 32), (50, 31), (64, 100), (131, 70), (70, 530), (9, 1100)]


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_forward_and_adjoint_match_the_oracle(size, kind):
    rng = np.random.default_rng([*size, KINDS.index(kind)])
    height, width = size
    channels, poses, step_y = int(rng.integers(1, 5)), int(rng.integers(1, 7)), int(rng.integers(1, 40))
    nodes, weights = smooth_field(rng, poses, height, width, step_y, kind), weights_for(rng, poses)
    image, given = noise(rng, height, width, channels), noise(rng, height, width, channels)
    blurred = kernel.forward(image, nodes, step_y, weights, 2)
    spread = kernel.adjoint(given, nodes, step_y, weights, 2)
    # Noise has slopes of several units per pixel; a float32 displacement of 3000 px is known to 2e-4 px only.
    tolerance = 5e-3 if kind in ("huge", "rough") else 1e-4
    expected = gather(image, dense(nodes, step_y, height, width), weights)
    np.testing.assert_allclose(blurred, expected, atol=tolerance, rtol=0)
    assert dot_error(image, blurred, given, spread) <= 1e-6
    assert blurred.dtype == spread.dtype == np.float32


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_adjoint_is_the_transpose_for_any_size_and_field(data):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 120))
    channels, poses = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 70))
    step_y, kind = data.draw(st.integers(1, 50)), data.draw(st.sampled_from(KINDS))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    kernel.set_variant(data.draw(st.sampled_from(kernel.supported_variants())))
    try:
        nodes, weights = smooth_field(rng, poses, height, width, step_y, kind), weights_for(rng, poses)
        image, given = noise(rng, height, width, channels), noise(rng, height, width, channels)
        blurred = kernel.forward(image, nodes, step_y, weights, 1)
        spread = kernel.adjoint(given, nodes, step_y, weights, 1)
        # A float32 position some thousand px away rounds the two weights of an axis apart from one another.
        far = kind in ("huge", "rough")
        assert dot_error(image, blurred, given, spread) <= (2e-5 if far else 1e-6)
        # Bilinear weights of a pose sum to one: constants survive the blur and the sum survives the transpose.
        constant = kernel.forward(np.ones_like(image), nodes, step_y, weights, 1)
        np.testing.assert_allclose(constant, 1.0, atol=2e-5 if far else 2e-6)
        total = given.astype(np.float64).sum()
        assert abs(spread.astype(np.float64).sum() - total) <= 1e-5 * np.abs(given).sum()
    finally:
        kernel.set_variant(BEST)


@settings(max_examples=30, deadline=None)
@given(
    nodes=hnp.arrays(np.float32, (3, 6, 5, 2), elements=st.floats(-1e6, 1e6, width=32) | st.floats(-40, 40, width=32)),
    step_y=st.integers(9, 60),
)
def test_any_finite_nodes_are_safe_and_stay_in_the_image_range(nodes, step_y):
    rng = np.random.default_rng(0)
    image, weights = rng.random((19, 60, 2), dtype=np.float32), np.full(3, 1 / 3, np.float32)
    blurred = kernel.forward(image, nodes, step_y, weights, 2)
    assert blurred.min() >= image.min() - 1e-4 and blurred.max() <= image.max() + 1e-4
    spread = kernel.adjoint(image, nodes, step_y, weights, 2)
    assert spread.sum(dtype=np.float64) == pytest.approx(image.sum(dtype=np.float64), rel=1e-4)


def homography_nodes(matrix, height, width, step_y):
    y = (np.arange((height - 1) // step_y + 4) - 1.0) * step_y
    x = (np.arange((width - 1) // STEP_X + 4) - 1.0) * STEP_X
    points = np.stack([*np.meshgrid(x, y), np.ones((y.size, x.size))], axis=-1)
    moved = points @ matrix.T
    return moved[..., :2] / moved[..., 2:] - points[..., :2]


@pytest.mark.usefixtures("variant")
def test_homographies_through_nodes_match_the_exact_warp():
    """The node grid itself costs nothing visible: 1e-4 of full scale against the homography at every pixel."""
    rng = np.random.default_rng(5)
    height, width, focal, step_y = 240, 320, 260.0, 16
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    image = rng.random((height, width, 3), dtype=np.float32)
    grids, exact = [], []
    yy, xx = np.mgrid[:height, :width].astype(float)
    pixels = np.stack([xx, yy, np.ones_like(xx)], axis=-1)
    for t in np.linspace(-1, 1, 9):
        a, b, c = 0.05 * t, -0.03 * t * t, 0.04 * t
        skew = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
        matrix = intrinsics @ (np.eye(3) + skew + skew @ skew / 2) @ np.linalg.inv(intrinsics)
        grids.append(homography_nodes(matrix, height, width, step_y))
        moved = pixels @ matrix.T
        exact.append(moved[..., :2] / moved[..., 2:] - pixels[..., :2])
    nodes, weights = np.array(grids, np.float32), np.full(9, 1 / 9, np.float32)
    blurred = kernel.forward(image, nodes, step_y, weights, 2)
    assert np.abs(blurred - gather(image, np.array(exact), weights)).max() < 1e-4


@pytest.mark.usefixtures("variant")
def test_positive_displacement_reads_to_the_right_and_below():
    """Worked by hand: d = (1, 2) brings pixel (x + 1, y + 2) to (x, y); the transpose carries it back."""
    image = np.zeros((50, 60, 1), np.float32)
    image[22, 31] = 1.0
    nodes = zero_nodes(50, 60)
    nodes[..., 0], nodes[..., 1] = 1.0, 2.0
    one = np.ones(1, np.float32)
    blurred = kernel.forward(image, nodes, 7, one, 1)
    assert np.argwhere(blurred[..., 0]).tolist() == [[20, 30]]
    assert np.array_equal(kernel.adjoint(blurred, nodes, 7, one, 1), image)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_zero_displacement_is_the_identity(size):
    image = noise(np.random.default_rng(1), *size, 3)
    nodes, one = zero_nodes(*size), np.ones(1, np.float32)
    assert np.array_equal(kernel.forward(image, nodes, 7, one, 2), image)
    assert np.array_equal(kernel.adjoint(image, nodes, 7, one, 2), image)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_the_number_of_threads(kind):
    rng = np.random.default_rng(3)
    nodes, weights = smooth_field(rng, 20, 150, 600, 13, kind), weights_for(rng, 20)
    image = noise(rng, 150, 600, 3)
    for function in (kernel.forward, kernel.adjoint):
        one, two, many = (function(image, nodes, 13, weights, threads) for threads in (1, 2, 7))
        assert np.array_equal(one, two) and np.array_equal(one, many)
    masks = [kernel.coverage(nodes, 13, weights, 150, 600, threads) for threads in (1, 2)]
    assert np.array_equal(*masks)


@pytest.mark.usefixtures("variant")
def test_poses_spread_wider_than_a_window_are_taken_in_groups():
    """Sources 4,000 px apart exceed the planar window; each group of poses must add to the one before."""
    rng = np.random.default_rng(8)
    height, width, step_y = 40, 5000, 30
    nodes = np.repeat(zero_nodes(height, width, step_y), 6, axis=0)
    nodes[..., 0] = np.array([0.3, 2000.4, -1500.25, 3900.0, 1.5, -3999.5], np.float32)[:, None, None]
    nodes = np.tile(nodes, (14, 1, 1, 1))  # 84 poses: also more than one pass of 64
    weights = weights_for(rng, len(nodes))
    image, given = noise(rng, height, width, 1), noise(rng, height, width, 1)
    blurred, spread = (f(v, nodes, step_y, weights, 2) for f, v in ((kernel.forward, image), (kernel.adjoint, given)))
    np.testing.assert_allclose(blurred, gather(image, dense(nodes, step_y, height, width), weights), atol=2e-3)
    assert dot_error(image, blurred, given, spread) <= 1e-6


@pytest.mark.usefixtures("variant")
def test_a_source_too_large_for_a_window_is_read_in_pieces():
    """A zoom maps the whole of a large image into one tile and, backwards, one tile from the whole image."""
    rng = np.random.default_rng(9)
    height, width, step_y = 700, 900, 100
    nodes = zero_nodes(height, width, step_y)
    ny, nx = nodes.shape[1:3]
    nodes[0, :, :, 0] = -0.95 * (np.arange(nx) - 1.0) * STEP_X
    nodes[0, :, :, 1] = -0.95 * (np.arange(ny)[:, None] - 1.0) * step_y
    inverse, one = -nodes * 19, np.ones(1, np.float32)
    image, given = noise(rng, height, width, 1), noise(rng, height, width, 1)
    for field in (nodes, inverse):
        blurred, spread = (f(v, field, step_y, one, 2) for f, v in ((kernel.forward, image), (kernel.adjoint, given)))
        np.testing.assert_allclose(blurred, gather(image, dense(field, step_y, height, width), one), atol=1e-2)
        assert dot_error(image, blurred, given, spread) <= 1e-6


@pytest.mark.usefixtures("variant")
def test_frozen_arrays_are_read_and_out_is_filled():
    rng = np.random.default_rng(2)
    image, nodes, weights = noise(rng, 30, 40, 3), zero_nodes(30, 40), np.ones(1, np.float32)
    for array in (image, nodes, weights):
        array.setflags(write=False)
    for function in (kernel.forward, kernel.adjoint):
        out = np.empty_like(image)
        assert function(image, nodes, 7, weights, 1, out) is out
        assert np.array_equal(out, image)


# ---------------------------------------------------------------- coverage


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("kind", KINDS)
def test_coverage_counts_the_poses_that_land_inside(kind):
    rng = np.random.default_rng(4)
    height, width, step_y = 61, 90, 11
    nodes, weights = smooth_field(rng, 70, height, width, step_y, kind), weights_for(rng, 70)
    position = dense(nodes, step_y, height, width) + np.stack(np.mgrid[:height, :width][::-1], axis=-1)
    limit = np.array([width - 1, height - 1])
    inside = ((position >= 0) & (position <= limit)).all(axis=-1)
    # A pose within rounding of the border may fall on either side of it.
    unsure = (np.minimum(np.abs(position), np.abs(position - limit)) < 2e-3).any(axis=-1)
    mask = kernel.coverage(nodes, step_y, weights, height, width, 2)
    assert mask.shape == (height, width)
    low = ((inside & ~unsure) * weights[:, None, None]).sum(axis=0)
    high = ((inside | unsure) * weights[:, None, None]).sum(axis=0)
    assert (mask >= low - 1e-5).all() and (mask <= high + 1e-5).all()


@pytest.mark.usefixtures("variant")
def test_coverage_includes_the_border_itself():
    one = np.ones(1, np.float32)
    assert (kernel.coverage(zero_nodes(9, 33), 7, one, 9, 33, 1) == 1).all()
    nodes = zero_nodes(9, 33)
    nodes[..., 0] = 1.0
    mask = kernel.coverage(nodes, 7, one, 9, 33, 1)
    assert (mask[:, :-1] == 1).all() and (mask[:, -1] == 0).all()


# ---------------------------------------------------------------- Richardson-Lucy steps

IMAGE_SIZES = [(1, 1), (1, 9), (17, 33), (40, 700)]


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("size", IMAGE_SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_rl_ratio(size, channels):
    rng = np.random.default_rng(6)
    observed, predicted = rng.random((2, *size, channels), dtype=np.float32)
    confidence = rng.random(size, dtype=np.float32)
    expected = 1 + confidence[..., None] * (observed / np.maximum(predicted, np.float32(0.1)) - 1)
    np.testing.assert_allclose(kernel.rl_ratio(observed, predicted, confidence, 0.1, 2), expected, rtol=2e-6, atol=2e-6)
    assert kernel.rl_ratio(observed, predicted, confidence, 0.1, 2, predicted) is predicted  # in place
    np.testing.assert_allclose(predicted, expected, rtol=2e-6, atol=2e-6)


def tv_gradient(u, epsilon):
    u = u.astype(np.float64)
    gx, gy = np.zeros_like(u), np.zeros_like(u)
    gx[:, :-1], gy[:-1] = np.diff(u, axis=1), np.diff(u, axis=0)
    norm = np.sqrt((gx**2 + gy**2).sum(axis=-1, keepdims=True) + epsilon**2)
    px, py = gx / norm, gy / norm
    div = px + py
    div[:, 1:] -= px[:, :-1]
    div[1:] -= py[:-1]
    return div, norm.sum()


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("size", IMAGE_SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tv_divergence(size, channels):
    u = np.random.default_rng(7).random((*size, channels), dtype=np.float32)
    expected, _ = tv_gradient(u, 0.01)
    np.testing.assert_allclose(kernel.tv_divergence(u, 0.01, 2), expected, atol=2e-5)


def test_tv_divergence_is_the_negative_slope_of_total_variation():
    rng = np.random.default_rng(11)
    u, direction = rng.random((20, 30, 3), dtype=np.float32), rng.normal(size=(20, 30, 3))
    step = 1e-5
    slope = (tv_gradient(u + step * direction, 0.1)[1] - tv_gradient(u - step * direction, 0.1)[1]) / (2 * step)
    assert -(kernel.tv_divergence(u, 0.1, 1) * direction).sum() == pytest.approx(slope, rel=1e-4)


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("size", IMAGE_SIZES, ids=str)
@pytest.mark.parametrize("with_tv", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_rl_update(size, with_tv, channels):
    rng = np.random.default_rng(12)
    estimate, correction, previous = rng.normal(0.5, 0.5, (3, *size, channels)).astype(np.float32)
    normaliser = rng.normal(0.2, 0.5, size).astype(np.float32)  # some below the clamp
    tv = noise(rng, *size, channels) * 3 if with_tv else None
    weight = 0.8 * noise(rng, *size) if with_tv else None
    smoothed = np.maximum(1 - weight[..., None] * tv, 0.25) if with_tv else 1.0
    bottom = np.maximum(normaliser, 1e-3)[..., None] * smoothed
    new = np.maximum(estimate * correction / bottom, 0)
    ahead = np.maximum(new + 0.7 * (new - previous), 0)
    arguments = (estimate, correction, normaliser, tv, weight, previous, 0.7, 2)
    for got, expected in zip(kernel.rl_update(*arguments), (new, ahead), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)
    fresh, extrapolated = kernel.rl_update(*arguments, previous, estimate)  # in place
    assert fresh is previous and extrapolated is estimate
    np.testing.assert_allclose(fresh, new, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(extrapolated, ahead, rtol=1e-5, atol=1e-4)


# ---------------------------------------------------------------- variants and errors


def test_variants_are_listed_best_first_and_unknown_ones_refused():
    variants = kernel.supported_variants()
    assert variants[-1] == "baseline" and set(variants) <= {"avx512", "avx2", "baseline"}
    message = f"variant sse9 is not supported here; supported: {', '.join(variants)}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kernel.set_variant("sse9")
    assert kernel.cpu_features() == BEST


IMAGE, NODES, WEIGHT = np.zeros((20, 40, 3), np.float32), zero_nodes(20, 40), np.ones(1, np.float32)
PLANE = np.zeros((20, 40), np.float32)


def with_value(array, value):
    array = array.copy()
    array.flat[array.size // 2] = value
    return array


def frozen(array):
    array = array.copy()
    array.setflags(write=False)
    return array


NODES_RANGE = "nodes must be finite and at most 1e6 px in magnitude"
THREADS = "threads must be an integer from 1 to 1024"
WARP_ERRORS = {
    "image must be a NumPy array in CPU memory": {"image": [1.0]},
    "image must be float32": {"image": IMAGE.astype(np.float64)},
    "image must have 3 axes, got 2": {"image": PLANE},
    "image must be C-contiguous": {"image": IMAGE[:, ::2]},
    "image must not be empty, got shape (0, 40, 3)": {"image": IMAGE[:0]},
    "image must have 1 to 4 channels, got shape (20, 40, 5)": {"image": np.zeros((20, 40, 5), np.float32)},
    "image must have 1 to 4 channels, got shape (20, 40, 0)": {"image": np.zeros((20, 40, 0), np.float32)},
    "image must have sides of at most 4194304 px, got shape (1, 4194305, 1)": {
        "image": np.zeros((1, 2**22 + 1, 1), np.float32)
    },
    "nodes must be a NumPy array in CPU memory": {"nodes": None},
    "nodes must be float32": {"nodes": NODES.astype(np.float16)},
    "nodes must have 4 axes, got 3": {"nodes": NODES[0]},
    "nodes must be C-contiguous": {"nodes": NODES[..., ::-1]},
    "nodes must have 2 components (dx, dy), got shape (1, 6, 5, 1)": {"nodes": NODES[..., :1].copy()},
    "nodes must hold at least one pose, got shape (0, 6, 5, 2)": {"nodes": NODES[:0]},
    "nodes must have at least 6 rows and 5 columns for this image, got shape (1, 5, 5, 2)": {
        "nodes": NODES[:, :5].copy()
    },
    "nodes must have at least 6 rows and 5 columns for this image, got shape (1, 6, 4, 2)": {
        "nodes": NODES[:, :, :4].copy()
    },
    "nodes must have at least 8 rows and 5 columns for this image, got shape (1, 6, 5, 2)": {"step_y": 4},
    "step_y must be an integer from 1 to 1048576, got 0": {"step_y": 0},
    "step_y must be an integer from 1 to 1048576": {"step_y": 7.0},
    "weights must be float32": {"weights": np.ones(1)},
    "weights must have shape (1,), got (2,)": {"weights": np.ones(2, np.float32)},
    "weights must be finite": {"weights": np.array([np.nan], np.float32)},
    f"{THREADS}, got 0": {"threads": 0},
    f"{THREADS}, got {10**30}": {"threads": 10**30},
    THREADS: {"threads": True},
    "out must be a NumPy array in CPU memory, writable": {"out": frozen(IMAGE)},
    "out must have shape (20, 40, 3), got (20, 40, 1)": {"out": np.zeros((20, 40, 1), np.float32)},
    "out must be float32": {"out": np.zeros((20, 40, 3))},
    "out must not share memory with image": {"out": IMAGE},
}


@pytest.mark.parametrize("function", [kernel.forward, kernel.adjoint])
@pytest.mark.parametrize(("message", "change"), WARP_ERRORS.items(), ids=list(WARP_ERRORS))
def test_bad_warp_arguments_are_refused(function, message, change):
    good = {"image": IMAGE, "nodes": NODES, "step_y": 7, "weights": WEIGHT, "threads": 1}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(**(good | change))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.1e6])
def test_nodes_that_are_not_finite_or_too_far_are_refused(value):
    nodes = with_value(NODES, value)
    for call in (
        lambda: kernel.forward(IMAGE, nodes, 7, WEIGHT, 1),
        lambda: kernel.adjoint(IMAGE, nodes, 7, WEIGHT, 1),
        lambda: kernel.coverage(nodes, 7, WEIGHT, 20, 40, 1),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(NODES_RANGE)}$"):
            call()


UPDATE = {
    "estimate": IMAGE,
    "correction": IMAGE,
    "normaliser": PLANE,
    "tv": None,
    "tv_weight": PLANE,
    "previous": IMAGE,
    "momentum": 0.5,
    "threads": 1,
}
RATIO = {"observed": IMAGE, "predicted": IMAGE, "confidence": PLANE, "floor": 0.1, "threads": 1}
TV = {"u": IMAGE, "epsilon": 0.1, "threads": 1}
COVERAGE = {"nodes": NODES, "step_y": 7, "weights": WEIGHT, "height": 20, "width": 40, "threads": 1}
STEP_ERRORS = [
    (kernel.coverage, COVERAGE, {"height": 0}, "height must be an integer from 1 to 4194304, got 0"),
    (kernel.coverage, COVERAGE, {"width": -1}, "width must be an integer from 1 to 4194304, got -1"),
    (kernel.coverage, COVERAGE, {"threads": 0}, f"{THREADS}, got 0"),
    (kernel.rl_ratio, RATIO, {"observed": PLANE}, "observed must have 3 axes, got 2"),
    (kernel.rl_ratio, RATIO, {"predicted": IMAGE[:9]}, "predicted must have shape (20, 40, 3), got (9, 40, 3)"),
    (kernel.rl_ratio, RATIO, {"confidence": PLANE[:9]}, "confidence must have shape (20, 40), got (9, 40)"),
    (kernel.rl_ratio, RATIO, {"floor": 0.0}, "floor must be positive"),
    (kernel.rl_ratio, RATIO, {"floor": "low"}, "floor must be a finite number"),
    (kernel.rl_ratio, RATIO, {"threads": -3}, f"{THREADS}, got -3"),
    (kernel.tv_divergence, TV, {"u": IMAGE.astype(int)}, "u must be float32"),
    (kernel.tv_divergence, TV, {"epsilon": 0.0}, "epsilon must be positive, at least 1e-18"),
    (kernel.tv_divergence, TV, {"epsilon": np.nan}, "epsilon must be a finite number"),
    (kernel.tv_divergence, TV, {"out": IMAGE}, "out must not share memory with u"),
    (kernel.rl_update, UPDATE, {"correction": PLANE}, "correction must have 3 axes, got 2"),
    (kernel.rl_update, UPDATE, {"normaliser": PLANE.T}, "normaliser must be C-contiguous"),
    (
        kernel.rl_update,
        UPDATE,
        {"previous": IMAGE[:, :7].copy()},
        "previous must have shape (20, 40, 3), got (20, 7, 3)",
    ),
    (kernel.rl_update, UPDATE, {"tv": IMAGE[:1]}, "tv must have shape (20, 40, 3), got (1, 40, 3)"),
    (kernel.rl_update, UPDATE, {"momentum": np.inf}, "momentum must be a finite number"),
    (
        kernel.rl_update,
        UPDATE,
        {"tv": IMAGE, "tv_weight": PLANE[:1]},
        "tv_weight must have shape (20, 40), got (1, 40)",
    ),
    (kernel.rl_update, UPDATE, {"tv": IMAGE, "tv_weight": None}, "tv_weight must be a NumPy array in CPU memory"),
    (
        kernel.rl_update,
        UPDATE,
        {"out_new": IMAGE, "out_extrapolated": IMAGE},
        "out_new and out_extrapolated must be different arrays",
    ),
]


@pytest.mark.parametrize(("function", "good", "change", "message"), STEP_ERRORS, ids=[e[3] for e in STEP_ERRORS])
def test_bad_step_arguments_are_refused(function, good, change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(**(good | change))
