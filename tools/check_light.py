"""Check a light install: nothing heavy is there or is loaded early, and help answers quickly.

With GYROSHARP_REQUIRE_NATIVE=1 the compiled kernel has to be there, too.

Run with the Python of the light environment. Exits non-zero, naming what is wrong.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import time

ABSENT = ("torch", "torchvision", "gradio", "ray", "skimage")
# Modules that only a verb's own worker may load.
LAZY = ("numpy", "scipy", "cv2", "av", "onnxruntime", "PIL", "pydantic", "rich", "tifffile", "yaml")
HELP_RATIO = 3.0
RUNS = 9


def seconds(code: str) -> float:
    """Median wall time of a fresh Python that runs the code."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def native_kernel() -> bool:
    """Whether the installed package has its compiled kernel, and which variants run here."""
    code = "import gyrosharp.blur._kernel as kernel; print(*kernel.supported_variants())"
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    if ran.returncode == 0:
        print(f"compiled kernel: {ran.stdout.strip()}")
    return ran.returncode == 0


def problems() -> list[str]:
    """What is wrong, one line each."""
    found = [f"{name} is installed" for name in ABSENT if importlib.util.find_spec(name)]
    loaded = subprocess.run(
        [sys.executable, "-c", "import gyrosharp.cli.main, sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    found += [f"the command line loads {name} before any verb runs" for name in LAZY if name in loaded]
    if os.environ.get("GYROSHARP_REQUIRE_NATIVE") == "1" and not native_kernel():
        found.append("the compiled kernel was not built: everything runs on the slow NumPy reference")
    base = seconds("import numpy")
    help_time = seconds("import sys; sys.argv = ['gyrosharp', '--help']; from gyrosharp.cli.main import main; main()")
    ratio = help_time / base
    print(f"gyrosharp --help: {help_time * 1e3:.0f} ms, {ratio:.2f} times `import numpy` ({base * 1e3:.0f} ms)")
    if ratio > HELP_RATIO:
        found.append(f"gyrosharp --help takes {ratio:.1f} times as long as `import numpy`, more than {HELP_RATIO:g}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or 0)
