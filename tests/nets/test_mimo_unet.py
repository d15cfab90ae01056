"""MIMO-UNet."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets._mimo_trunk import _FeatureAttention  # noqa: E402
from nets.net_cases import inputs  # noqa: E402

pytestmark = pytest.mark.torch


def without_exit(net):
    """Return the network with nothing to add to its input."""
    for layer in net.trunk.exit:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return net


def test_outputs_are_corrections_of_every_second_and_every_fourth_pixel():
    net = without_exit(build_net("mimo_unet", "tiny"))
    image = torch.arange(3 * 8 * 12.0).view(1, 3, 8, 12)
    fine, middle, coarse = net(image)
    assert torch.equal(fine, image)
    assert torch.equal(middle, image[..., ::2, ::2]) and torch.equal(coarse, image[..., ::4, ::4])


def test_every_output_has_its_own_exit():
    net = without_exit(build_net("mimo_unet", "tiny"))
    for level, layer in enumerate(net.trunk.exit):
        torch.nn.init.constant_(layer.bias, level + 1)
    image = torch.zeros(1, 3, 8, 8)
    assert [output.unique().item() for output in net(image)] == [1, 2, 3]


def test_coarse_pictures_enter_by_their_own_way():
    # With the way down from the finest level cut, the middle and coarse pictures still reach the output, and only by
    # pixels that they keep.
    net = build_net("mimo_unet", "tiny").eval()
    image, _ = inputs(net, 1, 16, 16)
    image.requires_grad_()
    net.trunk._encoded((image.detach(), image[..., ::2, ::2], image[..., ::4, ::4]))[2].sum().backward()
    reached = image.grad[0].abs().sum(0) > 0
    assert reached[::2, ::2].all() and not reached[1::2].any() and not reached[:, 1::2].any()


def test_attention_is_a_product():
    attention = _FeatureAttention(1)
    torch.nn.init.zeros_(attention.conv.bias)
    torch.nn.init.zeros_(attention.conv.weight)
    attention.conv.weight.data[0, 0, 1, 1] = 2
    # 3 + 2 (3 * 5)
    assert attention(torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 5.0)).item() == 33


def test_both_fused_skips_are_dropped_from():
    net = build_net("mimo_unet", "plus", {"width": 4, "blocks": 1, "dropout": 0.5}).train()
    dropped = []
    net.trunk.dropout.register_forward_hook(lambda _, __, output: dropped.append(output))
    net(torch.rand(8, 3, 16, 16))
    assert sorted(tuple(skip.shape) for skip in dropped) == [(8, 4, 16, 16), (8, 8, 8, 8)]
    # Whole channels go, not pixels.
    assert all(0 < (skip.abs().amax((2, 3)) == 0).float().mean() < 1 for skip in dropped)


def test_only_plus_drops_channels_and_only_in_training():
    for size, changes, drops in (("tiny", None, False), ("plus", {"width": 4, "blocks": 1}, True)):
        net = build_net("mimo_unet", size, changes)
        image, _ = inputs(net, 1, 16, 16)
        torch.manual_seed(0)
        trained, used = ([net.train(mode)(image)[0] for _ in range(8)] for mode in (True, False))
        assert all(torch.equal(output, used[0]) for output in used)
        assert any(not torch.equal(output, trained[0]) for output in trained) == drops


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width": 1}, "mimo_unet: expected a width above 1, half of the input channels, got 1"),
        ({"blocks": 0}, "mimo_unet: expected 1 residual block or more, got 0"),
        ({"dropout": 1.0}, r"mimo_unet: expected dropout in \[0, 1\), got 1.0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(changes, text):
    with pytest.raises(UsageError, match=text):
        build_net("mimo_unet", "tiny", changes)


def test_the_smallest_width_works():
    net = build_net("mimo_unet", "tiny", {"width": 2})
    assert net(torch.rand(1, 3, 8, 8))[0].shape == (1, 3, 8, 8)
