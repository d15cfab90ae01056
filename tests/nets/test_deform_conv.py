"""Deformable convolution against a slow loop, autograd's own check, and onnxruntime."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from torch import nn  # noqa: E402
from torch.nn.functional import conv2d  # noqa: E402

from gyrosharp.nets._deform_conv import GuidedDeformConv, deform_conv, onnx_translations  # noqa: E402

pytestmark = pytest.mark.torch


def drawn(shape=(2, 3, 5, 6), out=4, spread=1.5, dtype=torch.float64):
    """Return x, offset, mask and weight."""
    source = torch.Generator().manual_seed(0)
    batch, channels, height, width = shape
    sizes = (shape, (batch, 18, height, width), (batch, 9, height, width), (out, channels, 3, 3))
    x, offset, mask, weight = (torch.randn(size, generator=source, dtype=torch.float64).to(dtype) for size in sizes)
    return x, spread * offset, mask, weight


def loop(x, offset, mask, weight):
    """Eq. 1 of DCNv2 as it is written, one number at a time."""
    x, offset, mask, weight = (value.numpy() for value in (x, offset, mask, weight))
    batch, _, height, width = x.shape
    y = np.zeros((batch, len(weight), height, width))

    def pixel(b, row, column):
        return x[b, :, row, column] if 0 <= row < height and 0 <= column < width else np.zeros(x.shape[1])

    for b, row, column, tap in np.ndindex(batch, height, width, 9):
        down, right = offset[b, 2 * tap : 2 * tap + 2, row, column]
        at_y, at_x = row + tap // 3 - 1 + down, column + tap % 3 - 1 + right
        top, left = int(np.floor(at_y)), int(np.floor(at_x))
        part_y, part_x = at_y - top, at_x - left
        sample = (1 - part_y) * ((1 - part_x) * pixel(b, top, left) + part_x * pixel(b, top, left + 1)) + part_y * (
            (1 - part_x) * pixel(b, top + 1, left) + part_x * pixel(b, top + 1, left + 1)
        )
        y[b, :, row, column] += mask[b, tap, row, column] * weight[:, :, tap // 3, tap % 3] @ sample
    return torch.from_numpy(y)


@pytest.mark.parametrize("shape", [(2, 3, 5, 6), (1, 1, 1, 1), (1, 2, 1, 7)])
@pytest.mark.parametrize("spread", [0.3, 1.5, 6.0])
def test_equals_the_definition(shape, spread):
    case = drawn(shape, spread=spread)
    assert torch.allclose(deform_conv(*case), loop(*case), rtol=0, atol=1e-12)


def test_gradients_are_right():
    case = tuple(value.requires_grad_() for value in drawn((1, 2, 3, 4), out=2))
    assert torch.autograd.gradcheck(deform_conv, case)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_without_offsets_it_is_a_convolution(layout):
    x, offset, mask, weight = drawn((2, 8, 9, 7))
    x = x.contiguous(memory_format=layout)
    found = deform_conv(x, torch.zeros_like(offset), torch.ones_like(mask), weight)
    assert torch.allclose(found, conv2d(x, weight, padding=1), rtol=0, atol=1e-12)


def test_offsets_are_rows_before_columns():
    # Only the middle tap, tap 4, whose offset is planes 8 (dy) and 9 (dx).
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 3, 2] = 1.0
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1.0
    offset = torch.zeros(1, 18, 5, 5)
    offset[:, 8], offset[:, 9] = 2.0, -0.25
    found = deform_conv(x, offset, torch.ones(1, 9, 5, 5), weight)[0, 0]
    # Pixel (1, 2) looks at row 3, column 1.75, and pixel (1, 3) at column 2.75.
    expected = torch.zeros(5, 5)
    expected[1, 2], expected[1, 3] = 0.75, 0.25
    assert torch.equal(found, expected)


@pytest.mark.parametrize("far", [40.0, -40.0, 1e9, -1e9])
def test_beyond_the_border_is_zero(far):
    x, offset, mask, weight = drawn()
    assert torch.equal(deform_conv(x, torch.full_like(offset, far), mask, weight), torch.zeros(2, 4, 5, 6).double())


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_broken_offsets_show_in_the_output(broken):
    # A training that diverges must be seen by its guard, not die of an index out of range.
    x, offset, mask, weight = drawn()
    offset[0, 3, 2, 2] = broken
    found = deform_conv(x, offset, mask, weight)
    assert torch.isnan(found[0, :, 2, 2]).all() and torch.isfinite(found[1]).all()


def test_half_precision_keeps_positions_exact():
    # Around column 300, bfloat16 has whole pixels at best: the tap must still look half a pixel aside.
    x = torch.arange(512.0).expand(1, 1, 3, 512) / 512
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1.0
    offset = torch.zeros(1, 18, 3, 512)
    offset[:, 9] = 0.5
    mask = torch.ones(1, 9, 3, 512)
    found = deform_conv(x, offset.bfloat16(), mask.bfloat16(), weight.bfloat16())
    assert found[0, 0, 1, 300].item() == 300.5 / 512


def test_a_guided_convolution_starts_as_a_convolution():
    torch.manual_seed(0)
    layer = GuidedDeformConv(4, 6)
    x, guide = torch.randn(1, 4, 6, 5), torch.randn(1, 6, 6, 5)
    assert torch.allclose(layer(x, guide), layer.taps(x), rtol=0, atol=1e-6)
    # Its offsets can leave zero.
    layer(x, guide).square().sum().backward()
    assert layer.offset.weight.grad.abs().max() > 0 and layer.mask.weight.grad.abs().max() > 0


def test_the_operator_knows_its_shapes():
    torch.library.opcheck(
        torch.ops.gyrosharp.deform_conv.default,
        drawn((1, 2, 3, 4), out=5),
        test_utils=("test_schema", "test_faketensor"),
    )


class Layer(nn.Module):
    """A deformable convolution as a graph of its own."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x, offset, mask):
        return deform_conv(x, offset, mask, self.weight)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_it_is_one_node_of_an_onnx_graph_that_onnxruntime_agrees_with(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed here")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed here")
    import onnxruntime

    x, offset, mask, weight = drawn((1, 3, 9, 8), dtype=torch.float32)
    path = tmp_path / "layer.onnx"
    torch.onnx.export(
        Layer(weight).eval(),
        (x, offset, mask),
        path,
        input_names=["x", "offset", "mask"],
        dynamo=True,
        opset_version=20,
        custom_translation_table=onnx_translations(),
        verbose=False,
    )
    assert [node.op_type for node in onnx.load(path).graph.node] == ["DeformConv"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"x": x.numpy(), "offset": offset.numpy(), "mask": mask.numpy()})[0]
    assert np.abs(found - deform_conv(x, offset, mask, weight).numpy()).max() < 2e-6
