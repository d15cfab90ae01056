"""GAMD."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from gyrosharp.blur.encodings.bezier_heatmap import as_heatmap_images  # noqa: E402
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402
from nets.net_cases import inputs  # noqa: E402

pytestmark = pytest.mark.torch


def trunk_input(net, image, planes):
    """Return what reaches the trunk."""
    seen = []
    net.trunk.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    net(image, planes)
    return seen[0]


def whole_px(*values):
    return torch.tensor(values, dtype=torch.float32)[None, :, None, None].expand(1, len(values), 4, 4)


def test_heatmaps_are_the_published_pictures():
    net = build_net("gamd", "tiny", {"planes_scale": 255.0})
    image, planes = torch.rand(1, 3, 4, 4), whole_px(10, -20, 30, 128)
    seen = trunk_input(net, image, planes)
    assert torch.equal(seen[:, :3], image)
    assert seen[0, 3:, 0, 0].tolist() == pytest.approx([137 / 255, 107 / 255, 0, 157 / 255, 1, 0])
    pictures = np.concatenate(as_heatmap_images(planes[0].numpy()), axis=-1)
    assert np.allclose(seen[0, 3:].numpy(), np.moveaxis(pictures, -1, 0) / 255, atol=1e-6)


def test_trails_beyond_a_heatmap_s_range_are_told_apart():
    net = build_net("gamd", "tiny", {"planes_scale": 255.0})
    seen = trunk_input(net, torch.rand(1, 3, 4, 4), whole_px(0, 0, 200, -300))
    assert seen[0, 6:8, 0, 0].tolist() == pytest.approx([327 / 255, -173 / 255])


def test_the_tiny_size_sees_vectors_larger():
    seen = trunk_input(build_net("gamd", "tiny"), torch.rand(1, 3, 4, 4), whole_px(16, 0, 0, -32))
    assert seen[0, [3, 7], 0, 0].tolist() == pytest.approx([127 / 255 + 0.25, 127 / 255 - 0.5])


def test_outputs_are_corrections_of_the_picture_alone():
    net = build_net("gamd", "tiny")
    for layer in net.trunk.exit:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    image, planes = inputs(net, 1, 8, 8)
    fine, middle, coarse = net(image, planes)
    assert torch.equal(fine, image)
    assert torch.equal(middle, image[..., ::2, ::2]) and torch.equal(coarse, image[..., ::4, ::4])


def test_without_heatmaps_it_is_mimo_unet_plus():
    with torch.device("meta"):
        assert parameter_count(build_net("gamd", "full", {"heatmaps": False})) == 16_107_651
    small = {"width": 4, "blocks": 1}
    gamd = build_net("gamd", "full", {**small, "heatmaps": False}).eval()
    mimo = build_net("mimo_unet", "plus", small).eval()
    mimo.load_state_dict(gamd.state_dict())
    image, _ = inputs(gamd, 1, 16, 20)
    assert all(torch.equal(a, b) for a, b in zip(gamd(image), mimo(image), strict=True))
    assert gamd.descriptor == mimo.descriptor
    assert gamd.trunk.dropout.p == mimo.trunk.dropout.p == 0.1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width": 4}, "gamd: expected a width above 4, half of the input channels, got 4"),
        ({"blocks": 0}, "gamd: expected 1 residual block or more, got 0"),
        ({"dropout": -0.1}, r"gamd: expected dropout in \[0, 1\), got -0.1"),
        ({"planes_scale": 0.0}, "gamd: expected planes_scale above 0, got 0.0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(changes, text):
    with pytest.raises(UsageError, match=text):
        build_net("gamd", "tiny", changes)
