"""Weights in half precision: half the file, the same arithmetic.

The network's weights are rounded to float16 before anything is checked, so what is measured is what is stored; in the
graph they are float16 constants that a Cast node turns back into float32, which runtimes do once, when they load it.
"""

from typing import Any

import torch
from torch import nn

from gyrosharp.errors import InputError

# Smaller constants are left alone: a Cast node takes as much as they save.
LEAST_VALUES = 128
# What is put behind the name of such a constant.
HALVED = ".half"


def round_weights(net: nn.Module) -> None:
    """Round all weights of a network to the nearest float16, in place.

    Raises
    ------
    InputError
        If a weight is beyond float16's range, 65504.
    """
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if not value.is_floating_point():
                continue
            rounded = value.half().to(value.dtype)
            if not bool(torch.isfinite(rounded).all()):
                raise InputError(
                    f"--half: expected weights within float16's range, got larger ones in {name}; leave it out"
                )
            value.copy_(rounded)


def halve_constants(model: Any) -> None:  # noqa: ANN401
    """Store the float32 constants of an ONNX ModelProto that float16 holds without loss as such, in place."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = model.graph, []
    for constant in graph.initializer:
        if constant.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(constant)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if values.size < LEAST_VALUES or not np.array_equal(halved.astype(np.float32), values):
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(halved, f"{name}{HALVED}"))
        casts.append(helper.make_node("Cast", [f"{name}{HALVED}"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
