"""The EggNet-style network: the gyro alone steers it."""

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake, inputs  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets.eggnet import SIZES, Config, GuidedBlock, Net  # noqa: E402

pytestmark = pytest.mark.torch

TINY = SIZES["tiny"]


def tiny():
    torch.manual_seed(0)
    return awake(Net(TINY)).eval()


def offsets_of(net, image, planes):
    """Return the offsets of all deformable convolutions."""
    found = []
    hooks = [block.deform.offset.register_forward_hook(lambda _, __, o: found.append(o)) for block in net.guided]
    net(image, planes)
    for hook in hooks:
        hook.remove()
    return found


def test_the_picture_has_no_say_in_the_offsets():
    net = tiny()
    image, planes = inputs(net, 1, 32, 32)
    first, second = offsets_of(net, image, planes), offsets_of(net, 1 - image, planes)
    assert len(first) == len(TINY.blocks) - 1
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    moved = offsets_of(net, image, planes + 1)
    assert all((a - b).abs().max() > 0 for a, b in zip(first, moved, strict=True))


def test_a_guided_block_adds_to_what_it_is_given():
    block = GuidedBlock(4, 6)
    torch.nn.init.zeros_(block.conv.weight)
    torch.nn.init.zeros_(block.conv.bias)
    x = torch.randn(1, 4, 5, 6)
    assert torch.equal(block(x, torch.randn(1, 6, 5, 6)), x)


def test_it_takes_one_vector_per_half_of_the_exposure():
    wanted = Net(TINY).descriptor.inputs
    assert (wanted.encoding, wanted.options, wanted.stride) == ("camera_motion_field", {"pairs": 2}, 2)
    assert wanted.channels == 4


def test_planes_are_divided_by_their_scale():
    net = tiny()
    image, planes = inputs(net, 1, 32, 32)
    scaled = Net(dataclasses.replace(TINY, planes_scale=4 * TINY.planes_scale)).eval()
    scaled.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(net(image, planes)[0], scaled(image, 4 * planes)[0])


def test_motion_arrives_where_offsets_are_read_off():
    # Twelve motions of 10 px come out as differences of about 1.
    net = tiny()
    motions = 10 * torch.randn(12, 4, 1, 1).expand(12, 4, 32, 32)
    with torch.no_grad():
        assert all(0.5 < level[..., 2:-2, 2:-2].std(0).mean() < 5 for level in net.motion(motions))


@pytest.mark.parametrize(
    "fields",
    [{"width": 0}, {"pairs": 0}, {"gyro_width": 0}, {"blocks": (4,)}, {"blocks": (4, 0)}, {"planes_scale": -1.0}],
)
def test_impossible_sizes_are_refused(fields):
    with pytest.raises(UsageError, match=r"eggnet: expected widths, pairs .*planes_scale > 0, got Config\("):
        Config(**fields)
