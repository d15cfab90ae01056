"""FFTformer: its transform against torch's FFT, its blocks against their definitions, and how far it sees."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake  # noqa: E402
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net, net_config  # noqa: E402
from gyrosharp.nets._channel_norm import ChannelNorm  # noqa: E402
from gyrosharp.nets._frequency_attention import (  # noqa: E402
    FrequencyAttention,
    FrequencyFeedForward,
    PatchSpectra,
    complex_product,
)
from gyrosharp.nets._net import parameter_count  # noqa: E402

pytestmark = pytest.mark.torch


def features(channels=4, height=16, width=24, seed=0):
    return torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(seed))


def patches(picture):
    """Return the 8 x 8 px patches (B, C, H / 8, W / 8, 8, 8)."""
    return picture.unfold(2, 8, 8).unfold(3, 8, 8)


def picture(patches):
    """Return the picture of `patches`."""
    batch, channels, rows, columns = patches.shape[:4]
    return patches.transpose(3, 4).reshape(batch, channels, 8 * rows, 8 * columns)


def stacked(spectra):
    """Return complex spectra (..., 8, 5) as 80 real numbers."""
    return torch.cat([spectra.real.flatten(-2), spectra.imag.flatten(-2)], dim=-1)


def test_spectra_are_those_of_rfft2():
    x = features()
    assert torch.allclose(PatchSpectra()(x), stacked(torch.fft.rfft2(patches(x))), atol=1e-5)


def test_inverse_is_that_of_irfft2_for_any_spectrum():
    # Not only for spectra of real patches: products of spectra and weights need not be conjugate-symmetric.
    spectra = torch.complex(*torch.randn(2, 2, 4, 2, 3, 8, 5, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(PatchSpectra().inverse(stacked(spectra)), picture(torch.fft.irfft2(spectra)), atol=1e-5)


def test_there_and_back():
    x = features()
    assert torch.allclose(PatchSpectra().inverse(PatchSpectra()(x)), x, atol=1e-5)


def test_transform_is_exact_in_half_precision_too():
    x = features()
    with torch.autocast("cpu", torch.bfloat16):
        found = PatchSpectra()(x)
        back = PatchSpectra().inverse(found)
    assert found.dtype == back.dtype == torch.float32 and torch.allclose(back, x, atol=1e-5)


def test_transform_is_not_stored_nor_learnt():
    assert not PatchSpectra().state_dict() and not list(PatchSpectra().parameters())


def test_product_of_spectra_is_circular_convolution():
    one, other = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    one[..., 6, 3], other[..., 5, 7] = 2, 3
    spectra = PatchSpectra()
    found = spectra.inverse(complex_product(spectra(one), spectra(other)))
    wanted = torch.zeros(1, 1, 8, 8)
    wanted[..., (6 + 5) % 8, (3 + 7) % 8] = 6
    assert torch.allclose(found, wanted, atol=1e-5)


def test_attention_is_its_equation():
    torch.manual_seed(0)
    block = awake(FrequencyAttention(4, PatchSpectra()))
    x = features()
    inner = conv2d(x, block.to_inner.weight)
    q, k, v = conv2d(inner, block.local.weight, padding=1, groups=24).chunk(3, dim=1)
    similarity = picture(torch.fft.irfft2(torch.fft.rfft2(patches(q)) * torch.fft.rfft2(patches(k))))
    normal = layer_norm(similarity.movedim(1, -1), (8,), block.norm.weight, block.norm.bias).movedim(-1, 1)
    assert torch.allclose(block(x), conv2d(v * normal, block.project.weight), atol=1e-5)


def test_feed_forward_is_its_equation():
    torch.manual_seed(0)
    block = awake(FrequencyFeedForward(4, 1.5, PatchSpectra()))
    x = features()
    # The published order: channels are expanded first, then transformed.
    spectra = torch.fft.rfft2(patches(conv2d(x, block.expand.weight)))
    weighted = picture(torch.fft.irfft2(spectra * block.frequency_weights.view(12, 1, 1, 8, 5)))
    gate, value = conv2d(weighted, block.local.weight, padding=1, groups=12).chunk(2, dim=1)
    assert torch.allclose(block(x), conv2d(gelu(gate) * value, block.project.weight), atol=1e-5)


def test_channel_norm_has_mean_bias_and_deviation_weight():
    norm = ChannelNorm(64)
    with torch.no_grad():
        norm.weight.fill_(3)
        norm.bias.fill_(2)
    found = norm(7 + 5 * features(64))
    assert torch.allclose(found.mean(1), torch.tensor(2.0), atol=1e-5)
    assert torch.allclose(found.std(1, unbiased=False), torch.tensor(3.0), atol=1e-4)


def test_shrinking_is_the_published_one():
    x = features()
    halved = interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    assert torch.allclose(torch.nn.functional.avg_pool2d(x, 2), halved, atol=1e-6)


def test_the_idle_layer_counts_and_does_nothing():
    torch.manual_seed(0)
    net = build_net("fftformer", "tiny", {"idle_layer": True})
    plain = build_net("fftformer", "tiny")
    assert parameter_count(net) - parameter_count(plain) == 32 * 16
    plain.load_state_dict({name: value for name, value in net.state_dict().items() if "idle" not in name})
    x = features(3, 32, 32)
    assert torch.equal(net(x)[0], plain(x)[0])


def test_a_pixel_sees_exactly_its_receptive_field():
    torch.manual_seed(0)
    net = awake(build_net("fftformer", "tiny", {"width": 4, "blocks": (1, 1, 1)}))
    field, margin = net.descriptor.receptive_field_px, net.descriptor.tile_margin_px
    assert (field, margin) == (274, 138)
    widths = []
    image = torch.rand(1, 3, 32, 352, requires_grad=True)
    for x in range(160, 192):
        (seen,) = torch.autograd.grad(net(image)[0][0, :, 16, x].sum(), image)
        at = seen[0].abs().sum((0, 1)).nonzero()
        widths.append((at.max() - at.min() + 1).item())
        assert max(x - at.min(), at.max() - x) <= margin
    assert max(widths) == field


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, r"expected width >= 1, blocks >= 1 at 3 levels, refinement >= 0, got width 0"),
        ({"blocks": (1, 1)}, r"expected width >= 1, blocks >= 1 at 3 levels, refinement >= 0, got .*blocks \(1, 1\)"),
        ({"blocks": (1, 0, 1)}, r"blocks >= 1 at 3 levels.*blocks \(1, 0, 1\)"),
        ({"refinement": -1}, r"refinement >= 0, got .*refinement -1"),
        ({"expansion": 0.01}, r"expected expansions of at least one channel of 8, got 0.01 and 1.0"),
    ],
)
def test_wrong_configurations_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        net_config("fftformer", "tiny", changes)
