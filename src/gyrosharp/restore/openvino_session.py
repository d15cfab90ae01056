"""OpenVinoSession: a model's graph run by OpenVINO on the CPU, optional and mostly faster.

OpenVINO would compute in bfloat16 where the processor can; here it is told to keep to float32. Results differ from
onnxruntime's by less than 1e-3; those of models in 8-bit integers by more, for the two round in other places. It cannot
convert deformable convolutions.
"""

import numpy as np

from gyrosharp.blur.exact import thread_count
from gyrosharp.errors import MissingComponentError
from gyrosharp.restore.onnx_session import Tensor, cannot_run, checked_output, given_to, require_signature


class NotConvertibleError(Exception):
    """OpenVINO has no counterpart for a part of the graph; caught where a session is chosen."""


class OpenVinoSession:
    """A graph run by OpenVINO in float32.

    Parameters
    ----------
    graph : bytes
        The ONNX file.
    name : str
        For messages.
    channels : int
        Planes that the card promises.
    threads : int or None
        None takes GYROSHARP_THREADS or every core.

    Raises
    ------
    MissingComponentError
        If OpenVINO is not installed.
    NotConvertibleError
        If OpenVINO cannot convert the graph.
    InputError
        If the graph's inputs and output are not what the card promises.
    """

    def __init__(self, graph: bytes, name: str, channels: int, threads: int | None = None) -> None:
        try:
            import openvino
        except ImportError:
            raise MissingComponentError(
                'OpenVINO: expected the package, got none; pip install "gyrosharp[openvino]"'
            ) from None
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads or thread_count()}
        core = openvino.Core()
        try:
            read = core.read_model(graph)
            self._model = core.compile_model(read, "CPU", settings)
        except RuntimeError as error:
            raise NotConvertibleError(name) from error
        self._name = name
        self.backend = f"OpenVINO {openvino.__version__.split('-')[0]}"
        require_signature(name, channels, [_Named(one) for one in read.inputs], [_Named(one) for one in read.outputs])

    def run(self, image: Tensor, planes: Tensor | None) -> Tensor:
        """Return the sharp picture; see `gyrosharp.restore.onnx_session.Session`."""
        try:
            # A request of its own: frames of a video are restored by several threads.
            result = self._model.create_infer_request().infer(given_to(image, planes))
        except RuntimeError as error:
            raise cannot_run(self._name, image, error) from None
        return checked_output(self._name, image, np.array(result[0], dtype=np.float32))


class _Named:
    """An OpenVINO port with the attributes that onnxruntime's have."""

    def __init__(self, port: object) -> None:
        self.name: str = port.get_any_name()  # type: ignore[attr-defined]
        sides = port.get_partial_shape()  # type: ignore[attr-defined]
        self.shape = [side.get_length() if side.is_static else None for side in sides]
