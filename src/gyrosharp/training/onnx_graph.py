"""A network as an ONNX graph of any size, and the check that the graph computes what the network does."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from gyrosharp.errors import InputError, MissingComponentError
from gyrosharp.nets import DeblurNet, Descriptor
from gyrosharp.nets._deform_conv import onnx_translations
from gyrosharp.restore.onnx_session import IMAGE, PLANES, SHARP, OnnxSession
from gyrosharp.training.half_weights import HALVED, halve_constants

# The first set that has DeformConv and is known to both onnxruntime and OpenVINO in full.
OPSET = 20
MOST_DIFFERENCE = 1e-4
# Sizes that network and graph are compared at, px, before they are rounded up to the size multiple: none is traced.
CHECKED_SIZES = ((40, 56), (104, 72), (136, 200))
TRACED_SIZE = (64, 80)
# Planes are drawn with this standard deviation: displacements, px.
PLANES_STD = 3.0


@dataclass(frozen=True)
class Difference:
    """How far graph and network are apart at one size.

    Attributes
    ----------
    height, width : int
        Size of the picture, px.
    largest : float
        Largest absolute difference, sRGB-encoded, full scale 1.
    """

    height: int
    width: int
    largest: float


# What `_Finest` puts before the names of a network's weights.
NETWORK = "net."


class _Finest(nn.Module):
    """The finest output of `DeblurNet.restore`."""

    def __init__(self, net: DeblurNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, planes: Tensor | None = None) -> Tensor:
        return self.net.restore(image, planes)[0]


def onnx_graph(net: DeblurNet, *, half: bool = False) -> bytes:
    """Return a network as an ONNX file's content.

    Inputs are ``image`` (1, 3, H, W) and, if the network has any, ``planes`` (1, C, H/s, W/s), H and W any multiples of
    the network's size multiple; the output is ``sharp`` (1, 3, H, W).

    Parameters
    ----------
    net : DeblurNet
        A network, in evaluation mode.
    half : bool
        Store constants that float16 holds without loss as float16; see `gyrosharp.training.half_weights`.

    Raises
    ------
    MissingComponentError
        If onnx or onnxscript is not installed.
    """
    _require_onnx()
    inputs = _inputs(net.descriptor, TRACED_SIZE)
    with _quiet():
        program = torch.onnx.export(
            _Finest(net).eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=_shapes(net.descriptor),
            custom_translation_table=onnx_translations(),
            input_names=[IMAGE, PLANES][: len(inputs)],
            output_names=[SHARP],
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    if half:
        halve_constants(model)
    return bytes(model.SerializeToString())


def graph_weights(graph: bytes) -> dict[str, Tensor]:
    """Return the weights that a graph of `onnx_graph` holds, by their names in the network, as float32.

    Raises
    ------
    MissingComponentError
        If onnx or onnxscript is not installed.
    """
    _require_onnx()
    import onnx
    from onnx import numpy_helper

    constants = onnx.load_from_string(graph).graph.initializer
    values = {one.name.removesuffix(HALVED): numpy_helper.to_array(one).astype(np.float32) for one in constants}
    return {name.removeprefix(NETWORK): torch.from_numpy(value) for name, value in values.items()}


def differences(net: DeblurNet, graph: bytes, name: str) -> list[Difference]:
    """Compare a graph, run by onnxruntime, with its network on random inputs of three sizes.

    Raises
    ------
    InputError
        If they differ by more than 1e-4, or the network gives NaN or infinity.
    """
    session = OnnxSession(graph, name, net.descriptor.inputs.channels)
    found = [_difference(net, session, size) for size in CHECKED_SIZES]
    worst = max(found, key=lambda one: one.largest if np.isfinite(one.largest) else np.inf)
    if not worst.largest <= MOST_DIFFERENCE:
        raise InputError(
            f"{name}: expected the graph to be within {MOST_DIFFERENCE:g} of the network, got {worst.largest:.2g} at "
            f"{worst.width} x {worst.height} px; nothing was written"
        )
    return found


def _difference(net: DeblurNet, session: OnnxSession, size: tuple[int, int]) -> Difference:
    inputs = _inputs(net.descriptor, size)
    with torch.inference_mode():
        expected = _Finest(net).eval()(*inputs).numpy()
    image, planes = inputs[0].numpy(), inputs[1].numpy() if len(inputs) > 1 else None
    largest = float(np.abs(session.run(image, planes) - expected).max())
    return Difference(image.shape[2], image.shape[3], largest)


def _inputs(descriptor: Descriptor, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random picture and planes of a size that is rounded up to the size multiple; always the same ones."""
    chance = torch.Generator().manual_seed(size[0])
    sides = [-(-side // descriptor.size_multiple) * descriptor.size_multiple for side in size]
    image = torch.rand(1, 3, *sides, generator=chance)
    wanted = descriptor.inputs
    if not wanted.channels:
        return (image,)
    grid = [side // wanted.stride for side in sides]
    return image, PLANES_STD * torch.randn(1, wanted.channels, *grid, generator=chance)


def _shapes(descriptor: Descriptor) -> dict[str, dict[int, Any]]:
    """Sides as multiples of whole numbers: what keeps the graph from being bound to the traced size."""
    multiple, stride = descriptor.size_multiple, descriptor.inputs.stride
    sides = [Dim(name, min=2) for name in ("rows", "columns")]
    shapes = {IMAGE: {axis: multiple * side for axis, side in enumerate(sides, 2)}}
    if descriptor.inputs.channels:
        shapes[PLANES] = {axis: multiple // stride * side for axis, side in enumerate(sides, 2)}
    return shapes


def _strip(model: Any) -> None:  # noqa: ANN401
    """Take out the exporter's notes: stack traces with this machine's paths, longer than a small network's weights."""
    graph = model.graph
    for entry in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        entry.doc_string = ""
        del entry.metadata_props[:]
    del graph.value_info[:]


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingComponentError(
            f'export: expected the package {error.name}, got none; pip install "gyrosharp[train]"'
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks (no torchvision, names of axes) from the user, who can do nothing about them."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
