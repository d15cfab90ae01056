"""Workers on a Ray cluster: one task per shard.

A task whose node dies is run again elsewhere. That is safe at any moment: a shard's final names depend on its number
alone, its bytes on nothing but the job, and files appear whole, so a second run replaces equal by equal. The output
folder must be the same folder on every node (a network mount), and gyrosharp must be installed there, or lie under a
path that the job's own process also imports from.
"""

import os
import pickle
import sys
import uuid
from collections.abc import Sequence
from typing import Any

from gyrosharp.datasets.job.making import ONE_THREAD, ShardState, ShardTask, Tell, make_shard
from gyrosharp.datasets.job.parts import Shard
from gyrosharp.datasets.job.processes import portable
from gyrosharp.errors import GyrosharpError, MissingComponentError, UsageError

RETRIES = 5
"""Times that a shard may lose its node or worker before the job stops."""
_tasks: dict[str, ShardTask] = {}
"""The job that this worker process is at, by token: the maker keeps its caches from shard to shard."""


def require_ray() -> Any:  # noqa: ANN401
    """Return the module `ray`.

    Raises
    ------
    MissingComponentError
        If it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report each cluster to its makers
    try:
        import ray
    except ImportError:
        raise MissingComponentError(
            "engine ray: expected the package ray, got none; pip install 'gyrosharp[ray]'"
        ) from None
    return ray


def make_on_ray(task: ShardTask, shards: Sequence[Shard], tell: Tell, workers: int | None) -> None:
    """Make shards as tasks of a Ray cluster.

    Ray is used as it is if this process has called `ray.init`. Otherwise the cluster that the environment variable
    RAY_ADDRESS names is joined (`auto`: the one of this machine); without it a local one is started for this job.

    Parameters
    ----------
    workers : int or None
        Shards at the same time; None takes one per CPU of the cluster.

    Raises
    ------
    UsageError
        If there is no cluster at RAY_ADDRESS.
    GyrosharpError
        What a task raised; or, if a shard lost its worker too often, which shard and how.
    """
    ray = require_ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, workers)
    try:
        _Crowd(ray, task, list(shards), tell).run(workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    finally:
        if ours:
            ray.shutdown()


class _Crowd:
    """The tasks that are under way."""

    def __init__(self, ray: Any, task: ShardTask, waiting: list[Shard], tell: Tell) -> None:  # noqa: ANN401
        self.ray = ray
        self.waiting = waiting
        self.tell = tell
        self.token = uuid.uuid4().hex
        self.packed = ray.put(pickle.dumps(task))
        self.remote = ray.remote(max_retries=RETRIES, num_cpus=1)(_body())
        self.running: dict[Any, Shard] = {}

    def run(self, workers: int) -> None:
        """Keep `workers` tasks going until all shards are made; on any failure cancel the rest."""
        try:
            while self.waiting or self.running:
                while self.waiting and len(self.running) < workers:
                    self.submit(self.waiting.pop(0))
                for reference in self.ray.wait(list(self.running), num_returns=1)[0]:
                    self.take(reference)
        finally:
            for reference in self.running:
                self.ray.cancel(reference, force=True)

    def submit(self, shard: Shard) -> None:
        """Start the task of a shard."""
        self.running[self.remote.remote(self.token, self.packed, pickle.dumps(shard))] = shard

    def take(self, reference: Any) -> None:  # noqa: ANN401
        """Take the result of a task that ended."""
        shard = self.running.pop(reference)
        try:
            result = pickle.loads(self.ray.get(reference))
        except self.ray.exceptions.RayError as error:
            cause = " ".join(str(error).split("\n")[0].split())
            raise GyrosharpError(
                f"samples {shard.start} to {shard.stop - 1}: {type(error).__name__} after {RETRIES} retries: {cause}; "
                "run the same command to go on"
            ) from error
        if isinstance(result, BaseException):
            raise result
        self.tell(result)


def _connect(ray: Any, workers: int | None) -> None:  # noqa: ANN401
    quiet = {"log_to_driver": False, "logging_level": "error"}
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        cause = " ".join(str(error).split())
        text = f"RAY_ADDRESS: expected a running cluster, got {address} ({cause}); start or unset it"
        raise UsageError(text) from error


def _body() -> Any:  # noqa: ANN401
    """Return the function of a task. It is sent by value, as it must run before gyrosharp can be imported."""
    paths = [path for path in sys.path if path]
    threads = ONE_THREAD

    def body(token: str, packed: bytes, shard: bytes) -> bytes:
        import os
        import sys

        os.environ.update(threads)
        sys.path.extend(path for path in paths if path not in sys.path)
        from gyrosharp.datasets.job.ray_engine import make_in_task

        return make_in_task(token, packed, shard)

    return body


def make_in_task(token: str, packed: bytes, shard: bytes) -> bytes:
    """Make a shard in a Ray worker; return its state, or what went wrong, as a pickle."""
    import cv2

    cv2.setNumThreads(1)
    try:
        if token not in _tasks:
            _tasks.clear()
            _tasks[token] = pickle.loads(packed)
        state: ShardState | BaseException = make_shard(_tasks[token], pickle.loads(shard), lambda _event: None)
    except Exception as error:
        state = portable(error)
    return pickle.dumps(state)
