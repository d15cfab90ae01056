"""Worker processes on this machine.

Workers are spawned, not forked: OpenCV's threads do not survive a fork. Each takes one shard at a time through a pipe
of its own. The pipe ends with either side: a worker whose job was killed stops at the next sample, and the job sees at
once that a worker died.
"""

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from gyrosharp.datasets.job.making import ShardState, ShardTask, Tell, WorkerLost, make_shard, one_thread_environment
from gyrosharp.datasets.job.parts import Shard
from gyrosharp.errors import GyrosharpError

TELL_S = 0.1
"""A worker reports the state of its shard at most this often."""
GRACE_S = 3.0
"""How long a worker may take to clean up before it is killed."""
TRIES = 2


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    shard: Shard | None = None


@dataclass
class _Pool:
    """The workers and the shards that wait for one."""

    task: bytes
    waiting: list[Shard]
    tell: Tell
    workers: list[_Worker] = field(default_factory=list)
    deaths: dict[int, int] = field(default_factory=dict)

    def add(self) -> None:
        """Start a worker and give it a shard."""
        theirs: Connection
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=work, args=(theirs, self.task), daemon=True)
        with one_thread_environment(), _interrupts_held():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        self.give(worker)

    def give(self, worker: _Worker) -> None:
        """Send a worker its next shard, or None: there is no more."""
        worker.shard = self.waiting.pop(0) if self.waiting else None
        with suppress(OSError):  # a worker that died meanwhile is found at the other end of the pipe
            worker.pipe.send(worker.shard)

    def hear(self, worker: _Worker) -> None:
        """Take what a worker has to say."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            self.bury(worker)
            return
        if isinstance(message, BaseException):
            raise message
        self.tell(message)
        if message.done:
            self.give(worker)

    def bury(self, worker: _Worker) -> None:
        """Forget a worker that ended; if it had a shard, start another one, once."""
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.join()
        shard = worker.shard
        if shard is None:
            return
        cause = f"worker process {worker.process.pid} {ending(worker.process.exitcode)}"
        self.deaths[shard.number] = self.deaths.get(shard.number, 0) + 1
        if self.deaths[shard.number] >= TRIES:
            raise lost(shard, cause)
        self.tell(WorkerLost(shard, cause))
        self.waiting.insert(0, shard)
        self.add()

    def stop(self) -> None:
        """End all workers: politely, so that they remove their temporary files, then by force."""
        for worker in self.workers:
            worker.pipe.close()  # ends those that wait for a shard
            worker.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for worker in self.workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()


def make_in_processes(task: ShardTask, shards: Sequence[Shard], tell: Tell, workers: int) -> None:
    """Make shards in `workers` processes.

    Raises
    ------
    GyrosharpError
        What a worker raised; or, if a worker died twice on one shard, which shard and how.
    """
    pool = _Pool(pickle.dumps(task), list(shards), tell)
    try:
        for _ in range(min(workers, len(shards))):
            pool.add()
        while pool.workers:
            by_pipe = {worker.pipe: worker for worker in pool.workers}
            for pipe in connection.wait(list(by_pipe)):
                pool.hear(by_pipe[pipe])  # type: ignore[index]
    finally:
        pool.stop()


def lost(shard: Shard, cause: str) -> GyrosharpError:
    """Return the error for a shard whose workers died."""
    return GyrosharpError(
        f"samples {shard.start} to {shard.stop - 1}: {cause}, {TRIES} times; "
        "use fewer workers if memory is short, then run the same command to go on"
    )


def ending(exitcode: int | None) -> str:
    """Say how a process ended.

    >>> ending(-9)
    'was ended by SIGKILL (out of memory?)'
    >>> ending(1)
    'ended with exit code 1'
    """
    if exitcode is None or exitcode >= 0:
        return f"ended with exit code {exitcode}"
    name = signal.Signals(-exitcode).name
    return f"was ended by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"


def work(pipe: Connection, packed: bytes) -> None:
    """Make the shards that come through a pipe until None comes or the job is gone; an error goes back and ends it."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the job then ends its workers
    cv2.setNumThreads(1)
    line = _Line(pipe, os.getppid())
    with suppress(_JobGoneError), line.leaving_on_request():
        try:
            task: ShardTask = pickle.loads(packed)
            while (shard := line.next_shard()) is not None:
                line.send(make_shard(task, shard, line.tell))
        except Exception as error:
            line.send(portable(error))


class _JobGoneError(BaseException):
    """The job has ended: nobody waits for this worker. No `Exception`, so that no maker can catch it."""


class _Line:
    """A worker's end of the pipe."""

    def __init__(self, pipe: Connection, job_pid: int) -> None:
        self.pipe = pipe
        self.job_pid = job_pid
        self.told_s = 0.0
        self.asked_to_leave = False

    @contextmanager
    def leaving_on_request(self) -> Iterator[None]:
        """Have SIGTERM raise an exception, so that temporary files are removed on the way out."""
        before = signal.signal(signal.SIGTERM, self._leave)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _leave(self, _number: int, _frame: object) -> None:
        self.asked_to_leave = True  # the exception may come where Python drops it, as in a destructor
        raise _JobGoneError

    def next_shard(self) -> Shard | None:
        try:
            shard: Shard | None = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise _JobGoneError from error
        return shard

    def send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise _JobGoneError from error

    def tell(self, state: ShardState | WorkerLost) -> None:
        """Pass on the state now and then, and stop if the job has ended: a worker gets another parent then."""
        if self.asked_to_leave or os.getppid() != self.job_pid:
            raise _JobGoneError
        if time.monotonic() - self.told_s >= TELL_S:
            self.told_s = time.monotonic()
            self.send(state)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts; the new process inherits this, so it never shows a traceback."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # starting the first process would start it, and let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def portable(error: Exception) -> BaseException:
    """Return an error that can be sent to another process; the traceback of what is no `GyrosharpError` goes along."""
    if isinstance(error, GyrosharpError):
        return type(error)(*error.args)
    note = "".join(traceback.format_exception(error))
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    copy.add_note(f"in a worker:\n{note}")
    return copy
