"""NAFNet: its block against the equations, and its config."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake  # noqa: E402
from torch.nn.functional import conv2d  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets._channel_norm import ChannelNorm  # noqa: E402
from gyrosharp.nets._nafblock import EPSILON, NAFBlock, NafTrunk, simple_gate  # noqa: E402
from gyrosharp.nets.nafnet import Config  # noqa: E402

pytestmark = pytest.mark.torch


def test_layer_norm_normalises_each_pixel_over_its_channels():
    norm = ChannelNorm(2, EPSILON)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0]))
        norm.bias.copy_(torch.tensor([0.0, 0.5]))
    # Mean 3, standard deviation 2; and a pixel whose channels agree.
    x = torch.tensor([[1.0, 4.0], [5.0, 4.0]]).view(1, 2, 1, 2)
    expected = torch.tensor([[-1.0, 0.0], [2.5, 0.5]]).view(1, 2, 1, 2)
    assert torch.allclose(norm(x), expected, rtol=0, atol=1e-6)


def test_the_gate_multiplies_the_halves():
    x = torch.tensor([2.0, 3.0, 5.0, 7.0]).view(1, 4, 1, 1)
    assert simple_gate(x).flatten().tolist() == [10.0, 21.0]


def test_a_block_starts_as_identity():
    x = torch.randn(1, 6, 5, 7)
    assert torch.equal(NAFBlock(6)(x), x)


def test_a_block_is_what_its_equations_say():
    torch.manual_seed(0)
    block, x = awake(NAFBlock(3)).double(), torch.randn(2, 3, 6, 5).double()

    def norm(layer, u):
        u = (u - u.mean(1, keepdim=True)) / (u.var(1, keepdim=True, unbiased=False) + 1e-6).sqrt()
        return u * layer.weight.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1)

    def point(layer, u):
        return torch.einsum("oc,bchw->bohw", layer.weight[:, :, 0, 0], u) + layer.bias.view(1, -1, 1, 1)

    deep = conv2d(
        point(block.widen, norm(block.mixing_norm, x)), block.depthwise.weight, block.depthwise.bias, 1, 1, 1, 6
    )
    u = deep[:, :3] * deep[:, 3:]
    u = u * point(block.attention, u.mean(3, keepdim=True).mean(2, keepdim=True))
    y = x + block.beta * point(block.mix, u)
    fed = point(block.feed_in, norm(block.feed_norm, y))
    expected = y + block.gamma * point(block.feed_out, fed[:, :3] * fed[:, 3:])
    assert torch.allclose(block(x), expected, rtol=0, atol=1e-12)


def test_the_trunk_halves_and_doubles():
    trunk = NafTrunk(4, (1, 1, 1), (1, 1, 1))
    x, skips = trunk.encode(torch.rand(1, 3, 16, 24))
    assert x.shape == (1, 32, 2, 3)
    assert [tuple(skip.shape[1:]) for skip in skips] == [(4, 16, 24), (8, 8, 12), (16, 4, 6)]
    assert trunk.decode(x, skips).shape == (1, 3, 16, 24)


def test_the_published_network_needs_multiples_of_16():
    with torch.device("meta"):
        assert build_net("nafnet").descriptor.size_multiple == 16


def test_every_pixel_sees_the_whole_picture():
    torch.manual_seed(0)
    net = awake(build_net("nafnet", "tiny")).eval()
    image = torch.rand(1, 3, 128, 128)
    other = image.clone()
    other[..., 120:, 120:] = 0
    with torch.no_grad():
        assert (net(image)[0] - net(other)[0])[..., 0, 0].abs().max() > 0


@pytest.mark.parametrize(
    "fields",
    [{"width": 0}, {"middle": 0}, {"encoders": ()}, {"encoders": (1, 0, 1, 1)}, {"decoders": (1, 1)}],
)
def test_impossible_sizes_are_refused(fields):
    with pytest.raises(UsageError, match=r"nafnet: expected width .* as many decoders as encoders, got width"):
        Config(**fields)
