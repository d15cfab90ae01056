"""Memory allocation: keep the pages of freed arrays, which the next step needs again."""

import ctypes
import sys

# Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
# glibc serves requests above 32 MB (at most) straight from the kernel and gives them back at once: each step of a
# training, or of a solver, then faults in its pictures page by page. These thresholds lie above any of them.
KEPT_BYTES = 2**30


def keep_freed_pages() -> bool:
    """Make glibc's malloc keep freed memory in the process; return whether it did.

    Elsewhere (other systems, other C libraries) nothing happens. Memory use rises to the highest that was ever needed.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
