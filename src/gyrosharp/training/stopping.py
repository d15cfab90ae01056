"""Stopping at the end of a step rather than in the middle of it, when the user or the system asks for it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether a stop was asked for (SIGINT, which is Ctrl-C, or SIGTERM)."""

    def __init__(self) -> None:
        self.asked = False

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:  # whoever asks twice does not want to wait for a checkpoint
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Take signals until the block ends; a second one interrupts at once. Outside the main thread none are taken."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    earlier = {number: signal.signal(number, request._take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
