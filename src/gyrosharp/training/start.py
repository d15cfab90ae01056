"""First weights of a network: those that an earlier run ended with, or those of a model.

A network may have more blocks than the one that it starts from. What is new keeps its first values; where those leave a
picture as it is, as in `gyrosharp.nets.refine`, the larger network starts as the smaller one.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from gyrosharp.errors import InputError
from gyrosharp.nets import DeblurNet, build_net
from gyrosharp.restore.model_card import verified_bytes
from gyrosharp.restore.models import Model, bundled_names, find_model, is_model_path
from gyrosharp.training.checkpoint import checkpoint_of, trained_net
from gyrosharp.training.onnx_graph import graph_weights


def net_of_model(model: Model) -> DeblurNet:
    """Return a model's network with its weights.

    Raises
    ------
    InputError
        If the graph is damaged, or does not keep all weights by name.
    MissingComponentError
        If a file of the model or the package onnx, which reads it, is not there.
    """
    net = build_net(model.card.net, model.card.size, model.card.net_config)
    net.load_state_dict(_model_weights(model, net))
    return net


def start_from(net: DeblurNet, name: str, source: str) -> None:
    """Give a network the weights of a run, a checkpoint or a model.

    Parameters
    ----------
    net : DeblurNet
        Network with fresh weights.
    name : str
        Its name.
    source : str
        Folder of a run, a checkpoint, the name of a bundled model, or a model's ``.onnx`` or ``.card.json``.

    Raises
    ------
    InputError
        If there is no such run, it cannot be read, or its weights are of another network or size.
    MissingComponentError
        If a model or the package onnx, which reads it, is not there.
    """
    if is_model_path(source) or (source in bundled_names() and not Path(source).exists()):
        model = find_model(source)
        found, weights, place = model.card.net, net_of_model(model).state_dict(), model.card.name
    elif not Path(source).exists():
        raise InputError(
            f"net.start: expected the folder of a run, a checkpoint or a model, got {source}, which is none; "
            f"with gyrosharp come {', '.join(bundled_names())}"
        )
    else:
        path = checkpoint_of(Path(source))
        earlier, config, _ = trained_net(path)
        found, weights, place = config.net.name, earlier.state_dict(), str(path)
    own = net.state_dict()
    if found != name or any(key not in own or own[key].shape != value.shape for key, value in weights.items()):
        raise InputError(f"net.start: expected weights of this network and size, got those of another in {place}")
    net.load_state_dict({**own, **weights})


def _model_weights(model: Model, net: DeblurNet) -> Mapping[str, Tensor]:
    card = model.card
    weights = graph_weights(verified_bytes(model.folder, card.files["onnx"]))
    names = net.state_dict().keys()
    missing = [name for name in names if name not in weights]
    if missing:
        raise InputError(
            f"{card.name}: expected a graph that keeps all weights by name, got one without {missing[0]}; take the run "
            "that it was exported from"
        )
    return {name: weights[name] for name in names}
