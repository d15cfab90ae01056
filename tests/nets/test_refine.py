"""The network of gyrosharp's default."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake, inputs  # noqa: E402

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402

pytestmark = pytest.mark.torch


def test_before_training_it_is_the_solver():
    net = build_net("refine", "small")
    image, planes = inputs(net, 1, 24, 40)
    np.testing.assert_array_equal(net(image, planes)[0].detach(), planes[:, 2:5])


def test_without_physics_it_starts_from_the_picture():
    net = build_net("refine", "tiny", {"physics": []})
    assert net.descriptor.inputs == NetworkInput("linear_kernel", {"form": "vector"}, orientations=4)
    image, planes = inputs(net, 1, 16, 16)
    np.testing.assert_array_equal(net(image, planes)[0].detach(), image)
    blind = build_net("refine", "tiny", {"physics": [], "motion": False})
    assert blind.descriptor.inputs.channels == 0
    np.testing.assert_array_equal(blind(image)[0].detach(), image)


def test_passes_are_told_and_change_no_weights():
    once, twice = build_net("refine", "tiny"), build_net("refine", "tiny", {"passes": 2})
    assert (once.descriptor.inputs.passes, twice.descriptor.inputs.passes) == (1, 2)
    assert [weight.shape for weight in twice.parameters()] == [weight.shape for weight in once.parameters()]


@pytest.mark.parametrize("changes", [{}, {"motion": False}, {"physics": []}, {"physics": [], "motion": False}])
def test_the_first_layer_sees_squares_of_four_pixels_as_channels(changes):
    net = awake(build_net("refine", "tiny", changes))
    image, planes = inputs(net, 2, 24, 40)
    vectors = 2 if changes.get("motion", True) else 0
    parts = [image] if planes is None else [image, planes[:, :vectors] / 32, planes[:, vectors:]]
    expected = net.first(torch.nn.functional.pixel_unshuffle(torch.cat(parts, dim=1), 2))
    torch.testing.assert_close(net._halved(image, planes), expected, rtol=1e-5, atol=1e-5)


def test_the_small_size_may_come_with_gyrosharp():
    assert parameter_count(build_net("refine", "small")) <= 1_000_000
    assert parameter_count(build_net("refine", "full")) <= 8_000_000


def test_tiles_with_their_margin_equal_the_whole():
    net = awake(build_net("refine", "small")).eval()
    margin, multiple = net.descriptor.tile_margin_px, net.descriptor.size_multiple
    start = -(-margin // multiple) * multiple
    image, planes = inputs(net, 1, 2 * start + 8, 2 * start + 8)
    with torch.no_grad():
        whole = net(image, planes)[0]
        part = net(image[..., multiple:, multiple:], planes[..., multiple:, multiple:])[0]
    # The part begins one multiple later: from its margin on nothing may differ.
    inside = whole[..., multiple + margin :, multiple + margin :] - part[..., margin:, margin:]
    assert inside.abs().max() < 1e-4 < (whole[..., multiple:, multiple:] - part).abs().max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"widths": [8]},
            r"refine: expected as many widths as blocks, all >= 1, got widths \(8,\), blocks \(1, ",
        ),
        ({"blocks": [1, 0, 1]}, r"all >= 1, got widths .*, blocks \(1, 0, 1\)"),
        ({"motion_scale": 0.0}, r"refine: expected motion_scale above 0, got 0"),
        ({"physics": ["noise", "estimate"]}, r"refine: expected physics to begin with estimate, got noise, estimate"),
        ({"passes": 0}, r"network input: expected passes >= 1, and 1 without physics of an estimate, got 0"),
        ({"passes": 2, "physics": []}, r"expected passes >= 1, and 1 without physics of an estimate, got 2"),
        ({"orientations": 9}, r"network input: expected 1 to 8 orientations, got 9"),
        ({"physics": ["estimate", "fog"]}, r"physics: expected names out of estimate, .* got 'fog'"),
    ],
)
def test_wrong_sizes_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        build_net("refine", "tiny", changes)
