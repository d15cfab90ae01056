"""GyroDeblurNet: its blocks, and that its paper's ablations take away what they say."""

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake, inputs  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net, nafnet  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402
from gyrosharp.nets.gyrodeblurnet import (  # noqa: E402
    SIZES,
    Config,
    DeblurringBlock,
    MotionFeatures,
    Net,
    RefinementBlock,
    SpatialAttention,
)

pytestmark = pytest.mark.torch

TINY = SIZES["tiny"]
ABLATIONS = (
    {"gyro": False},
    {"refinement": "none"},
    {"refinement": "without_image"},
    {"offsets": "gyro"},
    {"pooled_kernel": 1},
    {"pairs": 2},
    {"pairs": 16},
)


def count(config):
    with torch.device("meta"):
        return parameter_count(Net(config))


@pytest.mark.parametrize("changes", ABLATIONS, ids=str)
def test_every_ablation_runs_and_learns(changes):
    torch.manual_seed(0)
    net = awake(build_net("gyrodeblurnet", "tiny", changes))
    net(*inputs(net, 2, 24, 17))[0].square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert net.descriptor.inputs.channels == (2 * changes.get("pairs", 8) if changes.get("gyro", True) else 0)


def test_the_published_count_is_that_of_the_code_not_of_the_paper():
    # 3 x 3 taps on a map of one pixel, (64 + 64) to 64 channels and (128 + 128) to 128; eight of nine are dead.
    dead = 8 * (128 * 64 + 256 * 128)
    assert count(Config()) - count(Config(pooled_kernel=1)) == dead
    assert count(Config(pooled_kernel=1)) == 15_983_616


def test_only_the_middle_tap_of_the_pooled_convolution_sees_anything():
    block = RefinementBlock(4, 4, Config())
    block(torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)).square().sum().backward()
    taps = block.weigh.weight.grad.abs().amax((0, 1))
    assert taps[1, 1] > 0 and torch.count_nonzero(taps) == 1


def test_without_gyro_it_is_a_nafnet():
    plain = nafnet.Config(width=32, encoders=(2, 2, 2), middle=16, decoders=(1, 1, 1))
    with torch.device("meta"):
        assert count(Config(gyro=False)) == parameter_count(nafnet.Net(plain))


def test_pairs_change_the_first_layer_alone():
    assert count(Config(pairs=16)) - count(Config()) == 16 * 9 * 64
    assert count(Config()) - count(Config(pairs=2)) == 12 * 9 * 64


@pytest.mark.parametrize(("refinement", "sees"), [("full", True), ("without_image", False), ("none", False)])
def test_what_refinement_looks_at(refinement, sees):
    torch.manual_seed(0)
    block = RefinementBlock(4, 6, dataclasses.replace(TINY, refinement=refinement))
    motion = torch.randn(1, 4, 8, 8)
    first, second = (block(motion, features) for features in torch.randn(2, 1, 6, 8, 8))
    assert first.shape == (1, 8, 4, 4)
    assert torch.equal(first, second) is not sees
    assert (block.weigh is None) is (refinement == "none")


def test_refinement_multiplies_channels():
    # One channel of motion, 1 everywhere; features 3 everywhere: w = 0.5 * 3 + 0.25 * 1 + 1.
    block = RefinementBlock(1, 1, dataclasses.replace(TINY, pooled_kernel=1))
    seen = []
    block.conv.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        block.weigh.weight.copy_(torch.tensor([0.5, 0.25]).view(1, 2, 1, 1))
        block(torch.ones(1, 1, 4, 4), torch.full((1, 1, 4, 4), 3.0))
    assert torch.equal(seen[0], torch.full((1, 1, 4, 4), 2.75))


@pytest.mark.parametrize(("offsets", "moves"), [("gyro_image", True), ("gyro", False)])
def test_what_offsets_are_read_off(offsets, moves):
    torch.manual_seed(0)
    block = awake(DeblurringBlock(4, 6, offsets)).eval()
    seen = []
    block.deform.offset.register_forward_hook(lambda _, __, offset: seen.append(offset))
    motion = torch.randn(1, 6, 8, 8)
    for x in torch.randn(2, 1, 4, 8, 8):
        block(x, motion)
    assert torch.equal(*seen) is not moves


def test_planes_are_divided_by_their_scale():
    torch.manual_seed(0)
    net = awake(Net(TINY)).eval()
    image, planes = inputs(net, 1, 32, 32)
    scaled = Net(dataclasses.replace(TINY, planes_scale=4 * TINY.planes_scale)).eval()
    scaled.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(net(image, planes)[0], scaled(image, 4 * planes)[0])


def test_motion_arrives_where_offsets_are_read_off():
    # Twelve motions of 2 px: with torch's own draw of weights, features of the full size differ by 0.0002.
    torch.manual_seed(0)
    net = Net(TINY).eval()
    motions = 2 * torch.randn(12, 16, 1, 1).expand(12, 16, 32, 32)
    with torch.no_grad():
        skips = net.trunk.encode(torch.rand(1, 3, 64, 64).expand(12, 3, 64, 64))[1]
        features = net.motion(motions, skips)
    assert 0.5 < features[..., 2:-2, 2:-2].std(0).mean() < 20


def test_blending_fields_is_blending_behind_the_first_layer():
    first = MotionFeatures(TINY).double().first
    clean, noisy = torch.randn(2, 1, 16, 4, 4).double()
    assert torch.allclose(first(0.7 * clean + 0.3 * noisy), 0.7 * first(clean) + 0.3 * first(noisy), rtol=0, atol=1e-12)


def test_attention_weighs_pixels_by_their_maximum_and_mean():
    layer = SpatialAttention().eval()
    with torch.no_grad():
        layer.conv.weight.zero_()
        layer.conv.weight[0, :, 3, 3] = torch.tensor([1.0, 2.0])
        # BatchNorm divides by the square root of its running variance, 1, and 1e-5.
        x = torch.tensor([3.0, -1.0]).view(1, 2, 1, 1)
        found = layer(x)
    weight = torch.sigmoid(torch.tensor(1.0 * 3 + 2.0 * 1))
    assert torch.allclose(found, x * weight, rtol=0, atol=1e-6)
    assert layer.norm.momentum == 0.01


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"width": 0}, "expected widths, pairs and numbers of blocks >= 1"),
        ({"pairs": 0}, "expected widths, pairs and numbers of blocks >= 1"),
        ({"planes_scale": 0.0}, "planes_scale > 0"),
        ({"planes_scale": float("nan")}, "planes_scale > 0"),
        ({"middle": ()}, "a group in the middle"),
        ({"encoders": (1,), "decoders": (1,)}, "expected two encoders or more"),
        ({"decoders": (1, 1)}, "as many decoders"),
        ({"refinement": "half"}, "expected refinement out of full, without_image, none, got 'half'"),
        ({"offsets": "image"}, "expected offsets out of gyro_image, gyro, got 'image'"),
        ({"pooled_kernel": 2}, "expected pooled_kernel out of 1, 3, got 2"),
    ],
)
def test_impossible_sizes_are_refused(fields, says):
    with pytest.raises(UsageError, match=f"gyrodeblurnet: .*{says}"):
        Config(**fields)
