"""Losses: values by hand, gradients, scales, precision and what is refused."""

import dataclasses
import inspect
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from torch.nn.functional import interpolate  # noqa: E402

from gyrosharp.errors import ImageError, InputError, MissingComponentError, UsageError  # noqa: E402
from gyrosharp.evaluation.metrics import find_metric  # noqa: E402
from gyrosharp.training.config import LossPart  # noqa: E402
from gyrosharp.training.losses import find_loss, losses, make_loss, total_loss  # noqa: E402
from gyrosharp.training.losses._scales import target_at  # noqa: E402
from gyrosharp.training.losses.edge import laplacian_level  # noqa: E402

pytestmark = pytest.mark.torch

# The perceptual loss's convolutions in a small VGG: as many, fewer channels.
WIDTHS = {0: (3, 4), 2: (4, 4), 5: (4, 6), 7: (6, 6), 10: (6, 8), 12: (8, 8), 14: (8, 8)}


def vgg_tensors(seed=0):
    source = np.random.default_rng(seed)
    tensors = {}
    for index, (inner, outer) in WIDTHS.items():
        scale = math.sqrt(2 / (9 * inner))
        tensors[f"features.{index}.weight"] = scale * source.standard_normal((outer, inner, 3, 3)).astype(np.float32)
        tensors[f"features.{index}.bias"] = 0.1 * source.standard_normal(outer).astype(np.float32)
    return tensors


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    np.savez(path, **vgg_tensors())
    return str(path)


@pytest.fixture(params=sorted(losses()))
def loss(request, vgg):
    options = {"weights": vgg} if request.param == "perceptual" else {}
    return make_loss(LossPart(kind=request.param, options=options))


def pictures(batch=2, height=24, width=28, seed=0):
    source = torch.Generator().manual_seed(seed)
    sharp = torch.rand(batch, 3, height, width, generator=source)
    return (sharp + 0.1 * torch.randn(sharp.shape, generator=source)), sharp


def value(kind, output, target, **options):
    return make_loss(LossPart(kind=kind, options=options))((output,), target).item()


# Every loss


def test_modules_say_what_they_are():
    for name, module in losses().items():
        assert name == module.__name__.rsplit(".", 1)[-1]
        assert module.DESCRIPTION and "\n" not in module.DESCRIPTION and module.PAPER
        text = inspect.getdoc(module.Loss)
        assert all(f"{option.name} : " in text for option in dataclasses.fields(module.Loss)), name


def test_gradients_are_finite_at_equality_and_point_downhill(loss):
    output, sharp = pictures()
    exact = sharp.clone().requires_grad_()
    loss((exact,), sharp).backward()
    assert torch.isfinite(exact.grad).all()
    output.requires_grad_()
    before = loss((output,), sharp)
    (slope,) = torch.autograd.grad(before, output)
    assert loss((output - 0.01 * slope / slope.norm(),), sharp) < before
    assert loss((sharp,), sharp) < before


def test_batches_are_means_of_their_pictures(loss):
    output, sharp = pictures(batch=3)
    alone = [loss((output[i : i + 1],), sharp[i : i + 1]).item() for i in range(3)]
    assert loss((output,), sharp).item() == pytest.approx(np.mean(alone), rel=1e-5)


def test_scales_are_added_up(loss):
    outputs = tuple(target_at(pictures()[0], scale) for scale in range(2))
    sharp = pictures()[1]
    parts = [loss((output,), target_at(sharp, scale)).item() for scale, output in enumerate(outputs)]
    assert loss(outputs, sharp).item() == pytest.approx(sum(parts), rel=1e-5)


def test_half_precision_outputs_are_compared_in_single_precision(loss):
    output, sharp = pictures()
    half = output.bfloat16()
    wanted = loss((half.float(),), sharp)
    with torch.autocast("cpu", torch.bfloat16):
        found = loss((half,), sharp)
    assert found.dtype == torch.float32 and found.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_outputs_of_another_size_are_refused(loss):
    output, sharp = pictures()
    with pytest.raises(
        ImageError, match=r"expected output 1 to be \(2, 3, 12, 14\) as its target, got \(2, 3, 24, 28\)"
    ):
        loss((output, output), sharp)
    with pytest.raises(ImageError, match="expected at least one output of the network, got none"):
        loss((), sharp)


def test_targets_of_coarse_scales_are_block_means():
    rows = torch.tensor([[0.0, 2, 4, 6, 9], [2, 4, 6, 8, 9], [1, 1, 3, 3, 5]]).expand(1, 3, 3, 5)
    # The last row and column are repeated to fill their blocks.
    wanted = torch.tensor([[2.0, 6, 9], [1, 3, 5]]).expand(1, 3, 2, 3)
    assert torch.equal(target_at(rows, 1), wanted) and target_at(rows, 0) is rows
    # 4 x 4 px: rows sum to 12, 20, 8 and 8 again; columns 5 to 8 are all the last one.
    assert torch.allclose(target_at(rows, 2)[0, 0], torch.tensor([[48 / 16, (9 + 9 + 5 + 5) / 4]]))


def test_targets_against_those_of_mimo_unets_code():
    sharp = pictures(height=16, width=8)[1]
    half, quarter = (interpolate(sharp, scale_factor=1 / 2**k, mode="bilinear") for k in (1, 2))
    assert torch.allclose(target_at(sharp, 1), half, atol=1e-6)
    middle = sharp.unfold(2, 4, 4).unfold(3, 4, 4)[..., 1:3, 1:3].mean((-2, -1))
    assert torch.allclose(middle, quarter, atol=1e-6) and (target_at(sharp, 2) - quarter).abs().max() > 0.05


# Values by hand


def constant(level):
    return torch.full((1, 3, 16, 16), float(level))


def test_psnr_loss_is_minus_the_psnr():
    assert value("psnr", constant(0.6), constant(0.5)) == pytest.approx(-20, abs=1e-4)
    assert value("psnr", constant(0.5), constant(0.5)) == pytest.approx(-80, abs=1e-3), "the floor, eps = 1e-8"
    assert value("psnr", constant(0.5), constant(0.5), eps=1e-4) == pytest.approx(-40, abs=1e-3)


def test_psnr_loss_averages_decibels_not_errors():
    both = torch.cat([constant(0.6), constant(0.51)])
    assert value("psnr", both, constant(0.5).expand(2, -1, -1, -1)) == pytest.approx((-20 - 40) / 2, abs=1e-2)


def test_plain_losses():
    assert value("l1", constant(0.6), constant(0.4)) == pytest.approx(0.2)
    assert value("mse", constant(0.6), constant(0.4)) == pytest.approx(0.04)
    assert value("l1_mse", constant(0.6), constant(0.4)) == pytest.approx(10 * 0.2 + 0.04)
    assert value("l1_mse", constant(0.6), constant(0.4), ratio=2) == pytest.approx(2 * 0.2 + 0.04)


def test_charbonnier_is_smooth_at_zero_and_l1_far_from_it():
    assert value("charbonnier", constant(0.5), constant(0.5)) == pytest.approx(1e-3)
    assert value("charbonnier", constant(0.5003), constant(0.4999), eps=3e-4) == pytest.approx(5e-4, rel=1e-3)
    assert value("charbonnier", constant(0.9), constant(0.5)) == pytest.approx(0.4, rel=1e-4)


def test_spectral_term_of_a_constant_and_of_one_pixel():
    # A constant difference d has one frequency: its real part is d H W, out of 2 H W real and imaginary parts.
    assert value("l1_fft", constant(0.6), constant(0.4)) == pytest.approx(0.2 + 0.1 * 0.2 / 2)
    # One pixel at the origin has d in all real parts, and 0 in all imaginary ones.
    spot = constant(0)
    spot[..., 0, 0] = 0.8
    assert value("l1_fft", spot, constant(0), frequency=1.0) == pytest.approx(0.8 / 256 + 0.8 / 2)


def test_ssim_of_constants():
    a, b, c1 = 0.6, 0.4, 1e-4
    luminance = (2 * a * b + c1) / (a**2 + b**2 + c1)
    # Variances are differences of numbers near 0.4, 3e-8 off, and compared with 0.0009.
    assert value("ssim", constant(a), constant(b)) == pytest.approx(1 - luminance, abs=1e-4)
    assert value("ssim", pictures()[0], pictures()[0]) == pytest.approx(0, abs=1e-6)


def test_ssim_is_as_in_the_paper():
    output, sharp = pictures(batch=1, height=13, width=12)
    assert value("ssim", output, sharp) == pytest.approx(1 - np.mean([*map(ssim_plane, output[0], sharp[0])]), abs=1e-5)


def ssim_plane(first, second):
    """Return SSIM of two planes, window by window, from its definition in float64."""
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    found = []
    windows = (np.lib.stride_tricks.sliding_window_view(plane.double().numpy(), (11, 11)) for plane in (first, second))
    for a, b in zip(*(window.reshape(-1, 11, 11) for window in windows), strict=True):
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        spread = (weights * (a - mean_a) ** 2).sum() + (weights * (b - mean_b) ** 2).sum()
        shared = (weights * (a - mean_a) * (b - mean_b)).sum()
        luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        found.append(luminance * (2 * shared + 9e-4) / (spread + 9e-4))
    return np.mean(found)


def test_ssim_is_the_metric():
    output, sharp = (picture.clamp(0, 1) for picture in pictures(batch=1))
    score = find_metric("ssim").score(*(picture[0].movedim(0, -1).numpy() for picture in (output, sharp)))
    assert value("ssim", output, sharp) == pytest.approx(1 - score, abs=1e-5)


def test_ssim_needs_a_whole_window():
    with pytest.raises(ImageError, match="expected at least 11 x 11 px at every scale, got 10 x 28; use larger crops"):
        value("ssim", *(picture[..., :10, :] for picture in pictures()))


def test_edges_of_constants_and_spots():
    for shape in ((16, 16), (7, 9), (1, 1)):
        assert laplacian_level(torch.full((1, 3, *shape), 0.7)).abs().max() < 1e-6
    spot = torch.zeros(1, 3, 17, 17)
    spot[..., 8, 8] = 1
    # Sample (4, 4) of the coarse grid takes 0.4^2 of it, its neighbours 0.05 per axis; they give it back 4-fold.
    line = 0.4**2 + 2 * 0.05**2
    assert laplacian_level(spot)[0, 0, 8, 8].item() == pytest.approx(1 - 4 * line**2, abs=1e-6)
    smooth = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    assert laplacian_level(smooth)[..., 4:-4].abs().max() < 1e-6, "a ramp has no edges"


def test_edge_loss_ignores_brightness():
    output, sharp = pictures()
    assert value("edge", output + 0.3, sharp) == pytest.approx(value("edge", output, sharp), rel=1e-4)
    assert value("edge", sharp, sharp) == pytest.approx(1e-3)


# Perceptual loss


def features_by_hand(picture, tensors, count):
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    found = (picture - mean) / deviation
    for done, index in enumerate(list(WIDTHS)[:count]):
        if done in (2, 4):
            found = torch.nn.functional.max_pool2d(found, 2)
        weight, bias = (torch.from_numpy(tensors[f"features.{index}.{kind}"]) for kind in ("weight", "bias"))
        found = torch.relu(torch.nn.functional.conv2d(found, weight, bias, padding=1))
    return found


@pytest.mark.parametrize(("layer", "count"), [("relu1_2", 2), ("relu2_2", 4), ("relu3_3", 7)])
def test_perceptual_loss_compares_features(vgg, layer, count):
    output, sharp = pictures()
    by_hand = [features_by_hand(picture, vgg_tensors(), count) for picture in (output, sharp)]
    found = value("perceptual", output, sharp, weights=vgg, layer=layer)
    assert found == pytest.approx((by_hand[0] - by_hand[1]).square().mean().item(), rel=1e-4)


def test_perceptual_weights_from_safetensors(vgg, tmp_path):
    files = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed here")
    files.save_file(vgg_tensors(), tmp_path / "vgg.safetensors")
    output, sharp = pictures()
    found = value("perceptual", output, sharp, weights=str(tmp_path / "vgg.safetensors"))
    assert found == value("perceptual", output, sharp, weights=vgg)


def test_perceptual_loss_without_weights_says_what_to_give():
    with pytest.raises(MissingComponentError, match=r"expected the option weights, got none.*VGG-16 as .safetensors"):
        make_loss(LossPart(kind="perceptual"))


def test_perceptual_weights_that_cannot_be_used(tmp_path):
    def refused(name, message):
        with pytest.raises(InputError, match=message):
            make_loss(LossPart(kind="perceptual", options={"weights": str(tmp_path / name)}))

    refused("vgg.npz", "expected a file of VGG weights, got no file")
    refused("vgg.pth", "expected weights as .safetensors or .npz, got '.pth'")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    refused("cut.npz", "expected weights as .npz, could not read it")
    np.savez(tmp_path / "pickled.npz", **{"features.0.weight": np.array([{}], dtype=object)})
    refused("pickled.npz", "could not read it.*allow_pickle")
    tensors = vgg_tensors()
    np.savez(tmp_path / "other.npz", **{name.replace("features", "body"): array for name, array in tensors.items()})
    refused("other.npz", "expected a tensor features.0.weight as in torchvision's VGG-16, got body.0.weight")
    tensors["features.2.weight"] = tensors["features.2.weight"][:, :3]
    np.savez(tmp_path / "narrow.npz", **tensors)
    refused("narrow.npz", r"expected features.2.weight to be \(4, 4, 3, 3\), got \(4, 3, 3, 3\)")
    with pytest.raises(UsageError, match="expected a layer out of relu1_2, relu2_2, relu3_3, got 'fc7'"):
        make_loss(LossPart(kind="perceptual", options={"weights": "vgg.npz", "layer": "fc7"}))


# Sums of losses


def test_total_loss_is_the_weighted_sum_and_tells_its_terms():
    output, sharp = pictures()
    parts = (LossPart(kind="l1", weight=2.0), LossPart(kind="mse", weight=0.5), LossPart(kind="mse"))
    output.requires_grad_()
    total, values = total_loss(parts)((output,), sharp)
    l1, mse = value("l1", output, sharp), value("mse", output, sharp)
    assert values["l1"].item() == pytest.approx(l1) and values["mse"].item() == pytest.approx(2 * mse)
    assert total.item() == pytest.approx(2 * l1 + 1.5 * mse)
    assert total.requires_grad and not any(term.requires_grad for term in values.values())


def test_unknown_losses_and_options_are_refused():
    with pytest.raises(UsageError, match=r"loss: expected one of charbonnier, edge, .*, got 'l3'"):
        find_loss("l3")
    with pytest.raises(UsageError, match="loss psnr: expected options out of eps, got 'epsilon'"):
        make_loss(LossPart(kind="psnr", options={"epsilon": 1}))
    with pytest.raises(UsageError, match="loss l1: expected options out of none, got 'eps'"):
        make_loss(LossPart(kind="l1", options={"eps": 1}))
    with pytest.raises(UsageError, match="losses: expected at least one, got none"):
        total_loss(())


@pytest.mark.parametrize("kind", ["psnr", "charbonnier", "edge", "l1_mse", "l1_fft"])
@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), True, "1"])
def test_options_out_of_range_are_refused(kind, wrong):
    (option,) = dataclasses.fields(find_loss(kind).Loss)
    with pytest.raises(UsageError, match=f"loss {kind}: expected {option.name} to be a number > 0, got"):
        make_loss(LossPart(kind=kind, options={option.name: wrong}))
