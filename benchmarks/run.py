"""Time gyrosharp against its peers in one run, and print Markdown tables for RESULTS.md.

    python benchmarks/run.py [operator] [solver] [photo] [startup] [--megapixels 12]

Peers that are not installed (torch, scikit-image) are left out. Times are medians; ratios are between medians of calls
taken in turn (A B A B ...), so that a drift of the machine's speed cancels.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from gyrosharp.blur.exact import ExactOperator, thread_count
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.uniform import UniformOperator
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.synthesis.trail_length import median_trail_px
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.solvers import Facts, find_method

POSES = 32
# Of the comparison with scikit-image.
ITERATIONS = 10


def shaken_capture(width: int, height: int, trail_px: float, shutter: Shutter) -> Capture:
    """A hand shake whose median trail is about `trail_px`."""
    focal = 0.8 * width
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    exposure = Exposure(500_000_000, 0.05, 0.018, shutter)
    imu = hand_tremor(np.random.default_rng(0), 1.2)
    capture = Capture(camera, exposure, imu=imu)
    scale = trail_px / median_trail_px(capture)
    scaled = hand_tremor(np.random.default_rng(0), 1.2, rms_rad_s=0.3 * scale)
    return Capture(camera, exposure, imu=scaled)


def in_turn(calls: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each call, the calls taken in turn after one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def warp_loop(image: np.ndarray, maps: list[np.ndarray]) -> np.ndarray:
    """The usual way: one cv2.warpPerspective per pose, summed."""
    total = np.zeros_like(image)
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for matrix in maps:
        total += cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return total / len(maps)


def homographies(motion: CameraMotion) -> list[np.ndarray]:
    """The gather homographies of the poses, for a global shutter."""
    phases = (np.arange(POSES) + 0.5) / POSES
    times = motion.line_times_ns([0.0, 0.0], phases)
    R_ref, _ = motion.trajectory.at(motion.reference_ns)
    R_t, _ = motion.trajectory.at(times)
    K = motion.camera.K
    return [K @ R_ref.T @ R @ np.linalg.inv(K) for R in R_t]


def torch_loop(image: np.ndarray, maps: list[np.ndarray]) -> Callable[[], object] | None:
    """torch.nn.functional.grid_sample per pose, grids built on the fly; None without torch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(thread_count())
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()
    height, width = image.shape[:2]
    ys, xs = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    points = torch.stack([xs, ys, torch.ones_like(xs)], dim=-1).reshape(-1, 3)

    def call() -> object:
        total = torch.zeros_like(tensor)
        for matrix in maps:
            moved = points @ torch.from_numpy(matrix.T.astype(np.float32))
            grid = moved[:, :2] / moved[:, 2:]
            grid = (2 * grid / torch.tensor([width - 1, height - 1]) - 1).reshape(1, height, width, 2)
            total += torch.nn.functional.grid_sample(tensor, grid, padding_mode="border", align_corners=True)
        return total / len(maps)

    return call


def operator(width: int, height: int) -> None:
    """Forward and adjoint against cv2 (and torch)."""
    image = np.random.default_rng(0).random((height, width, 3), dtype=np.float32)
    motions = {
        name: CameraMotion.from_capture(shaken_capture(width, height, 40.0, shutter))
        for name, shutter in (("global", Shutter.GLOBAL), ("rolling", Shutter.TOP_TO_BOTTOM))
    }
    ops = {name: ExactOperator(motion, POSES) for name, motion in motions.items()}
    maps = homographies(motions["global"])
    calls: dict[str, Callable[[], object]] = {
        "forward": lambda: ops["global"].forward(image),
        "forward, rolling shutter": lambda: ops["rolling"].forward(image),
        "adjoint": lambda: ops["global"].adjoint(image),
        "adjoint, rolling shutter": lambda: ops["rolling"].adjoint(image),
        "cv2.warpPerspective loop": lambda: warp_loop(image, maps),
    }
    peer = torch_loop(image, maps) if width * height <= 2_000_000 else None
    if peer is not None:
        calls["torch grid_sample loop"] = peer
    seconds = in_turn(calls)
    base = seconds["forward"]
    print(f"\n### Operator, {width} x {height} x 3 float32, {POSES} poses, {thread_count()} threads\n")
    print("| | ms | relative to forward |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value * 1e3:.0f} | {value / base:.2f} |")
    error = np.abs(ops["global"].forward(image) - warp_loop(image, maps))[64:-64, 64:-64].max()
    print(f"\nLargest difference to cv2 away from the border: {error:.1e} of full scale.")


def solver(width: int, height: int) -> None:
    """Our solvers, and one Richardson-Lucy iteration against scikit-image's at the same number of iterations."""
    capture = shaken_capture(width, height, 20.0, Shutter.TOP_TO_BOTTOM)
    op = ExactOperator(CameraMotion.from_capture(capture), POSES)
    observed = op.forward(np.random.default_rng(0).random((height, width, 3), dtype=np.float32))
    problem = Problem(observed, op, 0.01, np.ones(op.shape, np.float32))
    facts = Facts(problem.noise_std, float(observed.mean()), 20.0)
    seconds = in_turn({name: solve_call(name, problem, facts) for name in ("rl", "map", "wiener")}, rounds=3)
    print(f"\n### Solvers, {width} x {height} x 3, 20 px trails, rolling shutter, {thread_count()} threads\n")
    print("| method | s | iterations |\n|---|---|---|")
    for name, value in seconds.items():
        steps = getattr(find_method(name).plan(facts, False), "iterations", "")
        print(f"| {name} | {value:.2f} | {steps} |")
    richardson_lucy_iteration(problem, facts)


def solve_call(name: str, problem: Problem, facts: Facts, **changes: object) -> Callable[[], object]:
    """A call that solves a problem with the settings that a method plans for it."""
    method = find_method(name)
    settings = method.plan(facts, False)
    settings = replace(settings, **changes) if changes else settings
    return lambda: method.solve(problem, None, settings, None)


def richardson_lucy_iteration(problem: Problem, facts: Facts) -> None:
    """The time of one iteration: all of them, over their number.

    What is compared: ours blurs along every pixel's own trail, with a rolling shutter; scikit-image's convolves the
    whole image with one kernel, by FFT, one channel after the other. Both run the same number of iterations on the
    same colour image, ours plain (no total variation, no momentum) as well as in full.
    """
    kernel = uniform_kernel(20)
    calls: dict[str, Callable[[], object]] = {
        "`rl-plain`: own trail per pixel": solve_call("rl-plain", problem, facts, iterations=ITERATIONS),
        "`rl`: the same, with total variation and momentum": solve_call("rl", problem, facts, iterations=ITERATIONS),
        "`rl-plain --psf`: one kernel": solve_call(
            "rl-plain",
            replace(problem, operator=UniformOperator(kernel, problem.observed.shape[:2])),
            facts,
            iterations=ITERATIONS,
        ),
    }
    peer = skimage_richardson_lucy(problem.observed, kernel)
    if peer is not None:
        calls["scikit-image `richardson_lucy`: one kernel, three channels in turn"] = peer
    seconds = in_turn(calls, rounds=3)
    height, width = problem.observed.shape[:2]
    print(f"\n### RL iteration, {width} x {height} x 3 float32, mean over {ITERATIONS} iterations\n")
    print("| | ms per iteration |\n|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value / ITERATIONS * 1e3:.0f} |")


def skimage_richardson_lucy(image: np.ndarray, kernel: np.ndarray) -> Callable[[], object] | None:
    """scikit-image's Richardson-Lucy on each channel; None without scikit-image."""
    try:
        from skimage.restoration import richardson_lucy
    except ImportError:
        return None
    channels = [np.ascontiguousarray(image[..., c]) for c in range(image.shape[2])]
    return lambda: [richardson_lucy(channel, kernel, ITERATIONS) for channel in channels]


def uniform_kernel(length: int) -> np.ndarray:
    """A straight 20 px trail, slanted: what one kernel for the whole image looks like."""
    kernel = np.zeros((length + 1, length + 1), np.float32)
    cv2.line(kernel, (0, length // 4), (length, length - length // 4), 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()


def photo(width: int, height: int) -> None:
    """End to end: read a JPEG, deblur, write it."""
    print(f"\n### A {width * height / 1e6:.0f} MP JPEG end to end\n\n| method | s | peak memory, GB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        capture = shaken_capture(width, height, 30.0, Shutter.TOP_TO_BOTTOM)
        blurred = ExactOperator(CameraMotion.from_capture(capture), 64).forward(scenery(width, height))
        blurred += np.random.default_rng(1).normal(0, 0.01, blurred.shape).astype(np.float32)
        cv2.imwrite(str(folder / "photo.jpg"), np.uint8(255 * np.clip(blurred, 0, 1) ** (1 / 2.2)))
        write_gcsv(capture.imu, folder / "log.gcsv")
        logged = Capture(
            capture.camera,
            capture.exposure,
            ImageSource(folder / "photo.jpg"),
            type(capture.imu)(capture.imu.time_ns, capture.imu.gyro_rad_s, source=str(folder / "log.gcsv")),
        )
        save_capture(logged, folder / "photo.capture.json")
        for method in ("rl", "auto"):
            command = [sys.executable, "-m", "gyrosharp", "deblur", str(folder / "photo.capture.json"), "-f"]
            command += ["-o", str(folder / "out.jpg"), "--method", method]
            seconds, peak_gb = timed_process(command)
            print(f"| {method} | {seconds:.1f} | {peak_gb:.2f} |", flush=True)
            decision = json.loads((folder / "out.jpg.json").read_text())["diagnostics"]["decision"]
            if decision != "deblurred":
                sys.exit(f"{method}: expected a deblurred photo, got one that is {decision}")


def scenery(width: int, height: int) -> np.ndarray:
    """A textured picture: random blocks of many sizes on top of each other."""
    rng = np.random.default_rng(0)
    total = np.zeros((height, width, 3), np.float32)
    sizes = (3, 6, 13, 29, 67, 150)
    for size in sizes:
        blocks = rng.random((height // size + 1, width // size + 1, 3), dtype=np.float32)
        total += cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
    return total / len(sizes)


def timed_process(command: list[str]) -> tuple[float, float]:
    """Wall-clock seconds and peak memory (GB) of a process of its own; what it says on failure goes to the terminal."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(said)
    # Linux counts in KiB, macOS in bytes.
    return time.perf_counter() - start, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def startup() -> None:
    """Help against importing numpy."""

    def python(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    seconds = in_turn(
        {
            "import numpy": python("import numpy"),
            "gyrosharp --help": python("from gyrosharp.cli.main import main; main(['--help'])"),
        },
        rounds=9,
    )
    print("\n### Start-up\n\n| | ms |\n|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value * 1e3:.0f} |")


def main() -> None:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["operator", "solver", "photo", "startup", []])
    parser.add_argument("--megapixels", type=float, default=12.0)
    arguments = parser.parse_args()
    width = round((arguments.megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    parts = arguments.parts or ["operator", "solver", "photo", "startup"]
    for part in parts:
        {
            "operator": lambda: (operator(1200, 900), operator(width, height)),
            "solver": lambda: solver(*(round(side * min(1.0, 1200 / width)) for side in (width, height))),
            "photo": lambda: photo(width, height),
            "startup": startup,
        }[part]()


if __name__ == "__main__":
    main()
