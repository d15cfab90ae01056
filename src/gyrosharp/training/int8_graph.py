"""A graph whose inner convolutions run in 8-bit integers: on a CPU, in little more than half the time.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018,
arXiv 1712.05877, eq. 1 and 3: x = S (q - Z), with a scale S and a zero point Z per activation tensor, and a scale per
output channel for weights. Nothing is trained again: ranges of activations are what samples of `gyrosharp synth` make
of them. Weights stay in the file as they are, and are rounded when it is loaded.
"""

import contextlib
import io
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from gyrosharp.errors import InputError, UsageError
from gyrosharp.nets import Descriptor
from gyrosharp.restore.onnx_session import IMAGE, PLANES, OnnxSession, given_to
from gyrosharp.training.data.augment import draw_augmentation
from gyrosharp.training.data.batch import Batch
from gyrosharp.training.data.order import chance_at
from gyrosharp.training.data.samples import batch_of, load_sample
from gyrosharp.training.data.shards import shard_records
from gyrosharp.training.validation import psnr_of_each

# Convolutions that stay in floating point, in the graph's order: what sees displacements beside light, what looks at
# light itself, and what writes it. In 8 bits, refine's first ones lose ten times what all others do together.
FIRST_KEPT, LAST_KEPT = 4, 1
# Samples that give the ranges, and as many others that tell what it costs.
MOST_SAMPLES = 64
MOST_SIDE_PX = 256
# Share of activations within their range, per cent; the rest is clipped.
WITHIN = 99.999
MOST_LOST_DB = 0.1


@dataclass(frozen=True)
class Int8Cost:
    """What 8 bits cost, on samples that gave no ranges.

    Attributes
    ----------
    samples : int
        How many.
    float_db, int8_db : float
        Mean PSNR of both graphs, dB, sRGB-encoded.
    """

    samples: int
    float_db: float
    int8_db: float


def int8_graph(graph: bytes, descriptor: Descriptor, folders: Sequence[Path], name: str) -> tuple[bytes, Int8Cost]:
    """Return a graph with most of its convolutions in 8 bits, and what that costs.

    Parameters
    ----------
    graph : bytes
        Of `gyrosharp.training.onnx_graph.onnx_graph`, in float32.
    descriptor : Descriptor
        Of its network.
    folders : sequence of Path
        Samples of `gyrosharp synth` with all that the network sees, of what it will see.
    name : str
        For messages.

    Raises
    ------
    ImageError
        If a folder holds no samples, or a damaged one.
    UsageError
        If there are fewer than two samples, or they are smaller than the network's size multiple.
    InputError
        If no convolution is left to run in 8 bits, or they cost more than 0.1 dB.
    """
    samples = _samples(descriptor, folders)
    made = _quantized(graph, samples[::2], name)
    cost = Int8Cost(len(samples[1::2]), *(_psnr_db(each, descriptor, samples[1::2], name) for each in (graph, made)))
    if not cost.float_db - cost.int8_db <= MOST_LOST_DB:
        raise InputError(
            f"{name}: expected 8 bits to cost at most {MOST_LOST_DB} dB, got {cost.int8_db:.2f} instead of "
            f"{cost.float_db:.2f} dB; export it without --int8"
        )
    return made, cost


def _samples(descriptor: Descriptor, folders: Sequence[Path]) -> list[Batch]:
    """Parts of samples, evenly from all folders, each turned another way; the same ones every time."""
    records = shard_records(folders)
    if len(records) < 2:
        raise UsageError(f"--int8: expected two samples or more, got {len(records)}; make more with gyrosharp synth")
    count = min(len(records), 2 * MOST_SAMPLES)
    batches = []
    for number, index in enumerate(np.linspace(0, len(records) - 1, count).round().astype(int)):
        sample = load_sample(records[index], descriptor.inputs)
        shape, step = sample.sharp.shape[:2], math.lcm(descriptor.size_multiple, sample.stride)
        side = min(*shape, MOST_SIDE_PX) // step * step
        if not side:
            raise UsageError(f"--int8: expected samples of {step} px or more, got {shape[1]} x {shape[0]} px")
        change = draw_augmentation(chance_at(0, number), shape, side, sample.stride, flip=True)
        batches.append(batch_of([sample], [change], descriptor.inputs, alpha=1.0))
    return batches


def _quantized(graph: bytes, samples: Sequence[Batch], name: str) -> bytes:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_static

    model = onnx.load_from_string(graph)
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    kept = {*convolutions[:FIRST_KEPT], *convolutions[-LAST_KEPT:]}
    if len(kept) == len(convolutions):
        raise InputError(
            f"{name}: expected convolutions between the first {FIRST_KEPT} and the last, got none; leave out --int8"
        )
    with TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            onnx.load_from_string(graph),
            path,
            _Reader(samples),
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=sorted(kept),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Seven bits of weights: without VNNI, sums of products of eight bits overflow.
            reduce_range=True,
            calibrate_method=CalibrationMethod.Percentile,
            # The weights stay as they are, for those who go on training from them.
            extra_options={"CalibPercentile": WITHIN, "AddQDQPairToWeight": True},
        )
        made = onnx.load(path)
    _keep_biases(made.graph, model.graph)
    made.producer_name, made.producer_version = model.producer_name, model.producer_version
    return bytes(made.SerializeToString())


def _keep_biases(made: Any, graph: Any) -> None:  # noqa: ANN401
    """Put biases back that integers took the places and the names of."""
    there = {constant.name for constant in made.initializer}
    gone = {constant.name: constant for constant in graph.initializer if constant.name not in there}
    for node in made.node:
        for names in (node.input, node.output):
            names[:] = [f"{name}.int32" if name in gone else name for name in names]
    made.initializer.extend(gone.values())


class _Reader:
    """Samples as onnxruntime's calibrators ask for them."""

    def __init__(self, samples: Sequence[Batch]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next sample's inputs, or None after the last one."""
        batch = next(self._samples, None)
        return None if batch is None else _inputs(batch)


def _inputs(batch: Batch) -> dict[str, Any]:
    return given_to(batch.image.numpy(), None if batch.planes is None else batch.planes.numpy())


def _psnr_db(graph: bytes, descriptor: Descriptor, samples: Sequence[Batch], name: str) -> float:
    session = OnnxSession(graph, name, descriptor.inputs.channels)
    found = []
    for batch in samples:
        inputs = _inputs(batch)
        sharp = session.run(inputs[IMAGE], inputs.get(PLANES))
        found.append(float(psnr_of_each(torch.from_numpy(sharp), batch.target)))
    return float(np.mean(found))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what onnxruntime's tools print and log from the user, who can do nothing about it."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
