"""How far hourglass networks look: by hand, and against gradients."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from torch.nn.functional import avg_pool2d  # noqa: E402

from gyrosharp.nets import _unet, build_net  # noqa: E402
from gyrosharp.nets._reach import CONV_3_STRIDE_2, MAX_POOL_2, Hourglass  # noqa: E402
from nets.net_cases import inputs  # noqa: E402

pytestmark = pytest.mark.torch


def test_pooling_and_a_2x2_way_up_see_the_pixel_s_own_square():
    path = Hourglass((0, 0), (0,), MAX_POOL_2, up_kernel=2)
    assert [path.seen(x) for x in (0, 1, 2)] == [(0, 1), (0, 1), (2, 3)]
    assert (path.receptive_field_px, path.tile_margin_px, path.size_multiple) == (2, 1, 2)


def test_convolutions_of_both_levels_add_up():
    # x = 0: the decoder's 1 px sees -1 ... 1, so coarse -1 ... 0; the bottom's 1 px, -2 ... 1; pooling, -4 ... 3; the
    # encoder's 2 px, -6 ... 5. x = 1: 0 ... 2, 0 ... 1, -1 ... 2, -2 ... 5, -4 ... 7.
    path = Hourglass((2, 1), (1,), MAX_POOL_2, up_kernel=2)
    assert path.seen(0) == (-6, 5) and path.seen(1) == (-4, 7)
    assert path.receptive_field_px == 12 and path.tile_margin_px == 6


def test_strided_convolution_and_a_4x4_way_up():
    # A 4x4 transposed convolution with padding 1: output 0 takes inputs -1 and 0, output 1 takes 0 and 1.
    path = Hourglass((0, 0), (0,), CONV_3_STRIDE_2, up_kernel=4)
    assert path.seen(0) == (-3, 1) and path.seen(1) == (-1, 3)
    assert path.receptive_field_px == 5 and path.tile_margin_px == 3


@pytest.mark.parametrize("name", ["davanet_single", "deepgyro", "depth_imu_unet", "gamd", "imu_unet", "mimo_unet"])
def test_networks_look_exactly_as_far_as_they_say(name, monkeypatch):
    # The largest of four pixels passes its gradient to one of them only; their mean sees all four.
    monkeypatch.setattr(_unet, "max_pool2d", avg_pool2d)
    net = positive(build_net(name, "tiny")).double().eval()
    facts = net.descriptor
    side = facts.size_multiple * (facts.receptive_field_px // facts.size_multiple + 2)
    image, planes = inputs(net, 1, facts.size_multiple, 2 * side)
    image, planes = image.double().requires_grad_(), None if planes is None else planes.double().abs()
    seen = [seen_columns(net, image, planes, side + shift) for shift in range(facts.size_multiple)]
    assert max(last - first + 1 for _, first, last in seen) == facts.receptive_field_px
    assert max(max(x - first, last - x) for x, first, last in seen) == facts.tile_margin_px


def positive(net):
    """Return the network with weights that let every path through: all positive, so that no ReLU cuts one off."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(1 / parameter[0].numel())
    return net


def seen_columns(net, image, planes, column):
    image.grad = None
    net(image, planes)[0][0, :, 0, column].sum().backward()
    at = image.grad[0].abs().sum((0, 1)).nonzero()
    return column, at.min().item(), at.max().item()
