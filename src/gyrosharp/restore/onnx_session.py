"""OnnxSession: a model's graph run by onnxruntime on the CPU.

Weights come as bytes whose checksum is known; nothing is unpickled, and no other file is opened.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.errors import InputError

Tensor = NDArray[np.float32]

IMAGE, PLANES, SHARP = "image", "planes", "sharp"


class Session(Protocol):
    """A loaded graph.

    Attributes
    ----------
    backend : str
        What runs it, with its version.
    """

    @property
    def backend(self) -> str: ...  # noqa: D102

    def run(self, image: Tensor, planes: Tensor | None) -> Tensor:
        """Return the sharp picture (1, 3, H, W) for a picture (1, 3, H, W) and planes (1, C, H/s, W/s), if any."""
        ...


class OnnxSession:
    """A graph run by onnxruntime's CPU provider; the same input gives the same output.

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
    InputError
        If onnxruntime cannot load the graph, or its inputs and output are not what the card promises.
    """

    def __init__(self, graph: bytes, name: str, channels: int, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or thread_count()
        options.log_severity_level = 4  # what goes wrong comes as an exception: nothing but that is printed
        # Planned blocks make no run faster here, and take up to twice the memory; tiles have several sizes anyway.
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise InputError(
                f"{name}: expected an ONNX graph, got one that onnxruntime refuses ({_cause(error)})"
            ) from None
        self.backend = f"onnxruntime {onnxruntime.__version__}"
        require_signature(name, channels, self._session.get_inputs(), self._session.get_outputs())

    def run(self, image: Tensor, planes: Tensor | None) -> Tensor:
        """Return the sharp picture; see `Session`."""
        given = {IMAGE: image} if planes is None else {IMAGE: image, PLANES: planes}
        return np.asarray(self._session.run([SHARP], given)[0], dtype=np.float32)


def require_signature(name: str, channels: int, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Check that a graph has the inputs that its card promises.

    Raises
    ------
    InputError
        If it does not.
    """
    wanted = [IMAGE, PLANES] if channels else [IMAGE]
    found = [one.name for one in inputs]
    planes = {one.name: one.shape[1] for one in inputs if len(one.shape) == 4}.get(PLANES, channels)
    if sorted(found) != sorted(wanted) or planes != channels or [one.name for one in outputs] != [SHARP]:
        raise InputError(
            f"{name}: expected inputs {', '.join(wanted)} ({channels} planes) and output {SHARP}, as its card says, "
            f"got {', '.join(found)} ({planes} planes) and {', '.join(one.name for one in outputs)}"
        )


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
