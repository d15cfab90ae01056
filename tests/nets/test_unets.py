"""DeepGyro, the Oulu thesis's network and the IMU U-Net: what they make of planes, and the U-Net that they share."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from torch import nn  # noqa: E402

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net, net_config  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402
from gyrosharp.nets._unet import UNet  # noqa: E402
from nets.net_cases import inputs  # noqa: E402

pytestmark = pytest.mark.torch

UNETS = ("deepgyro", "depth_imu_unet", "imu_unet")


def unet_input(net, image, planes):
    """Return what reaches the U-Net."""
    seen = []
    net.unet.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    net(image, planes)
    return seen[0]


def passes(layer, channel=0):
    """Make the layer pass one input channel on as it is."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    middle = layer.weight.shape[2] // 2
    layer.weight.data[:, channel, middle, middle] = 1


def test_two_levels_by_hand():
    # All convolutions pass their input on, the way up repeats pixels, and the decoder takes it or the skip.
    net = UNet(1, 1, 2)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            passes(layer)
    nn.init.zeros_(net.up[0].weight)
    nn.init.zeros_(net.up[0].bias)
    net.up[0].weight.data[0] = 1
    x = torch.tensor([[1.0, 2, 5, 6], [3, 4, 7, 8]])[None, None]
    assert torch.equal(net(x)[0, 2], x[0, 0])
    passes(net.decoder[0][0], channel=1)
    assert net(x)[0, 2].tolist() == [[4, 4, 8, 8], [4, 4, 8, 8]]


@pytest.mark.parametrize("name", UNETS)
def test_a_fresh_network_that_corrects_its_input_changes_nothing(name):
    net = build_net(name, "tiny").eval()
    image, planes = inputs(net, 1, 19, 21)
    assert torch.equal(net(image, planes)[0], image)


@pytest.mark.parametrize("name", ["deepgyro", "imu_unet"])
def test_the_published_networks_draw_the_picture_anew(name):
    net = build_net(name, "tiny", {"residual": net_config(name, "full").residual}).eval()
    nn.init.zeros_(net.unet.last.weight)
    nn.init.constant_(net.unet.last.bias, 0.25)
    assert net(*inputs(net, 1, 8, 8))[0].unique().tolist() == [0.25]


def test_only_the_imu_unet_normalises_and_after_every_convolution():
    for name, norms in (("deepgyro", 0), ("depth_imu_unet", 0), ("imu_unet", 18)):
        with torch.device("meta"):
            layers = list(build_net(name).modules())
        assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == norms
        assert sum(isinstance(layer, nn.Conv2d) for layer in layers) == 18 + 1


def test_normalisation_in_use_does_not_depend_on_the_picture():
    net = build_net("imu_unet", "tiny", {"residual": False}).eval()
    image, planes = inputs(net, 1, 16, 96)
    changed = image.clone()
    changed[..., :8] = 0
    seen_by_last = net.descriptor.tile_margin_px
    alike = (net(image, planes)[0] - net(changed, planes)[0])[..., 8 + seen_by_last :]
    assert alike.numel() and alike.abs().max() == 0


def test_deepgyro_takes_codes_and_the_blind_one_the_picture_alone():
    net = build_net("deepgyro", "tiny")
    assert net.descriptor.inputs == NetworkInput("linear_kernel", {"form": "deepgyro"})
    image, planes = inputs(net, 1, 8, 8)
    assert torch.equal(unet_input(net, image, planes), torch.cat([image, planes], dim=1))
    blind = build_net("deepgyro", "blind", {"width": 4, "levels": 2})
    assert blind.descriptor.inputs.channels == 0 and blind(image)[0].shape == image.shape


@pytest.mark.parametrize(
    ("sees", "inputs_wanted", "count"),
    [
        ("blind", NetworkInput(), 31_031_875),
        ("depth", NetworkInput(depth=True), 31_032_451),
        ("kernel", NetworkInput("linear_kernel", {"form": "vector"}), 31_033_027),
        ("both", NetworkInput("linear_kernel", {"form": "vector"}, depth=True), 31_033_603),
    ],
)
def test_the_thesis_s_four_variants(sees, inputs_wanted, count):
    with torch.device("meta"):
        net = build_net("depth_imu_unet", "full", {"sees": sees})
    assert net.descriptor.inputs == inputs_wanted and parameter_count(net) == count


def test_the_thesis_s_vectors_are_scaled_and_depth_is_not():
    image, planes = torch.rand(1, 3, 8, 8), torch.tensor([16.0, -8.0, 0.7])[None, :, None, None].expand(1, 3, 8, 8)
    found = {}
    for sees, shown in (("both", planes), ("kernel", planes[:, :2]), ("depth", planes[:, 2:]), ("blind", None)):
        net = build_net("depth_imu_unet", "tiny", {"sees": sees, "planes_scale": 32.0})
        seen = unet_input(net, image, shown)
        assert torch.equal(seen[:, :3], image)
        found[sees] = seen[0, 3:, 0, 0].tolist()
    assert found == {
        "both": pytest.approx([0.5, -0.25, 0.7]),
        "kernel": [0.5, -0.25],
        "depth": pytest.approx([0.7]),
        "blind": [],
    }


def test_depth_s_scale_reaches_its_plane():
    assert net_config("depth_imu_unet", "tiny", {"depth_far_m": 4.0}).inputs.depth_far_m == 4


def test_the_imu_unet_s_length_reaches_its_encoding():
    net = build_net("imu_unet", "tiny", {"max_length_px": 40.0}).eval()
    assert net.descriptor.inputs == NetworkInput("vector_norm", {"max_length_px": 40.0})
    image, planes = inputs(net, 1, 8, 8)
    assert torch.equal(unet_input(net, image, planes), torch.cat([image, planes], dim=1))


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        *((name, {"width": 0}, f"{name}: expected width and levels of 1 or more, got 0 and 4") for name in UNETS),
        *((name, {"levels": 0}, f"{name}: expected width and levels of 1 or more, got 12 and 0") for name in UNETS),
        ("depth_imu_unet", {"sees": "all"}, "expected sees to be one of blind, depth, kernel, both, got 'all'"),
        ("depth_imu_unet", {"planes_scale": 0.0}, "expected planes_scale and depth_far_m above 0, got 0.0 and 10.0"),
        ("depth_imu_unet", {"depth_far_m": -1.0}, "expected planes_scale and depth_far_m above 0, got 32.0 and -1.0"),
        ("imu_unet", {"max_length_px": 0.0}, "imu_unet: expected max_length_px above 0, got 0.0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(name, changes, text):
    with pytest.raises(UsageError, match=text):
        build_net(name, "tiny", changes)
