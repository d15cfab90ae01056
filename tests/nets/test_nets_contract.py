"""What every network must hold; walks the registry, so that a new network is tested at once."""

import dataclasses
import inspect
import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake, inputs, without_dropout  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import avg_pool2d, interpolate  # noqa: E402

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import ImageError, UsageError  # noqa: E402
from gyrosharp.nets import DeblurNet, Descriptor, build_net, find_net, net_config, nets  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402

pytestmark = pytest.mark.torch

NETS = sorted(nets())
SIZES = ((1, 1), (1, 7), (17, 23), (64, 64), (65, 40))

# Mean and standard deviation of (output - picture), tiny size, seed 0, 64 x 64: see `test_output_is_what_it_was`.
SNAPSHOTS = {
    "davanet_single": (-0.05256, 0.02880),
    "deepgyro": (0.08211, 0.14282),
    "depth_imu_unet": (0.05011, 0.09555),
    "eggnet": (0.05159, 0.21970),
    "fftformer": (0.01927, 0.08798),
    "gamd": (-0.10381, 0.05349),
    "gyrodeblurnet": (0.04007, 0.16166),
    "imu_unet": (0.02919, 0.15828),
    "mimo_unet": (0.01743, 0.04416),
    "nafnet": (-0.03237, 0.14859),
    "refine": (-0.00288, 4.64058),
    "stripformer": (0.01310, 0.04876),
}


@pytest.fixture(params=NETS)
def module(request):
    return find_net(request.param)


@pytest.fixture(params=NETS)
def net(request):
    torch.manual_seed(0)
    return awake(build_net(request.param, "tiny")).eval()


def test_modules_say_what_they_are(module):
    assert module.__name__.rsplit(".", 1)[-1] == module.NAME
    assert module.__doc__ and module.DESCRIPTION and "\n" not in module.DESCRIPTION and module.PAPER
    assert {"full", "tiny"} <= set(module.SIZES) and set(module.PARAMETERS) <= set(module.SIZES)
    assert issubclass(module.Net, DeblurNet) and inspect.getdoc(module.Net) and module.Net.restore.__doc__


def test_configs_are_frozen_and_every_field_is_documented(module):
    config = module.SIZES["full"]
    assert config == module.Config(), "the defaults are the published network"
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, 1)
    text = inspect.getdoc(module.Config)
    lines = [line.split(" : ")[0] for line in text.splitlines() if " : " in line]
    documented = {name for line in lines for name in line.split(", ")}
    assert {field.name for field in dataclasses.fields(config)} <= documented


def test_parameters_are_as_published(module):
    for size, config in module.SIZES.items():
        with torch.device("meta"):
            count = parameter_count(module.Net(config))
        if size in module.PARAMETERS:
            assert count == module.PARAMETERS[size]
        else:
            assert size != "full" or f"{count:,}" in module.Config.__doc__, f"{count:,}: state it in Config's docstring"


def test_tiny_sizes_are_tiny(module):
    # What trains on a CPU in minutes and can be shipped; a parameter is four bytes.
    with torch.device("meta"):
        assert 2e4 < parameter_count(module.Net(module.SIZES["tiny"])) < 1e6


def test_descriptors_make_sense(net):
    facts = net.descriptor
    assert facts.size_multiple % facts.inputs.stride == 0 and facts.size_multiple % 2 ** (facts.scales - 1) == 0
    assert facts.tile_margin_px >= 0 and facts.scales >= 1
    assert facts.receptive_field_px is None or facts.receptive_field_px >= 1


def test_outputs_are_as_large_as_the_picture(net):
    for height, width in SIZES:
        with torch.no_grad():
            outputs = net(*inputs(net, 1, height, width))
        shapes = [(1, 3, -(-height // 2**k), -(-width // 2**k)) for k in range(net.descriptor.scales)]
        assert [tuple(output.shape) for output in outputs] == shapes
        assert all(torch.isfinite(output).all() for output in outputs)


def test_every_parameter_learns(net):
    outputs = net.train()(*inputs(net, 2, 40, 48))
    sum(output.square().mean() for output in outputs).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, f"{name} changes nothing"


def test_inputs_are_left_alone(net):
    image, planes = inputs(net, 1, 17, 23)
    kept = image.clone(), None if planes is None else planes.clone()
    net(image, planes)
    assert torch.equal(image, kept[0]) and (planes is None or torch.equal(planes, kept[1]))


def test_planes_matter(net):
    image, planes = inputs(net, 1, 32, 32)
    if planes is None:
        pytest.skip("this network sees the picture alone")
    for channel in range(planes.shape[1]):
        other = planes.clone()
        other[:, channel] += 1
        assert (net(image, planes)[0] - net(image, other)[0]).abs().max() > 0, f"plane {channel} changes nothing"


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 4, 16, 16), (0, 3, 16, 16), (1, 3, 0, 16)])
def test_wrong_pictures_are_refused(net, shape):
    with pytest.raises(ImageError, match=r"expected pictures \(B, 3, H, W\), got \("):
        net(torch.zeros(shape), None)


def test_wrong_planes_are_refused(net):
    image, planes = inputs(net, 1, 32, 32)
    if planes is None:
        with pytest.raises(ImageError, match="expected no planes, got"):
            net(image, torch.zeros(1, 2, 32, 32))
        return
    named = net.descriptor.inputs.encoding or "depth"
    wrong = (None, planes[:, 1:], torch.cat((planes, planes), 1), planes[..., 1:, :], planes[..., 1:], planes[:0])
    for given in wrong:
        with pytest.raises(ImageError, match=rf"expected planes \(1, .*{named}.*got .*own encoding"):
            net(image, given)


def test_planes_of_another_stride_are_refused(net):
    image, planes = inputs(net, 1, 32, 32)
    if planes is None:
        pytest.skip("this network sees the picture alone")
    other = interpolate(planes, scale_factor=2) if net.descriptor.inputs.stride > 1 else planes[..., ::2, ::2]
    with pytest.raises(ImageError, match=f"at stride {net.descriptor.inputs.stride}"):
        net(image, other)


@pytest.mark.parametrize("name", NETS)
def test_a_seed_decides_the_network(name):
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        found.append(torch.cat([value.flatten().double() for value in build_net(name, "tiny").state_dict().values()]))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_output_is_what_it_was(net):
    name = type(net).__module__.rsplit(".", 1)[-1]
    image, planes = inputs(net, 1, 64, 64)
    with torch.no_grad():
        change = net(image, planes)[0] - image
    found = change.mean().item(), change.std().item()
    assert name in SNAPSHOTS, f'add "{name}": ({found[0]:.5f}, {found[1]:.5f}) to SNAPSHOTS'
    assert found == pytest.approx(SNAPSHOTS[name], abs=1e-4), "trained weights of this network will not work any more"


def test_samples_of_a_batch_do_not_mix(net):
    image, planes = inputs(net, 2, 32, 40)
    with torch.no_grad():
        both = net(image, planes)[0]
        alone = net(image[:1], None if planes is None else planes[:1])[0]
    assert (both[:1] - alone).abs().max() < 1e-5 * max(1.0, alone.abs().max())


@pytest.mark.parametrize("axis", [2, 3])
def test_a_pixel_sees_no_more_than_the_receptive_field(net, axis):
    field = net.descriptor.receptive_field_px
    if field is None:
        pytest.skip("this network sees the whole picture")
    multiple = net.descriptor.size_multiple
    # A strip along one axis is enough, and far less work than a square.
    sides = {axis: multiple * (-(-field // multiple) + 2), 5 - axis: 2 * multiple}
    image, planes = inputs(net, 1, sides[2], sides[3])
    image.requires_grad_()
    # Where an output pixel sits between the coarser ones decides which way it looks farther.
    for shift in (0, multiple - 1):
        middle = {axis: sides[axis] // 2 + shift, 5 - axis: multiple}
        net(image, planes)[0][0, :, middle[2], middle[3]].sum().backward()
        seen = image.grad.abs().sum((0, 1, 5 - axis)).nonzero()
        image.grad = None
        assert 1 <= seen.max() - seen.min() + 1 <= field


def test_half_precision_is_close(net):
    image, planes = inputs(net, 1, 32, 32)
    with torch.no_grad():
        exact = net(image, planes)[0]
        with torch.autocast("cpu", torch.bfloat16):
            half = net(image, planes)[0]
    # bfloat16 has 8 bits; what the network adds to the picture is rounded in every layer.
    assert (half - exact).abs().max() < 0.05 * (exact - image).abs().max() + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_one_batch_can_be_learnt_by_heart(name, record_property):
    torch.manual_seed(0)
    net = without_dropout(build_net(name, "tiny"))
    noise, planes = inputs(net, 2, 32, 32)
    sharp = interpolate(noise[..., :11, :11], scale_factor=3, mode="bicubic").clamp(0, 1)[..., :32, :32]
    blurred = avg_pool2d(sharp, (1, 5), 1, (0, 2), count_include_pad=False)
    psnr = learnt(net, blurred, planes, sharp)
    record_property("psnr_db", psnr)
    assert -10 * (blurred - sharp).square().mean().log10() < 22 and psnr > 35


def learnt(net, blurred, planes, sharp, steps=500):
    """Return the PSNR, dB, that Adam reaches on one batch."""
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        error = (net(blurred, planes)[0] - sharp).square().mean()
        psnr = -10 * math.log10(error.item())
        if psnr > 35.5:
            break
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        schedule.step()
    return psnr


def test_unknown_networks_sizes_and_fields_are_refused():
    with pytest.raises(UsageError, match=r"network: expected one of .*nafnet.*, got 'nafnot'"):
        find_net("nafnot")
    with pytest.raises(UsageError, match="nafnet: expected a size out of full, tiny, got 'huge'"):
        build_net("nafnet", "huge")
    with pytest.raises(UsageError, match=r"nafnet: expected a field out of .*width, got 'wide'"):
        net_config("nafnet", "tiny", {"wide": 3})


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nafnet", {"width": "a"}, "nafnet: expected width to be of the kind of 16, got 'a'"),
        ("nafnet", {"width": 2.5}, "nafnet: expected width to be of the kind of 16, got 2.5"),
        ("nafnet", {"width": True}, "nafnet: expected width to be of the kind of 16, got True"),
        ("nafnet", {"encoders": 3}, r"nafnet: expected encoders to be of the kind of \(1, 1, 2\), got 3"),
        ("nafnet", {"encoders": [1, "b"]}, r"nafnet: expected encoders to be of the kind of .*, got \(1, 'b'\)"),
        ("imu_unet", {"max_length_px": None}, "imu_unet: expected max_length_px to be of the kind of 32.0, got None"),
    ],
)
def test_values_of_another_kind_are_refused(name, changes, message):
    with pytest.raises(UsageError, match=message):
        net_config(name, "tiny", changes)


def test_whole_numbers_may_stand_for_others():
    assert net_config("imu_unet", "tiny", {"max_length_px": 16}).max_length_px == 16


def test_changes_replace_fields_and_lists_become_tuples():
    config = net_config("nafnet", "tiny", {"encoders": [1, 2], "decoders": [1, 1]})
    assert config.encoders == (1, 2) and config.width == find_net("nafnet").SIZES["tiny"].width


class Echo(DeblurNet):
    """Returns the padded picture, and half of it."""

    descriptor = Descriptor(NetworkInput("camera_motion_field", {"pairs": 1}, stride=2), 8, None, 0, scales=2)

    def restore(self, image, planes):
        self.seen = image, planes
        return image, image[..., ::2, ::2]


def test_picture_and_planes_are_padded_alike_and_cropped_back():
    image, planes = torch.arange(3 * 9 * 11.0).view(1, 3, 9, 11), torch.arange(2 * 5 * 6.0).view(1, 2, 5, 6)
    net = Echo()
    whole, half = net(image, planes)
    padded_image, padded_planes = net.seen
    assert torch.equal(whole, image) and half.shape == (1, 3, 5, 6)
    assert padded_image.shape == (1, 3, 16, 16) and padded_planes.shape == (1, 2, 8, 8)
    assert torch.equal(padded_image[..., 15, 15], image[..., 8, 10])
    assert torch.equal(padded_planes[..., 7, 7], planes[..., 4, 5])


def test_parameters_that_are_held_fixed_are_not_counted():
    net = nn.Linear(3, 2)
    net.bias.requires_grad_(False)
    assert parameter_count(net) == 6
