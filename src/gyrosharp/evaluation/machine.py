"""The machine that times are taken on."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gyrosharp.blur.exact import thread_count
from gyrosharp.restore.backends import ONNXRUNTIME, VARIABLE
from gyrosharp.version import __version__


def machine() -> dict[str, Any]:
    """Return where a run takes place, as JSON: version, processor, and the threads that methods may use."""
    return {
        "gyrosharp": __version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "threads": thread_count(),
        "backend": backend(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def machine_name() -> str:
    """Return processor, threads and what runs networks, where that is not onnxruntime, in a few words."""
    threads, chosen = thread_count(), backend()
    other = "" if chosen == ONNXRUNTIME else f", {chosen}"
    return f"{_processor()}, {threads} thread{'s' * (threads != 1)}{other}"


def backend() -> str:
    """Return what runs networks, as asked for; see `gyrosharp.restore.backends`."""
    return os.environ.get(VARIABLE, "") or ONNXRUNTIME


@contextmanager
def opencv_threads() -> Iterator[None]:
    """Let OpenCV take the threads that methods may use, no more: by itself it takes every core."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(thread_count())
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
