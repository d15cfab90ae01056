"""The machine that times are taken on."""

import os
import platform
from pathlib import Path
from typing import Any

from gyrosharp.blur.exact import thread_count
from gyrosharp.version import __version__


def machine() -> dict[str, Any]:
    """Return where a run takes place, as JSON: version, processor, and the threads that methods may use."""
    return {
        "gyrosharp": __version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "threads": thread_count(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def machine_name() -> str:
    """Return processor and threads in a few words."""
    threads = thread_count()
    return f"{_processor()}, {threads} thread" + "s" * (threads != 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
