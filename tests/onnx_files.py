"""ONNX files for tests, written byte by byte: the `onnx` package is not part of the light installation.

Field numbers are those of onnx.proto3. Graphs take `image` (1, 3, H, W) and maybe `planes` (1, C, H, W), and
give `sharp`.
"""

import hashlib

import numpy as np

from gyrosharp.restore.model_card import CardFile, CardInputs, ModelCard

OPSET = 20
FLOAT, INT, INTS = 1, 2, 7


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One field of a message: numbers as varints, text and messages with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, INT)
    return field(1, name) + b"".join(field(8, one) for one in value) + field(20, INTS)


def node(kind, inputs, output, **attributes):
    parts = [field(1, name) for name in inputs] + [field(2, output), field(4, kind)]
    return b"".join(parts + [field(5, attribute(name, value)) for name, value in attributes.items()])


def constant(name, values):
    values = np.asarray(values, np.float32)
    sides = b"".join(field(1, side) for side in values.shape)
    return sides + field(2, FLOAT) + field(8, name) + field(9, values.tobytes())


def stored_elsewhere(name, shape, location):
    """A constant whose values are in another file."""
    sides = b"".join(field(1, side) for side in shape)
    return (
        sides + field(2, FLOAT) + field(8, name) + field(13, field(1, "location") + field(2, location)) + field(14, 1)
    )


def port(name, channels):
    """A (1, channels, any, any) float tensor."""
    sides = [field(1, 1), field(1, channels), field(2, "rows"), field(2, "columns")]
    tensor = field(1, FLOAT) + field(2, b"".join(field(1, side) for side in sides))
    return field(1, name) + field(2, field(1, tensor))


def graph_bytes(nodes, constants=(), channels=0, output="sharp"):
    """An ONNX file whose inputs are `image` and, if there are channels, `planes`."""
    inputs = [port("image", 3)] + [port("planes", channels)] * bool(channels)
    parts = [field(1, one) for one in nodes] + [field(2, "test")] + [field(5, one) for one in constants]
    graph = b"".join([*parts, *(field(11, one) for one in inputs), field(12, port(output, 3))])
    return field(1, 10) + field(8, field(1, "") + field(2, OPSET)) + field(7, graph)


def conv_graph(kernel):
    """sharp = every channel of the image correlated with one (k, k) kernel, zeros around it."""
    weights = np.zeros((3, 3, *kernel.shape), np.float32)
    weights[range(3), range(3)] = kernel
    reach = kernel.shape[0] // 2
    return graph_bytes([node("Conv", ["image", "w"], "sharp", pads=[reach] * 4)], [constant("w", weights)])


def planes_graph(weights):
    """sharp = image + weights (3, C) @ planes."""
    nodes = [node("Conv", ["planes", "w"], "step"), node("Add", ["image", "step"], "sharp")]
    channels = np.shape(weights)[1]
    return graph_bytes(nodes, [constant("w", np.reshape(weights, (3, channels, 1, 1)))], channels)


def pooling_graph(strength):
    """sharp = image + strength * its mean over the whole picture."""
    nodes = [
        node("GlobalAveragePool", ["image"], "mean"),
        node("Mul", ["mean", "strength"], "step"),
        node("Add", ["image", "step"], "sharp"),
    ]
    return graph_bytes(nodes, [constant("strength", [strength])])


def write_model(folder, graph, name="tiny", **changes):
    """Write a model's graph and card; return the card's path."""
    (folder / f"{name}.onnx").write_bytes(graph)
    path = folder / f"{name}.card.json"
    card_of(graph, name, **changes).write(path, overwrite=True)
    return path


def card_of(graph, name="tiny", **changes):
    file = CardFile(name=f"{name}.onnx", sha256=hashlib.sha256(graph).hexdigest())
    facts = {
        "name": name,
        "net": "conv",
        "size": "tiny",
        "net_config": {},
        "inputs": CardInputs(encoding=None),
        "size_multiple": 4,
        "tile_margin_px": 16,
        "receptive_field_px": 3,
        "bytes_per_pixel": 200.0,
        "parameters": 81,
        "opset": OPSET,
        "weights_precision": "float32",
        "device": "cpu",
        "minutes": 1.5,
        "steps": 20,
        "files": {"onnx": file},
        "gyrosharp_version": "0",
    }
    return ModelCard(**facts | changes)
