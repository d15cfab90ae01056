"""Contenders: methods as a benchmark sees them, and one run of one on one shot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.machine import backend
from gyrosharp.evaluation.shots import BenchmarkShot
from gyrosharp.restore.backends import ONNXRUNTIME
from gyrosharp.restore.deblur import AUTO, Deblurrer, deblur_uniform, deblurrer
from gyrosharp.restore.models import bundled_cards, find_model, is_model_path
from gyrosharp.restore.restoration import Restoration
from gyrosharp.restore.solvers import methods

if TYPE_CHECKING:
    from gyrosharp.restore.network import NetworkDeblurrer

Image = NDArray[np.float32]
Needs = Literal["nothing", "motion", "motion or kernel"]

BLURRED = "blurred"
"""The method that leaves the picture as it is: what the others are compared with."""


@dataclass(frozen=True, eq=False)
class Contender:
    """A method in a benchmark.

    Attributes
    ----------
    label : str
        What tables call it.
    worker : Deblurrer or None
        What restores; None for `BLURRED`.
    needs : {"nothing", "motion", "motion or kernel"}
        What it must be told about the blur; a worker that needs nothing has a method `deblur_unknown`.
    identity : str
        What its results depend on: its method's name, or the SHA-256 of its weights, and what runs them if that is
        not onnxruntime.
    parameters : int or None
        Trained values; None for methods without.
    """

    label: str
    worker: Deblurrer | None
    needs: Needs = "motion"
    identity: str = ""
    parameters: int | None = None

    def missing(self, shot: BenchmarkShot) -> str | None:
        """Return why it cannot restore a shot, or None where it can."""
        if self.needs == "nothing" or shot.capture is not None:
            return None
        if shot.kernel is None:
            return f"{self.label} needs the camera's motion, and these shots come without"
        if self.needs == "motion":
            return f"{self.label} needs the camera's motion, and these shots come with a kernel instead"
        return None

    def restore(self, shot: BenchmarkShot) -> "Outcome":
        """Restore a shot; time is that of the call, reading excluded.

        Raises
        ------
        GyrosharpError
            As the method does.
        """
        if self.worker is None:
            return Outcome(shot.blurred_linear, None, "left unchanged")
        begun = time.perf_counter()
        result = self._restored(self.worker, shot)
        return Outcome(result.image, time.perf_counter() - begun, result.diagnostics.decision)

    def _restored(self, worker: Deblurrer, shot: BenchmarkShot) -> Restoration:
        if shot.capture is None and shot.kernel is not None and self.needs == "motion or kernel":
            return deblur_uniform(shot.blurred_linear, shot.kernel, worker.name)
        if self.needs == "nothing":
            # Also where the motion is known: what is not asked for is not computed, and takes no time.
            return cast("NetworkDeblurrer", worker).deblur_unknown(shot.blurred_linear, lossy=shot.lossy)
        assert shot.capture is not None
        return worker.deblur(shot.capture, shot.blurred_linear, lossy=shot.lossy)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run gave.

    Attributes
    ----------
    image_linear : (H, W, C) float32 array
        Linear light.
    seconds : float or None
        Wall-clock time; None where nothing was done.
    decision : str
        "deblurred" or "left unchanged".
    """

    image_linear: Image
    seconds: float | None
    decision: str


def contender(method: str) -> Contender:
    """Return a contender.

    Parameters
    ----------
    method : str
        ``blurred``, a method of `gyrosharp.restore.deblur.deblurrer` (auto, a solver, a bundled model, the path of a
        model), or LABEL=METHOD to call it otherwise in tables.

    Raises
    ------
    UsageError
        If there is no such method.
    MissingComponentError, InputError
        If it is a model whose files are missing or broken.
    """
    label, equals, name = method.partition("=")
    label, name = (label, name) if equals else (method, method)
    if not label or not name:
        raise UsageError(f"methods: expected METHOD or LABEL=METHOD, got {method!r}")
    if name == BLURRED:
        return Contender(label, None, "nothing", BLURRED)
    if is_model_path(name) or name in bundled_cards():
        card, worker = find_model(name).card, deblurrer(name)
        needs: Needs = "motion" if worker.needs_motion else "nothing"
        identity = card.files["onnx"].sha256 + ("" if backend() == ONNXRUNTIME else f", {backend()}")
        return Contender(label if equals else card.name, worker, needs, identity, card.parameters)
    solver = name != AUTO and name in methods()
    return Contender(label, deblurrer(name), "motion or kernel" if solver else "motion", name)


def contenders(given: Sequence[str | Contender]) -> list[Contender]:
    """Return the contenders of a run, `BLURRED` among them, first.

    Raises
    ------
    UsageError
        If two have one label, or one is unknown.
    """
    found = [one if isinstance(one, Contender) else contender(one) for one in given]
    if not any(one.worker is None for one in found):
        found.insert(0, contender(BLURRED))
    found.sort(key=lambda one: one.worker is not None)
    labels = [one.label for one in found]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise UsageError(f"methods: expected different names, got {twice[0]!r} twice; write LABEL=METHOD")
    return found
