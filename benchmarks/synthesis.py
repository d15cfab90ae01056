"""Time the synthesis engine and its parts against their peers in one run, and print Markdown tables for RESULTS.md.

    python benchmarks/synthesis.py [rotation] [depth] [engine] [jobs] [torch] [physics] [encodings]
                                   [--rounds 5] [--images FOLDER] [--gyro LOG ...] [--configs NAME ...]

Peers: a loop over cv2.warpPerspective, one homography per pose; and, where there is depth, a pipeline like that of the
Oulu thesis: per pose a z-buffer in NumPy, holes filled by cv2.inpaint. In `engine` they stand in for the blur alone:
photos, motions, pose counts and all other stages are the same. Objects that move on their own, which `refine` puts into
5 % of its samples, are left out there, as no peer has them. Photos are scikit-image's, continued by mirroring, unless a
folder is given. Without torch its sections are left out.

Everything follows from fixed seeds. BLAS runs on one thread; calls are taken in turn (A B A B ...); times are medians.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray
from run import in_turn, warp_loop

from gyrosharp.blur.depth_operator import INPAINT_RADIUS_PX, DepthOperator
from gyrosharp.blur.encodings import decode, encode, encodings, find_encoding
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.field import BlurField, blur_field
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.job import JobPlan, JobProgress, Record, run_job
from gyrosharp.datasets.synthesis import sample_maker, window_blur
from gyrosharp.datasets.synthesis.config import load_config
from gyrosharp.datasets.synthesis.sample_maker import SampleMaker
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import GyrosharpError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.homography import rotation_homography
from gyrosharp.geometry.rotation import exp_so3
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory

Image = NDArray[np.float32]
Calls = dict[str, Callable[[], object]]
# Name of a config, width and height of a sample.
Case = tuple[str, tuple[int, int]]

SMALL, LARGE = (256, 256), (1280, 800)
ROTATION_POSES, DEPTH_POSES, BATCH = 32, 24, 8
PHYSICS_SIDE = 320
CONFIGS = ("refine", "gyrodeblurnet", "gamd", "depth_imu")
PHOTO_SIZE = (1600, 1000)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
GRAVITY_M_S2 = 9.80665
# What the two peers are called in tables.
LOOP, LOOP_BARE, THESIS = "`cv2.warpPerspective` loop", "the same, no valid mask", "thesis-style pipeline"


class LoopOperator(ExactOperator):
    """The peer for rotation: one cv2.warpPerspective per pose, bilinear, border repeated, float32.

    It knows a global shutter and no lens distortion: all lines take the poses of the middle one. `masked` off, the
    valid mask costs it nothing.
    """

    masked = True

    def forward(self, image: Image) -> Image:
        # OpenCV drops the axis of a single channel.
        picture = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
        return warp_loop(picture, self.homographies).reshape(image.shape)

    @cached_property
    def homographies(self) -> list[NDArray[np.float64]]:
        return pose_homographies(self.motion, self.poses)

    @cached_property
    def coverage(self) -> Image:
        if not self.masked:
            return np.ones(self.shape, np.float32)
        inside, total = np.ones(self.shape, np.float32), np.zeros(self.shape, np.float32)
        for matrix in self.homographies:
            total += cv2.warpPerspective(
                inside, matrix, self.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
        return total / self.poses


class BareLoopOperator(LoopOperator):
    masked = False


def pose_homographies(motion: CameraMotion, poses: int) -> list[NDArray[np.float64]]:
    """Gather homographies K R_ref^T R(t) K^-1 of the poses, at the exposure of the middle line."""
    camera = motion.camera
    middle = ((camera.width - 1) / 2, (camera.height - 1) / 2)
    stamps = motion.line_times_ns(middle, (np.arange(poses) + 0.5) / poses)
    return list(rotation_homography(camera.K, motion.turns(stamps)))


@dataclass
class ThesisOperator:
    """The peer for depth: per pose, colours are splatted to the nearest pixel through a z-buffer and holes inpainted.

    Vectorised NumPy on 8-bit codes; global shutter, no valid mask.
    """

    motion: CameraMotion
    poses: int

    @property
    def coverage(self) -> Image:
        return np.ones((self.motion.camera.height, self.motion.camera.width), np.float32)

    def forward(self, image: Image) -> Image:
        height, width, channels = image.shape
        codes = np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8).reshape(-1, channels)
        total = np.zeros((height, width, channels), np.float32)
        for x, y, depth in self._views():
            view, nearest = _splat(x, y, depth, codes, (height, width))
            holes = np.isinf(nearest).astype(np.uint8)
            view[..., :3] = cv2.inpaint(view[..., :3], holes, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
            total += view
        return total / np.float32(255 * self.poses)

    def _views(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], Image]]:
        """Columns, rows and depths of all reference pixels, one pose after the other."""
        camera, trajectory = self.motion.camera, self.motion.trajectory
        rows, columns = np.mgrid[: camera.height, : camera.width]
        rays = [(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones(rows.shape)]
        depth_m = np.where(np.isfinite(self.motion.depth_m), self.motion.depth_m, 1e3)
        points = (np.stack(rays, axis=-1) * depth_m[..., None]).reshape(-1, 3).astype(np.float32)
        R_ref, p_ref = trajectory.at(self.motion.reference_ns)
        for stamp in self.motion.line_times_ns(np.zeros(2), (np.arange(self.poses) + 0.5) / self.poses):
            R, p = trajectory.at(stamp)
            seen = points @ (R.T @ R_ref).T.astype(np.float32) + (R.T @ (p_ref - p)).astype(np.float32)
            x = np.rint(seen[:, 0] / seen[:, 2] * np.float32(camera.fx) + np.float32(camera.cx))
            y = np.rint(seen[:, 1] / seen[:, 2] * np.float32(camera.fy) + np.float32(camera.cy))
            yield x.astype(np.int32), y.astype(np.int32), seen[:, 2]


def _splat(
    x: NDArray[np.int32], y: NDArray[np.int32], depth: Image, codes: NDArray[np.uint8], shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], Image]:
    """The nearest point's colours (H, W, C) at each pixel, and its depth (H, W), infinite where there is none."""
    height, width = shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    cell, near = (y * width + x)[inside], depth[inside]
    nearest = np.full(height * width, np.inf, np.float32)
    np.minimum.at(nearest, cell, near)
    wins = near <= nearest[cell]
    view = np.zeros((height * width, codes.shape[1]), np.uint8)
    view[cell[wins]] = codes[inside][wins]
    return view.reshape(height, width, -1), nearest.reshape(shape)


def shot(width: int, height: int, readout_s: float = 0.0, focal: float = 900.0, seed: int = 0) -> Capture:
    """A simulated hand, 50 ms, trails of 20 px."""
    imu = hand_tremor(np.random.default_rng(seed), 4.0)
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    shutter = Shutter.TOP_TO_BOTTOM if readout_s else Shutter.GLOBAL
    exposure = Exposure(int(imu.time_ns[0]) + 1_000_000_000, 0.05, readout_s, shutter)
    return scaled_to_trail(Capture(camera, exposure, imu=imu, R_cam_imu=np.eye(3)), 20.0)


def blurred_from_log(capture: Capture, image: Image, threads: int) -> Image:
    """All that a sample's blur takes: integrate the gyro, find the displacements, blur."""
    return ExactOperator(CameraMotion.from_capture(capture), ROTATION_POSES, threads).forward(image)


def rotation(rounds: int) -> None:
    """Gyro log to blurred picture, geometry included.

    Small pictures take turns by the batch: what a call finds in the caches is then what its own kind left there.
    """
    print(f"\n### Blur of one sample under rotation, gyro log included, {ROTATION_POSES} poses, float32 RGB\n")
    print(f"| | threads | global, ms | rolling, ms | {LOOP}, global, ms | ratio, global | rolling |")
    print("|---|---|---|---|---|---|---|")
    for width, height in (SMALL, LARGE):
        image = np.random.default_rng(0).random((height, width, 3), dtype=np.float32)
        still, rolling = (shot(width, height, readout_s) for readout_s in (0.0, 0.015))
        batch = BATCH if (width, height) == SMALL else 1
        for threads in (1, 2):
            calls = rotation_calls(still, rolling, image, threads)
            batches = {
                name: (lambda call=call, batch=batch: [call() for _ in range(batch)]) for name, call in calls.items()
            }
            ms = {name: value / batch for name, value in times_ms(batches, 3 * rounds, threads).items()}
            ratios = [ms["loop"] / ms[name] for name in ("global", "rolling")]
            row = [f"{ms[name]:.1f}" for name in ("global", "rolling", "loop")]
            print(f"| {width} x {height} | {threads} | {' | '.join(row)} | {ratios[0]:.1f} | {ratios[1]:.1f} |")


def rotation_calls(still: Capture, rolling: Capture, image: Image, threads: int) -> Calls:
    return {
        "global": lambda: blurred_from_log(still, image, threads),
        "rolling": lambda: blurred_from_log(rolling, image, threads),
        "loop": lambda: LoopOperator(CameraMotion.from_capture(still), ROTATION_POSES).forward(image),
    }


def times_ms(calls: Calls, rounds: int, threads: int) -> dict[str, float]:
    """Median milliseconds of each call, with OpenCV on so many threads."""
    cv2.setNumThreads(threads)
    seconds = in_turn(calls, rounds)
    cv2.setNumThreads(1)
    return {name: 1e3 * value for name, value in seconds.items()}


def layered_depth(width: int, height: int) -> Image:
    """A wall at 5 m, a slanted plane and three near boxes."""
    y, x = np.mgrid[:height, :width] / height
    depth_m = np.full((height, width), 5.0, np.float32)
    slanted = (x > 0.1) & (x < 0.6) & (y > 0.1) & (y < 0.6)
    depth_m[slanted] = (1 / (0.3 + 0.3 * x))[slanted]
    for x0, y0, size, metres in ((0.65, 0.2, 0.25, 1.6), (0.2, 0.65, 0.25, 1.2), (0.55, 0.6, 0.3, 2.2)):
        depth_m[(x > x0) & (x < x0 + size) & (y > y0) & (y < y0 + size)] = metres
    return depth_m


def moving_shot(width: int, height: int, shutter: Shutter) -> CameraMotion:
    """Turning and shifting: near trails are about 20 px long, half of that apart from those of the wall."""
    time_ns = np.arange(0, 201_000_000, 2_000_000)
    t, focal, trail_px = time_ns * 1e-9, float(width), 20.0
    angles = trail_px / focal * np.stack([0.3 * np.sin(30 * t), 0.4 * np.sin(23 * t), 0.5 * np.sin(17 * t)], axis=-1)
    places = trail_px / focal * np.stack([0.8 * np.cos(20 * t), 0.4 * np.sin(26 * t), 0.5 * np.cos(15 * t)], axis=-1)
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    exposure = Exposure(50_000_000, 0.05, 0.02, shutter)
    poses = PoseTrajectory(time_ns, exp_so3(angles), places)
    reference_ns = exposure.reference_ns(width, height)
    return CameraMotion(camera, exposure, poses, reference_ns, layered_depth(width, height))


def depth(rounds: int) -> None:
    """Depth-aware blur, building the z-buffered tables included."""
    print(f"\n### Blur with depth and translation, {DEPTH_POSES} poses, float32 RGB, poses known\n")
    print(f"| | threads | build + forward, ms | rolling, ms | adjoint, ms | {THESIS}, ms | ratio, global | rolling |")
    print("|---|---|---|---|---|---|---|---|")
    for width, height in (SMALL, (320, 240), LARGE):
        image = np.random.default_rng(0).random((height, width, 3), dtype=np.float32)
        image = cv2.GaussianBlur(image, (0, 0), 1.5)
        still, rolling = (moving_shot(width, height, shutter) for shutter in (Shutter.GLOBAL, Shutter.TOP_TO_BOTTOM))
        for threads in (1, 2):
            few = rounds if width * height < 500_000 else max(rounds // 2, 1)
            ms = times_ms(depth_calls(still, rolling, image, threads), few, threads)
            row = " | ".join(f"{value:.1f}" for value in ms.values())
            ratios = [ms["thesis"] / ms[name] for name in ("global", "rolling")]
            print(f"| {width} x {height} | {threads} | {row} | {ratios[0]:.1f} | {ratios[1]:.1f} |")


def depth_calls(still: CameraMotion, rolling: CameraMotion, image: Image, threads: int) -> Calls:
    ready = DepthOperator(still, DEPTH_POSES, threads)
    return {
        "global": lambda: DepthOperator(still, DEPTH_POSES, threads).forward(image),
        "rolling": lambda: DepthOperator(rolling, DEPTH_POSES, threads).forward(image),
        "adjoint": lambda: ready.adjoint(image),
        "thesis": lambda: ThesisOperator(still, DEPTH_POSES).forward(image),
    }


@dataclass(frozen=True)
class PeerMaker(SynthMaker):
    """The engine, with another blur; empty: its own. It is pickled to workers, so the name stands for the blur."""

    peer: str = ""

    def make(self, index: int) -> Record:
        if not self.peer:
            return super().make(index)
        with patch.object(window_blur, "operator_of_motion", PEERS[self.peer]):
            return super().make(index)


PEERS: dict[str, Callable[..., ExactOperator | ThesisOperator]] = {
    LOOP: lambda motion, poses, **_: LoopOperator(motion, poses),
    LOOP_BARE: lambda motion, poses, **_: BareLoopOperator(motion, poses),
    THESIS: lambda motion, poses, **_: ThesisOperator(motion, poses),
}
# Stages of the engine: what to time, by owner and name. None of them is part of another.
STAGES = (
    (SampleMaker, "_scene", "photo and crop"),
    (sample_maker, "draw_shot", "motion, scaled"),
    (SampleMaker, "_field", "fields"),
    (SampleMaker, "_blurred", "blur"),
    (SampleMaker, "_photographed", "sensor"),
    (SampleMaker, "_encoded", "encodings"),
    (SynthMaker, "_files", "PNG and NPY"),
)


def engine(rounds: int, asked: argparse.Namespace) -> None:
    """The whole engine, with its own blur and with those of its peers."""
    print("\n### Engine, one core: photo to PNG, the blur alone exchanged\n")
    print("Time per sample (median) and samples per second (mean); ratios are medians over the samples.\n")
    print("| config | size | poses | gyrosharp, ms | per s | peer | peer, ms | per s | ratio | of blur alone |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        cases = cases_of(Path(folder), asked)
        profiles = {case: compared(case, maker, samples(case, rounds)) for case, maker in cases.items()}
    print_stages(profiles)


def jobs(rounds: int, asked: argparse.Namespace) -> None:
    """`run_job` into tar shards."""
    print("\n### Engine, `run_job` into tar shards: samples per second\n")
    print("| config | size | 1 worker | 2 workers | peer | peer, 2 workers | ratio |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, maker in cases_of(folder, asked).items():
            print_job(folder, case, maker, samples(case, rounds))


def cases_of(folder: Path, asked: argparse.Namespace) -> dict[Case, "PeerMaker"]:
    """Makers of the configs that were asked for, at each size."""
    return {
        (name, size): case_maker(folder, name, size, asked.images, asked.gyro)
        for name in asked.configs
        for size in sizes_of(name)
    }


def samples(case: Case, rounds: int) -> int:
    """Whole photos, so that decoding has its share; fewer where they take long."""
    width, height = case[1]
    return 4 * (2 * rounds if width * height < 500_000 else max(rounds // 5, 1))


def sizes_of(name: str) -> tuple[tuple[int, int], ...]:
    return ((320, 240), LARGE) if name == "depth_imu" else (SMALL, LARGE)


def case_maker(
    folder: Path, name: str, size: tuple[int, int], images: Path | None, logs: Sequence[Path]
) -> "PeerMaker":
    """The engine of a config at a size; with motion that depends on depth where the config is about depth."""
    changes = (f"picture.size=[{size[0]},{size[1]}]", "blur.moving_objects=0")
    if name != "depth_imu":
        return PeerMaker(load_config(name, changes), (str(images or photos(folder)),), tuple(map(str, logs)))
    changes += ("motion.sources=[{kind: inertial}]",)
    return PeerMaker(load_config(name, changes), (str(photos(folder, depth_maps=True)),), (str(inertial_log(folder)),))


def photos(folder: Path, depth_maps: bool = False) -> Path:
    """scikit-image's photos and their mirror images, continued by mirroring to `PHOTO_SIZE`, as PNG."""
    from skimage import data

    target = folder / ("rgbd" if depth_maps else "photos")
    if target.exists():
        return target
    target.mkdir()
    width, height = PHOTO_SIZE
    for name in PHOTOS:
        picture = getattr(data, name)()[..., ::-1]
        for turned, suffix in ((picture, ""), (picture[::-1], "_flipped")):
            pad = ((0, max(height - turned.shape[0], 0)), (0, max(width - turned.shape[1], 0)), (0, 0))
            large = np.pad(turned, pad, mode="symmetric")[:height, :width]
            cv2.imwrite(str(target / f"{name}{suffix}.png"), large)
            if depth_maps:
                np.save(target / f"{name}{suffix}_depth.npy", layered_depth(width, height))
    return target


def inertial_log(folder: Path) -> Path:
    """A gyro and accelerometer log: a simulated hand that shakes by 1 m/s^2 in each direction, gravity along -y."""
    path = folder / "inertial.gcsv"
    if not path.exists():
        rng = np.random.default_rng(0)
        imu = hand_tremor(rng, 60.0)
        shake = hand_tremor(rng, 60.0, rms_rad_s=1.0).gyro_rad_s
        accel = shake[:, [1, 0, 2]] + np.array([0.0, -GRAVITY_M_S2, 0.0])
        write_gcsv(replace(imu, accel_m_s2=accel), path)
    return path


def compared(case: Case, maker: PeerMaker, count: int) -> dict[str, dict[str, float]]:
    """Make the same samples with every blur, in turn; print a row per peer and return the stages' means, ms."""
    peers = (THESIS,) if case[0] == "depth_imu" else (LOOP, LOOP_BARE)
    makers = {peer: replace(maker, peer=peer) for peer in ("", *peers)}
    logs: dict[str, list[dict[str, float]]] = {peer: [] for peer in makers}
    poses = []
    for one in makers.values():
        one.make(0)
    # What was made first is of another photo than these.
    for index in range(4, 4 + count):
        for peer, one in makers.items():
            record, stages = profiled(one, index)
            logs[peer].append(stages)
        poses.append(record.manifest["blur"]["poses"])
    ours, *others = ({stage: np.array([log[stage] for log in log_]) for stage in log_[0]} for log_ in logs.values())
    for peer, theirs in zip(peers, others, strict=True):
        ratios = " | ".join(f"{np.median(theirs[stage] / ours[stage]):.1f}" for stage in ("total", "blur"))
        mine, other = (f"{np.median(t['total']):.0f} | {1e3 / t['total'].mean():.1f}" for t in (ours, theirs))
        print(f"| {titled(case)} | {np.median(poses):.0f} | {mine} | {peer} | {other} | {ratios} |", flush=True)
    means = ({stage: float(values.mean()) for stage, values in table.items()} for table in (ours, *others))
    return dict(zip(makers, means, strict=True))


def titled(case: Case) -> str:
    name, (width, height) = case
    return f"{name} | {width} x {height}"


def profiled(maker: SynthMaker, index: int) -> tuple[Record, dict[str, float]]:
    """A record, and the milliseconds that each stage took; `total` is all of it."""
    ms = dict.fromkeys((label for _, _, label in STAGES), 0.0)
    with ExitStack() as stack:
        for owner, name, label in STAGES:
            stack.enter_context(patch.object(owner, name, _timed(getattr(owner, name), ms, label)))
        start = time.perf_counter()
        record = maker.make(index)
        ms["total"] = 1e3 * (time.perf_counter() - start)
    return record, ms


def _timed(function: Callable[..., object], ms: dict[str, float], label: str) -> Callable[..., object]:
    def call(*arguments: object, **named: object) -> object:
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            ms[label] += 1e3 * (time.perf_counter() - start)

    return call


def print_stages(profiles: dict[Case, dict[str, dict[str, float]]]) -> None:
    """Where the time goes, and the ratio that a blur without cost would have."""
    labels = [label for _, _, label in STAGES]
    print("\n### Engine, ms per sample and stage (mean; decoding a photo is shared by the samples cut from it)\n")
    print(f"| config | size | {' | '.join(labels)} | rest | total | peer's blur | ratio if our blur took no time |")
    print("|" + "---|" * (len(labels) + 6))
    for case, tables in profiles.items():
        ours, theirs, *_ = tables.values()
        rest = ours["total"] - sum(ours[label] for label in labels)
        row = " | ".join(f"{ours[label]:.1f}" for label in labels)
        bound = theirs["total"] / (ours["total"] - ours["blur"])
        print(f"| {titled(case)} | {row} | {rest:.1f} | {ours['total']:.1f} | {theirs['blur']:.1f} | {bound:.1f} |")


def print_job(folder: Path, case: Case, maker: PeerMaker, count: int) -> None:
    """A row of samples per second of whole jobs."""
    peer = THESIS if case[0] == "depth_imu" else LOOP
    one, two = (job_rate(folder, maker, workers, workers * count) for workers in (1, 2))
    theirs = job_rate(folder, replace(maker, peer=peer), 2, 2 * count)
    print(f"| {titled(case)} | {one:.1f} | {two:.1f} | {peer} | {theirs:.1f} | {two / theirs:.1f} |", flush=True)


def job_rate(folder: Path, maker: SynthMaker, workers: int, count: int) -> float:
    """Samples per second of a job, from its first samples to its last, so that starting processes does not count."""
    states: list[JobProgress] = []
    with tempfile.TemporaryDirectory(dir=folder) as output:
        report = run_job(maker, JobPlan(Path(output), count, shard_size=4, workers=workers), states.append)
    if report.skipped:
        sys.exit(f"engine: expected {count} samples, got {len(report.skipped)} bad ones; {report.skipped[0].reason}")
    first = next(state for state in states if state.done > 0)
    return (count - first.done) / (report.seconds - first.seconds)


def torch_twin(rounds: int) -> None:
    """Samples per second of the torch twin, of the native kernel, and of torch's own grid_sample."""
    if importlib.util.find_spec("torch") is None:
        print("\nNo torch: its section is left out.")
        return
    import torch

    width, height = SMALL
    motions = [CameraMotion.from_capture(shot(width, height, 0.004 * k, seed=k)) for k in range(BATCH)]
    images = np.random.default_rng(0).random((BATCH, height, width, 3), dtype=np.float32)
    print(f"\n### torch {torch.__version__}: batches of {BATCH}, {width} x {height}, {ROTATION_POSES} poses\n")
    print("| device | | samples per s | relative to `grid_sample` |\n|---|---|---|---|")
    places = [("cpu", threads) for threads in (1, 2)] + ([("cuda", 1)] if torch.cuda.is_available() else [])
    for device, threads in places:
        torch.set_num_threads(threads)
        ms = times_ms(torch_calls(motions, images, device, threads), rounds, threads)
        base = ms["`grid_sample` per pose, global shutter"]
        for name, value in ms.items():
            where = f"{device}, {threads} threads" if device == "cpu" else torch.cuda.get_device_name()
            print(f"| {where} | {name} | {1e3 * BATCH / value:.0f} | {base / value:.1f} |")


def torch_calls(motions: list[CameraMotion], images: Image, device: str, threads: int) -> Calls:
    import torch

    from gyrosharp.blur.torch_operator import TorchBlur, shot_grid

    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
    grids = [shot_grid(motion, ROTATION_POSES) for motion in motions]
    maps = np.stack([pose_homographies(motion, ROTATION_POSES) for motion in motions])
    on_device = torch.from_numpy(maps.astype(np.float32)).to(device)
    blurs = [ExactOperator(motion, ROTATION_POSES, threads) for motion in motions]
    for blur in blurs:
        blur.nodes  # noqa: B018 - displacements are made on first use, and have been for the others too

    def finished(result: object) -> object:
        if device == "cuda":
            torch.cuda.synchronize()
        return result

    ready = TorchBlur(grids, batch.shape[2:], device)
    calls: Calls = {
        "twin, grids uploaded, each shot its own rolling shutter": lambda: finished(
            TorchBlur(grids, batch.shape[2:], device)(batch)
        ),
        "twin, adjoint": lambda: finished(ready.adjoint(batch)),
        "`grid_sample` per pose, global shutter": lambda: finished(plain_grid_sample(batch, on_device)),
    }
    if device == "cpu":
        calls["native kernel"] = lambda: [blur.forward(image) for blur, image in zip(blurs, images, strict=True)]
    return calls


def plain_grid_sample(images: "object", maps: "object") -> "object":
    """One torch.nn.functional.grid_sample per pose for the whole batch, its grids made on the fly."""
    import torch

    count, _, height, width = images.shape
    y, x = torch.meshgrid(*(torch.arange(side, device=images.device) for side in (height, width)), indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)]).float().reshape(3, -1)
    scale = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=images.device)
    total = torch.zeros_like(images)
    for pose in range(maps.shape[1]):
        moved = maps[:, pose] @ points
        grid = (moved[:, :2] / moved[:, 2:]).transpose(1, 2) * scale - 1
        grid = grid.reshape(count, height, width, 2)
        total += torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=True)
    return total / maps.shape[1]


def physics(asked: argparse.Namespace) -> None:
    """Samples per second with all that refine sees of physics: solved on the device, and by the native kernel."""
    if importlib.util.find_spec("torch") is None:
        print("\nNo torch: its section is left out.")
        return
    import torch

    from gyrosharp.nets import net_config
    from gyrosharp.training.data.order import Request
    from gyrosharp.training.data.physics_maker import PhysicsShotMaker

    torch.set_num_threads(1)
    config = load_config(
        "refine", (f"picture.size=[{PHYSICS_SIDE}, {PHYSICS_SIDE}]", "motion.sources=[{kind: tremor}]")
    )
    print(f"\n### Samples with physics, {PHYSICS_SIDE} x {PHYSICS_SIDE}, {BATCH} of them\n")
    print("| where | what | samples per s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        maker = SynthMaker(config, (str(asked.images or photos(Path(name))),), seed=1).samples
        make = PhysicsShotMaker(maker, net_config("refine", "small", {}).inputs, flip=False, refiner=None)
        shots = make(Request(0, BATCH, 1.0))
        calls: dict[tuple[str, str], Callable[[], object]] = {
            ("one core", "drawn, blurred, photographed, surveyed"): lambda: make(Request(0, BATCH, 1.0)),
            ("one core", "all of it, physics included: `gyrosharp synth`"): lambda: [*map(maker.sample, range(BATCH))],
        }
        for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
            where = "one core" if device == "cpu" else torch.cuda.get_device_name()
            shots.to(device)
            calls[where, "physics, by the torch twin"] = lambda device=device: shots.to(device).planes.sum().item()
        for (where, what), call in calls.items():
            begin = time.perf_counter()
            call()
            print(f"| {where} | {what} | {BATCH / (time.perf_counter() - begin):.2f} |")


def encoding_table(rounds: int) -> None:
    """Time to encode, and what decoding loses."""
    fields = [blur_field(shot(256, 256, 0.004, seed=seed), stride=2) for seed in range(16)]
    calls = {name: (lambda name=name: encode(name, fields[0])) for name in encodings()}
    ms = times_ms(calls, 5 * rounds, 1)
    times, rows, columns, _ = fields[0].displacement_px.shape
    print(f"\n### Encodings of a field ({times}, {rows}, {columns}, 2), default options, one thread\n")
    print("Errors over 16 simulated hands, 50 ms, trails of 20 px (median), rolling shutter of 4 ms over the crop.\n")
    print("| encoding | planes | encode, ms | decode error: median, px | 95 % | worst |\n|---|---|---|---|---|---|")
    for name in encodings():
        errors = np.concatenate([decode_errors_px(name, one) for one in fields])
        median, high, worst = np.percentile(errors, [50, 95, 100])
        planes = encode(name, fields[0]).shape[0]
        print(f"| `{name}` | {planes} | {ms[name]:.2f} | {median:.3f} | {high:.3f} | {worst:.3f} |")


def decode_errors_px(name: str, one: BlurField) -> NDArray[np.float64]:
    """Distances between decoded and true trajectories, from the encoding's own reference instant on."""
    true = one.displacement_px.astype(np.float64)
    origin = true[0] if find_encoding(name).REFERENCE == "start" else true[true.shape[0] // 2]
    decoded = decode(name, encode(name, one), one.phases)
    return np.linalg.norm(decoded - (true - origin), axis=-1).ravel()


def main() -> None:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ("rotation", "depth", "engine", "jobs", "torch", "physics", "encodings")
    parser.add_argument("parts", nargs="*", choices=[*known, []])
    parser.add_argument("--rounds", type=int, default=5, help="more rounds, steadier medians")
    parser.add_argument("--images", type=Path, help="photos for the engine; scikit-image's if not given")
    parser.add_argument("--gyro", type=Path, nargs="*", default=[], help="gyro logs for the engine, besides its tremor")
    parser.add_argument("--configs", nargs="*", default=CONFIGS, choices=CONFIGS, help="configs of the engine")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    for part in given.parts or known:
        {
            "rotation": lambda: rotation(given.rounds),
            "depth": lambda: depth(given.rounds),
            "engine": lambda: engine(given.rounds, given),
            "jobs": lambda: jobs(given.rounds, given),
            "torch": lambda: torch_twin(given.rounds),
            "physics": lambda: physics(given),
            "encodings": lambda: encoding_table(given.rounds),
        }[part]()


ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "GYROSHARP_THREADS": "1"}

if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # BLAS looks at the environment when it is loaded, which is before this line: begin again.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    try:
        main()
    except GyrosharpError as error:
        sys.exit(f"error: {error}")
