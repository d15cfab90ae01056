"""A trained network as a model: an ONNX graph that runs without PyTorch, its weights, and its card.

Nothing is written unless graph and network agree (`gyrosharp.training.onnx_graph.differences`).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.nets import DeblurNet, net_config
from gyrosharp.nets._net import parameter_count
from gyrosharp.restore.model_card import CARD_SUFFIX, CardFile, CardInputs, ModelCard, sha256
from gyrosharp.restore.onnx_memory import bytes_per_pixel
from gyrosharp.training.checkpoint import checkpoint_of, trained_net
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.half_weights import round_weights
from gyrosharp.training.int8_graph import Int8Cost, int8_graph
from gyrosharp.training.onnx_graph import OPSET, Difference, differences, onnx_graph
from gyrosharp.version import __version__

Files = Mapping[Literal["onnx", "safetensors"], tuple[Path, bytes]]
"""What is written, by kind: where, and what."""


@dataclass(frozen=True)
class ExportRequest:
    """What is asked of an export.

    Attributes
    ----------
    name : str or None
        Name of the model; None takes the system's, or the network's.
    system : str or None
        Published system that it was trained as.
    system_net : str or None
        That system's network: a checkpoint of another one is refused.
    device : str
        What it was trained on.
    half : bool
        Round weights to float16 and store them as such.
    int8 : tuple of Path
        Folders of samples: run inner convolutions in 8-bit integers, their ranges measured on these; see
        `gyrosharp.training.int8_graph`.
    figures : mapping
        What the model measured.
    limits : tuple of str
        What it is not good for.
    force : bool
        Replace existing files.
    """

    name: str | None = None
    system: str | None = None
    system_net: str | None = None
    device: str = "an unnamed device"
    half: bool = False
    int8: tuple[Path, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    card : ModelCard
        The model's card.
    files : tuple of Path
        Graph, weights, card.
    differences : tuple of Difference
        How far graph and network are apart, in float32.
    int8 : Int8Cost or None
        What 8 bits cost, if asked for.
    """

    card: ModelCard
    files: tuple[Path, ...]
    differences: tuple[Difference, ...]
    int8: Int8Cost | None = None


def export_model(source: Path, folder: Path, request: ExportRequest) -> Exported:
    """Write NAME.onnx, NAME.safetensors and NAME.card.json of a trained network.

    Parameters
    ----------
    source : Path
        Folder of a training run, or a checkpoint.
    folder : Path
        Where the files go; it exists.
    request : ExportRequest
        What is asked.

    Raises
    ------
    InputError
        If the checkpoint cannot be read or is of another network, the graph differs from the network, or 8 bits cost
        too much.
    ImageError
        If samples are asked for and damaged, or there are none.
    UsageError
        If both float16 and 8 bits are asked for, or samples are too few or too small.
    MissingComponentError
        If onnx, onnxscript or safetensors is not installed.
    OutputError
        If a file exists and `request.force` is false, or cannot be written.
    """
    if request.half and request.int8:
        raise UsageError("export: expected --half or --int8, got both; leave one out")
    net, config, content = trained_net(checkpoint_of(source))
    if request.system_net not in (None, config.net.name):
        raise InputError(
            f"{source}: expected {request.system_net}, the network of {request.system}, got {config.net.name}; name "
            "its own system, or none"
        )
    name = request.name or request.system or config.net.name
    paths = [folder / f"{name}{suffix}" for suffix in (".onnx", ".safetensors", CARD_SUFFIX)]
    for path in paths:
        check_target(path, request.force)
    if request.half:
        round_weights(net)
    weights = _weights(net, half=request.half)
    graph = onnx_graph(net, half=request.half)
    found = differences(net, graph, name)
    cost = None
    if request.int8:
        graph, cost = int8_graph(graph, net.descriptor, request.int8, name)
    contents: Files = {"onnx": (paths[0], graph), "safetensors": (paths[1], weights)}
    card = _card(name, net, config, content, request, contents)
    for path, written in contents.values():
        with atomic_write(path, request.force) as temporary:
            temporary.write_bytes(written)
    # Last: until then the files are no model.
    card.write(paths[2], request.force)
    return Exported(card, tuple(paths), tuple(found), cost)


def _card(
    name: str,
    net: DeblurNet,
    config: TrainConfig,
    content: Mapping[str, Any],
    request: ExportRequest,
    contents: Files,
) -> ModelCard:
    descriptor, part, state = net.descriptor, config.net, content["state"]
    card = ModelCard(
        name=name,
        system=request.system,
        net=part.name,
        size=part.size,
        net_config=dataclasses.asdict(net_config(part.name, part.size, part.changes)),
        inputs=CardInputs(**_plain(descriptor.inputs)),
        size_multiple=descriptor.size_multiple,
        tile_margin_px=descriptor.tile_margin_px,
        receptive_field_px=descriptor.receptive_field_px,
        bytes_per_pixel=1.0,  # measured below: that needs the rest of the card
        parameters=parameter_count(net),
        opset=OPSET,
        weights_precision="float16" if request.half else "float32",
        arithmetic="int8" if request.int8 else "float32",
        data=dict(content["data"]),
        recipe=config.model_dump(mode="json"),
        device=request.device,
        minutes=round(state["seconds"] / 60, 2),
        steps=state["step"],
        figures=dict(request.figures),
        limits=request.limits,
        files={kind: CardFile(name=path.name, sha256=sha256(written)) for kind, (path, written) in contents.items()},
        gyrosharp_version=__version__,
    )
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.onnx"
        graph.write_bytes(contents["onnx"][1])
        return card.model_copy(update={"bytes_per_pixel": round(bytes_per_pixel(graph, card), 1)})


def _plain(inputs: Any) -> dict[str, Any]:  # noqa: ANN401
    """A NetworkInput as a dict; its options may be any mapping."""
    return {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)} | {
        "options": dict(inputs.options)
    }


def _weights(net: DeblurNet, *, half: bool) -> bytes:
    try:
        from safetensors.torch import save
    except ImportError:
        raise MissingComponentError(
            'export: expected the package safetensors, got none; pip install "gyrosharp[train]"'
        ) from None
    stored = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    return bytes(save(stored))
