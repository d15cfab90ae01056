"""Time gyrosharp against its peers in one run, and print Markdown tables for RESULTS.md.

    python benchmarks/run.py [operator] [solver] [photo] [startup] [--megapixels 12]

Peers that are not installed (torch, scikit-image) are left out. Times are medians; ratios are between medians of calls
taken in turn (A B A B ...), so that a drift of the machine's speed cancels.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from gyrosharp.blur.exact import ExactOperator, thread_count
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.synthesis.shot import median_trail_px
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter

POSES = 32


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
    ys, xs = torch.meshgrid(torch.arange(height, dtype=torch.float32), torch.arange(width, dtype=torch.float32))
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


def solver() -> None:
    """Richardson-Lucy iterations against scikit-image's, which knows one kernel for the whole image."""
    from gyrosharp.restore.problem import Problem
    from gyrosharp.restore.solvers import solver_named

    capture = shaken_capture(1200, 900, 20.0, Shutter.TOP_TO_BOTTOM)
    op = ExactOperator(CameraMotion.from_capture(capture), POSES)
    observed = op.forward(np.random.default_rng(0).random((900, 1200, 3), dtype=np.float32))
    problem = Problem(observed, op, 0.01, np.ones(op.shape, np.float32))
    calls: dict[str, Callable[[], object]] = {
        name: (lambda name=name: solver_named(name).solve(problem)) for name in ("rl", "wiener", "map")
    }
    try:
        from skimage.restoration import richardson_lucy

        kernel = np.full((21, 21), 1 / 441, np.float32)
        calls["skimage richardson_lucy, 10 iterations, one 21 x 21 kernel, grey"] = lambda: richardson_lucy(
            observed[..., 0], kernel, 10
        )
    except ImportError:
        pass
    print("\n### Solvers, 1200 x 900 x 3, 20 px trails\n\n| | s |\n|---|---|")
    for name, value in in_turn(calls, rounds=3).items():
        print(f"| {name} | {value:.2f} |")


def photo(width: int, height: int) -> None:
    """End to end: read a JPEG, deblur, write it."""
    print(f"\n### A {width * height / 1e6:.0f} MP JPEG end to end\n\n| method | s | peak memory, GB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        capture = shaken_capture(width, height, 30.0, Shutter.TOP_TO_BOTTOM)
        coarse = np.random.default_rng(0).random((height // 20, width // 20, 3), dtype=np.float32)
        sharp = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        blurred = ExactOperator(CameraMotion.from_capture(capture), 64).forward(sharp)
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
            start = time.perf_counter()
            subprocess.run([*command, "-o", str(folder / "out.jpg"), "--method", method], check=True)
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            print(f"| {method} | {seconds:.1f} | {peak:.2f} |")


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
            "solver": solver,
            "photo": lambda: photo(width, height),
            "startup": startup,
        }[part]()


if __name__ == "__main__":
    main()
