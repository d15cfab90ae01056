import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator, native_kernel_available
from gyrosharp.blur.patches import Psf, PsfSource, hats, node_positions, splat_psf, trimmed
from gyrosharp.blur.psf_grid import NodePsfs, PsfGridOperator
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry import Shutter
from shaken import adjoint_error, psnr, shake, texture, turning

WIDTH, HEIGHT, POSES = 240, 180, 16


def motion(**change):
    return shake(**{"width": WIDTH, "height": HEIGHT, "strength": 2.0, **change})


@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.TOP_TO_BOTTOM, Shutter.RIGHT_TO_LEFT])
def test_a_denser_grid_comes_nearer_to_the_exact_warp(shutter):
    shot, image = motion(shutter=shutter), texture(HEIGHT, WIDTH)
    exact = ReferenceOperator(shot, POSES).forward(image)
    grids = [(1, 1), (4, 5), (6, 9), (11, 17), (24, 32)]
    quality = [psnr(PsfGridOperator(shot, POSES, grid).forward(image), exact) for grid in grids]
    assert np.diff(quality).min() > 3.0, quality
    assert quality[1] > 30
    assert quality[-1] > 55


def test_the_automatic_grid_is_dense_enough():
    shot, image = motion(), texture(HEIGHT, WIDTH)
    operator = PsfGridOperator(shot, POSES)
    assert psnr(operator.forward(image), ReferenceOperator(shot, POSES).forward(image)) > 45
    still = PsfGridOperator(motion(strength=0.0), POSES)
    assert still.grid == (1, 1)
    # A turn about y leaves neighbours nearly alike; a roll does not.
    yaw, roll = (PsfGridOperator(turning(axis, width=WIDTH, height=HEIGHT), POSES) for axis in ("yaw", "roll"))
    assert np.prod(yaw.grid) < np.prod(roll.grid)


def test_exact_at_the_grid_points():
    shot, image = motion(), texture(HEIGHT, WIDTH)
    # The corners of the image are grid points of every grid.
    blurred = PsfGridOperator(shot, POSES, (2, 2)).forward(image)
    exact = ReferenceOperator(shot, POSES).forward(image)
    corners = np.ix_([0, -1], [0, -1])
    np.testing.assert_allclose(blurred[corners], exact[corners], atol=1e-6)


def test_a_still_camera_changes_nothing():
    image = texture(HEIGHT, WIDTH)
    np.testing.assert_allclose(PsfGridOperator(motion(strength=0.0), 8, (3, 4)).forward(image), image, atol=1e-6)


@pytest.mark.parametrize("shutter", Shutter)
@pytest.mark.parametrize("grid", [(1, 1), (3, 5)])
def test_adjoint(grid, shutter):
    operator = PsfGridOperator(motion(shutter=shutter), POSES, grid)
    assert adjoint_error(operator) < 1e-14
    assert adjoint_error(operator, dtype=np.float32) < 1e-6


def test_adjoint_where_kernels_are_longer_than_the_image():
    operator = PsfGridOperator(shake(24, 18, strength=40.0, focal=4.0), POSES, (2, 3))
    assert operator.reach_px > 24
    assert adjoint_error(operator) < 1e-14


def test_the_transpose_entry_by_entry():
    operator = PsfGridOperator(shake(7, 5, strength=3.0), POSES, (2, 3))
    basis = np.eye(35).reshape(35, 5, 7).transpose(1, 2, 0)
    forward, adjoint = operator.forward(basis).reshape(35, 35), operator.adjoint(basis).reshape(35, 35)
    np.testing.assert_allclose(forward, adjoint.T, atol=1e-15)
    np.testing.assert_allclose(forward.sum(axis=1), 1.0)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_any_number_of_channels(channels):
    operator, image = PsfGridOperator(motion(), POSES, (3, 3)), texture(HEIGHT, WIDTH, channels)
    blurred = operator.forward(image)
    assert blurred.shape == image.shape
    assert blurred.dtype == np.float32
    for k in range(channels):
        np.testing.assert_allclose(blurred[..., k : k + 1], operator.forward(image[..., k : k + 1]), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_images(size):
    operator = PsfGridOperator(shake(*size[::-1]), 4)
    assert adjoint_error(operator) < 1e-14


def test_results_do_not_depend_on_the_number_of_threads():
    image = texture(HEIGHT, WIDTH)
    one, four = (PsfGridOperator(motion(), POSES, (4, 5), threads=threads) for threads in (1, 4))
    np.testing.assert_array_equal(one.forward(image), four.forward(image))
    np.testing.assert_array_equal(one.adjoint(image), four.adjoint(image))


def test_coverage_meets_the_reference():
    shot = motion()
    coverage = PsfGridOperator(shot, POSES, (11, 17)).coverage
    assert coverage.dtype == np.float32
    assert 0 <= coverage.min() < 0.99
    assert coverage.max() <= 1.0
    # Bilinear kernels share a pixel that grazes the border, the reference counts it in or out.
    assert np.mean(np.abs(coverage - ReferenceOperator(shot, POSES).coverage())) < 0.01


def test_psf_trails_the_way_the_scene_moves():
    """Yaw moves the scene left: with the reference at the middle, light arrives evenly to both sides; none above."""
    operator = PsfGridOperator(turning("yaw", shutter=Shutter.GLOBAL), 64)
    psf = operator.psf_at(47.5, 35.5)
    shift = 1.2 * 96 * np.tan(0.5 * 0.025)
    picture = psf.centred(11)
    assert psf.weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(psf.centroid_px, 0.0, atol=1e-6)
    np.testing.assert_allclose(picture, picture[:, ::-1], atol=1e-6)
    assert np.flatnonzero(picture.sum(axis=0) > 1e-9)[[0, -1]].tolist() == [5 - np.ceil(shift), 5 + np.ceil(shift)]


def test_psf_is_the_picture_of_a_point_light():
    """A lit pixel is blurred into its kernel, also where a rolling shutter displaces it as a whole."""
    operator = PsfGridOperator(motion(), POSES, (1, 1))
    light = np.zeros((HEIGHT, WIDTH, 1))
    light[80, 120] = 1.0
    around = operator.forward(light)[80 - 20 : 80 + 21, 120 - 20 : 120 + 21, 0]
    middle = operator.psf_at((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    np.testing.assert_allclose(around, middle.centred(41), atol=1e-12)


@pytest.mark.skipif(not native_kernel_available(), reason="the native kernel was not built here")
@pytest.mark.parametrize("shutter", [Shutter.TOP_TO_BOTTOM, Shutter.LEFT_TO_RIGHT])
def test_kernels_read_from_the_node_grid(shutter):
    shot = motion(shutter=shutter)
    nodes = ExactOperator(shot, POSES).nodes
    assert nodes is not None
    source, operator = NodePsfs(nodes, (HEIGHT, WIDTH)), PsfGridOperator(shot, POSES)
    assert isinstance(source, PsfSource)
    for x, y in [(0.0, 0.0), (100.3, 70.6), (239.0, 179.0)]:
        found, true = source.psf_at(x, y), operator.psf_at(x, y)
        np.testing.assert_allclose(found.centroid_px, true.centroid_px, atol=0.01)
        np.testing.assert_allclose(found.centred(61), true.centred(61), atol=0.01)
    assert np.abs(np.subtract(source.grid, operator.grid)).max() <= 2


def test_a_hand_worked_splat():
    """Two lights at (0.25, 0) and (1, -1), half each."""
    psf = splat_psf(np.array([[0.25, 0.0], [1.0, -1.0]]))
    assert (psf.x0, psf.y0) == (0, -1)
    np.testing.assert_allclose(psf.weights, [[0, 0.5], [0.375, 0.125]])
    np.testing.assert_allclose(psf.centroid_px, [0.625, -0.5])
    assert psf.reach_px == pytest.approx(np.sqrt(2))


def test_a_picture_too_small_for_the_psf_is_cut():
    psf = trimmed(Psf(np.ones((9, 9)) / 81, -4, -4))
    assert psf.centred(3).sum() == pytest.approx(9 / 81)


@pytest.mark.parametrize(("size", "count"), [(1, 1), (7, 1), (7, 2), (10, 4), (5, 5), (1000, 17)])
def test_weights_are_a_partition_of_unity(size, count):
    total, position = np.zeros(size), np.zeros(size)
    for hat, node in zip(hats(size, count), node_positions(size, count), strict=True):
        total[hat.start : hat.stop] += hat.weights
        position[hat.start : hat.stop] += hat.weights * node
    np.testing.assert_allclose(total, 1.0)
    if count > 1:
        np.testing.assert_allclose(position, np.arange(size), atol=1e-9)


@pytest.mark.parametrize(("poses", "grid"), [(0, None), (4, (0, 3)), (4, (3, -1)), (4, (HEIGHT + 1, 3))])
def test_bad_sizes_are_refused(poses, grid):
    with pytest.raises(UsageError, match=r"expected (at least 1|1 to)"):
        PsfGridOperator(motion(), poses, grid)


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 1, 3), (HEIGHT, WIDTH)])
def test_another_size_is_refused(direction, shape):
    operator = PsfGridOperator(motion(), 4, (1, 1))
    with pytest.raises(ImageError, match="expected an image"):
        getattr(operator, direction)(np.zeros(shape, np.float32))


def test_depth_gives_local_kernels():
    """A wall seen by a camera that only shifts is blurred alike everywhere, by f T / d px."""
    from dataclasses import replace

    from gyrosharp.blur.depth_operator import DepthOperator

    shot = motion()
    seconds = (shot.trajectory.time_ns - shot.reference_ns) * 1e-9
    positions = np.outer(seconds, (0.6, 0.0, 0.0))
    poses = replace(shot.trajectory, positions_m=positions)
    wall = replace(shot, trajectory=poses, depth_m=np.full((HEIGHT, WIDTH), 1.5, np.float32))
    picture = texture(HEIGHT, WIDTH)
    exact = DepthOperator(wall, 48).forward(picture)
    inner = (slice(20, -20), slice(20, -20))
    near = psnr(PsfGridOperator(wall, 48).forward(picture)[inner], exact[inner])
    assert near > 30
    assert near > 5 + psnr(PsfGridOperator(shot, 48).forward(picture)[inner], exact[inner])
