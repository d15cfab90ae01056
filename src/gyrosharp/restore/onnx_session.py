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
        """Return the sharp picture (1, 3, H, W) for a picture (1, 3, H, W) and planes (1, C, H/s, W/s), if any.

        Raises
        ------
        InputError
            If the graph cannot be computed at this size, or gives another shape.
        """
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
                f"{name}: expected an ONNX graph, got one that onnxruntime refuses ({cause_of(error)})"
            ) from None
        self._name = name
        self.backend = f"onnxruntime {onnxruntime.__version__}"
        require_signature(name, channels, self._session.get_inputs(), self._session.get_outputs())

    def run(self, image: Tensor, planes: Tensor | None) -> Tensor:
        """Return the sharp picture; see `Session`."""
        try:
            result = self._session.run([SHARP], given_to(image, planes))[0]
        except Exception as error:  # onnxruntime's errors have no common class
            raise cannot_run(self._name, image, error) from None
        return checked_output(self._name, image, np.asarray(result, dtype=np.float32))


def given_to(image: Tensor, planes: Tensor | None) -> dict[str, Tensor]:
    """Return a graph's inputs by name."""
    return {IMAGE: image} if planes is None else {IMAGE: image, PLANES: planes}


def cannot_run(name: str, image: Tensor, error: Exception) -> InputError:
    """Return the error of a graph that loads but cannot be computed: bound to one size, or out of memory."""
    height, width = image.shape[2:]
    return InputError(
        f"{name}: expected a graph that runs on {width} x {height} px, got a failure ({cause_of(error)}); try "
        "--tile 512, or export it again"
    )


def checked_output(name: str, image: Tensor, sharp: Tensor) -> Tensor:
    """Return a graph's output if it has the picture's shape.

    Raises
    ------
    InputError
        If it has another.
    """
    if sharp.shape != image.shape:
        raise InputError(
            f"{name}: expected an output {image.shape} like the picture, got {sharp.shape}; export it again"
        )
    return sharp


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


def cause_of(error: Exception) -> str:
    """Return what a runtime says went wrong, in one short line."""
    return " ".join(str(error).split())[:200]
