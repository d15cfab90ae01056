"""DAVANet's single-view network."""

from collections import Counter

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from torch import nn  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets.davanet_single import _DilatedFan  # noqa: E402

pytestmark = pytest.mark.torch


def test_layers_are_as_published():
    with torch.device("meta"):
        net = build_net("davanet_single")
    convolutions = [layer for layer in net.modules() if type(layer) is nn.Conv2d]
    # 18 residual blocks of two, 6 before them, the exit; at the bottom 2 blocks, the fan's 4 and its fusion.
    assert len(convolutions) == 36 + 6 + 1 + 4 + 4 + 1
    assert Counter(layer.dilation[0] for layer in convolutions) == {1: 47, 2: 2, 3: 2, 4: 1}
    assert sum(layer.stride == (2, 2) for layer in convolutions) == 2
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in net.modules()) == 2
    assert all(layer.negative_slope == 0.1 for layer in net.modules() if isinstance(layer, nn.LeakyReLU))


@pytest.mark.parametrize(("activated", "darker"), [(True, -0.1), (False, -1.0)])
def test_the_published_output_is_a_leaky_relu_of_the_correction(activated, darker):
    net = build_net("davanet_single", "tiny", {"activated_output": activated})
    last = net.exit[0] if activated else net.exit
    nn.init.zeros_(last.weight)
    image = torch.rand(1, 3, 8, 8)
    for bias, change in ((1.0, 1.0), (-1.0, darker)):
        nn.init.constant_(last.bias, bias)
        assert torch.allclose(net(image)[0] - image, torch.tensor(change))


def test_the_fan_looks_1_to_4_px_far():
    # Every branch takes the pixel its dilation to the left, and the fusion weighs branch k by 10^k.
    fan = _DilatedFan(1)
    for branch in fan.fan:
        nn.init.zeros_(branch[0].weight)
        nn.init.zeros_(branch[0].bias)
        branch[0].weight.data[0, 0, 1, 0] = 1
    nn.init.zeros_(fan.fuse.weight)
    nn.init.zeros_(fan.fuse.bias)
    fan.fuse.weight.data[0, :, 1, 1] = torch.tensor([1.0, 10, 100, 1000])
    x = torch.arange(9.0).view(1, 1, 1, 9)
    # At x = 6: itself, and 5, 4, 3, 2 from the left.
    assert fan(x)[0, 0, 0, 6].item() == 6 + 5 + 40 + 300 + 2000


@pytest.mark.parametrize("changes", [{"width": 0}, {"blocks": 0}])
def test_sizes_that_make_no_network_are_refused(changes):
    with pytest.raises(UsageError, match="davanet_single: expected width and blocks of 1 or more, got "):
        build_net("davanet_single", "tiny", changes)
