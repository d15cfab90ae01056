"""TorchBlur against the native kernel and the NumPy reference, and as a differentiable linear map."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.nodes import node_grid
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry import Shutter
from shaken import shake, turning

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.torch_operator import TorchBlur, shot_grid  # noqa: E402

pytestmark = pytest.mark.torch

LENSES = {
    "none": {},
    "opencv": {"distortion_model": "opencv", "distortion": (-0.1, 0.02, 5e-4, -5e-4, 0.0)},
}
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")),
]
# A focal length of 48 px: too short for nodes 32 px apart.
WIDE = {"focal": 0.5, "distortion_model": "opencv", "distortion": (-0.2, 0.05, 0.0, 0.0)}


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels)).astype(np.float32)


def planes(*images):
    """NumPy images (H, W, C) as one batch (B, C, H, W)."""
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())


def pixels(batch):
    return batch.cpu().numpy().transpose(0, 2, 3, 1)


def normals(*shape):
    return torch.from_numpy(np.random.default_rng(3).standard_normal(shape))


def mixed_batch(width=96, height=80):
    shots = [shake(width, height, shutter=shutter, readout_s=0.004 * (k + 1)) for k, shutter in enumerate(Shutter)]
    return [*shots, shake(width, height, **WIDE), shake(width, height, shutter=Shutter.RIGHT_TO_LEFT, **WIDE)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shutter", Shutter)
def test_equals_the_kernel_on_white_noise(shutter, lens, device):
    shot = shake(256, 250, strength=3.0, shutter=shutter, **LENSES[lens])
    image = noise(250, 256)
    exact, twin = ExactOperator(shot, 16), TorchBlur.of_motions(shot, 16, device)
    assert np.abs(pixels(twin(planes(image)))[0] - exact.forward(image)).max() < 1e-4
    # Light piles up at the border, where the adjoint's values reach several units.
    np.testing.assert_allclose(pixels(twin.adjoint(planes(image)))[0], exact.adjoint(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shutter", [Shutter.TOP_TO_BOTTOM, Shutter.LEFT_TO_RIGHT])
def test_equals_the_kernel_at_one_megapixel(shutter):
    shot = shake(1152, 896, shutter=shutter, **LENSES["opencv"])
    image = noise(896, 1152)
    blurred = pixels(TorchBlur.of_motions(shot, 8)(planes(image)))[0]
    assert np.abs(blurred - ExactOperator(shot, 8).forward(image)).max() < 1e-4


@pytest.mark.parametrize("shutter", Shutter)
def test_meets_the_reference_where_nodes_are_too_coarse(shutter):
    shot = shake(shutter=shutter, **WIDE)
    assert node_grid(shot, 4) is None
    image = noise(72, 96)
    twin = TorchBlur.of_motions(shot, 4, dtype=torch.float64)
    assert np.abs(pixels(twin(planes(image)))[0] - ReferenceOperator(shot, 4).forward(image)).max() < 1e-5


def test_a_yaw_moves_the_picture_to_the_left():
    """One pose 1 ms after the reference time: at 500 rad/s px the bright column is seen 0.5 px further left."""
    shot = turning("yaw", rate_rad_s=500.0 / (1.2 * 96))
    shot = replace(shot, reference_ns=shot.reference_ns - 1_000_000)
    image = np.zeros((72, 96, 1), np.float32)
    image[:, 48] = 1.0
    row = pixels(TorchBlur.of_motions(shot, 1)(planes(image)))[0, 36, :, 0]
    np.testing.assert_allclose(row[[46, 47, 48, 49]], [0.0, 0.5, 0.5, 0.0], atol=2e-3)


def test_a_still_camera_changes_nothing():
    image = noise(50, 70)
    blurred = TorchBlur.of_motions(shake(70, 50, strength=0.0), 8)(planes(image))
    np.testing.assert_allclose(pixels(blurred)[0], image, atol=1e-5)


@pytest.mark.parametrize("chunk", [None, 3, 5, 50])
def test_a_batch_of_all_kinds_equals_its_shots(chunk):
    shots = mixed_batch()
    images = planes(*[noise(80, 96, seed=k) for k in range(len(shots))])
    whole = TorchBlur.of_motions(shots, 5, chunk=chunk)
    for direction in ("forward", "adjoint"):
        together = getattr(whole, direction)(images)
        for k, shot in enumerate(shots):
            alone = getattr(TorchBlur.of_motions(shot, 5), direction)(images[k : k + 1])
            torch.testing.assert_close(together[k : k + 1], alone, atol=1e-5, rtol=1e-5)


def test_one_shot_serves_a_batch_of_images():
    images = planes(*[noise(60, 64, channels=2, seed=k) for k in range(3)])
    twin = TorchBlur.of_motions(shake(64, 60, shutter=Shutter.LEFT_TO_RIGHT), 4)
    torch.testing.assert_close(twin(images)[1:2], twin(images[1:2]))


def test_adjoint_is_the_transpose():
    shots = mixed_batch()
    twin = TorchBlur.of_motions(shots, 5, dtype=torch.float64)
    x, y = normals(2, len(shots), 3, 80, 96)
    blurred, spread = twin(x), twin.adjoint(y)
    gap = float((blurred * y).sum() - (x * spread).sum())
    assert abs(gap) < 1e-12 * float(blurred.norm() * y.norm())


def test_gradients_of_both_directions():
    twin = TorchBlur.of_motions(
        [shake(12, 9, focal=20.0), shake(12, 9, focal=20.0, readout_s=0.0)], 3, dtype=torch.float64
    )
    images = normals(2, 1, 9, 12).requires_grad_()
    assert torch.autograd.gradcheck(twin.forward, images)
    assert torch.autograd.gradcheck(twin.adjoint, images)
    assert torch.autograd.gradgradcheck(lambda x: twin(x) ** 2, images)


def test_gradient_reaches_images_of_another_type():
    images = planes(noise(20, 24)).double().requires_grad_()
    twin = TorchBlur.of_motions(shake(24, 20, focal=20.0), 3)
    blurred = twin(images)
    blurred.sum().backward()
    assert blurred.dtype is torch.float32
    assert images.grad.dtype is torch.float64
    # Every row of A adds up to 1, and so does every pixel of a batch under A^T.
    assert float(images.grad.sum()) == pytest.approx(images.numel(), rel=1e-5)


def test_autocast_does_not_touch_the_positions():
    images, twin = planes(noise(60, 64)), TorchBlur.of_motions(shake(64, 60), 4)
    with torch.autocast("cpu", torch.bfloat16):
        inside = twin(images)
    torch.testing.assert_close(inside, twin(images))


def test_grids_drawn_elsewhere_make_the_same_blur():
    import pickle

    shots = mixed_batch()[:2]
    grids = [pickle.loads(pickle.dumps(shot_grid(shot, 4))) for shot in shots]
    images = planes(noise(80, 96), noise(80, 96, seed=1))
    torch.testing.assert_close(TorchBlur(grids, (80, 96))(images), TorchBlur.of_motions(shots, 4)(images))


@pytest.mark.parametrize("shape", [(1, 3, 30, 41), (3, 30, 40), (3, 3, 30, 40)])
@pytest.mark.parametrize("direction", ["forward", "adjoint"])
def test_other_images_are_refused(shape, direction):
    twin = TorchBlur.of_motions([shake(40, 30)] * 2, 2)
    with pytest.raises(ImageError, match="torch blur: expected images"):
        getattr(twin, direction)(torch.zeros(shape))


def test_bad_batches_are_refused():
    small, large = shake(40, 30), shake(41, 30)
    with pytest.raises(UsageError, match="cameras of one size"):
        TorchBlur.of_motions([small, large], 2)
    with pytest.raises(UsageError, match="got no grid"):
        TorchBlur.of_motions([], 2)
    with pytest.raises(UsageError, match="poses: expected at least 1"):
        TorchBlur.of_motions(small, 0)
    with pytest.raises(UsageError, match=r"got poses \[2, 3\]"):
        TorchBlur([shot_grid(small, 2), shot_grid(small, 3)], (30, 40))
    with pytest.raises(UsageError, match="chunk >= 1"):
        TorchBlur.of_motions(small, 2, chunk=0)


@pytest.mark.parametrize("device", DEVICES)
def test_coverage_is_that_of_the_kernel(device):
    shots = mixed_batch()
    shares = TorchBlur.of_motions(shots, 6, device).coverage()
    assert shares.shape == (len(shots), 1, 80, 96) and shares.device.type == device
    for share, shot in zip(shares.cpu().numpy(), shots, strict=True):
        # A position on the very border may be rounded to either side: one pose of six.
        gap = np.abs(share[0] - ExactOperator(shot, 6).coverage)
        assert np.mean(gap > 1e-5) < 1e-3 and gap.max() < 1.01 / 6
    assert shares.min() < 0.9 and shares.max() == pytest.approx(1.0)


def test_a_still_camera_sees_nothing_from_outside():
    np.testing.assert_allclose(TorchBlur.of_motions(shake(strength=0.0), 4).coverage().numpy(), 1.0, atol=1e-6)
