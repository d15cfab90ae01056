"""Deblur a made-up clip with a known truth: what is gained, how fast, against a loop over the command line.

    python benchmarks/video.py [--frames 60] [--loop 4] [--keep FOLDER] [--codec ffv1] [--figure FILE]

A camera pans over a mosaic of scikit-image's photos (720p, 10 bit, variable frame rate) in a hand whose tremor comes
and goes. Blurred with 160 poses along the true motion, rolling shutter included, with shot noise; what the deblurrer is
given is a 400 Hz gyro log with noise, a bias, and an offset of 3 ms.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.capture.recording import Recording
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.movie_reader import MovieFrame, movie_info, read_frames
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore.video import VideoReport, deblur_movie

Image = NDArray[np.float32]

WIDTH, HEIGHT, FOCAL_PX = 1280, 720, 1024.0
EXPOSURE_S, READOUT_S = 0.025, 0.016
LEAD_S = 0.4
POSES = 160
MARGIN_PX = 64
SHOT_GAIN, READ_STD = 1e-4, 1e-3
OFFSET_S, BIAS_RAD_S, GYRO_NOISE_RAD_S = 0.003, (0.008, -0.006, 0.004), 0.004
TIME_BASE = Fraction(1, 90_000)


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip, its truth, and what its devices recorded."""

    world: Image
    camera: CameraModel
    stamps: NDArray[np.int64]
    imu: ImuRecording

    def capture(self, index: int) -> Capture:
        """The true motion of a frame."""
        start_ns = round(1e9 * (LEAD_S + float(self.stamps[index] * TIME_BASE)))
        return Capture(self.camera, Exposure(start_ns, EXPOSURE_S, READOUT_S), imu=self.imu)

    def view(self, capture: Capture) -> Image:
        """What a camera sees of the world at the capture's reference time."""
        model = capture.camera
        R = self.true_path.at(capture.reference_ns)[0]
        height, width = self.world.shape[:2]
        K_world = np.array([[FOCAL_PX, 0, (width - 1) / 2], [0, FOCAL_PX, (height - 1) / 2], [0, 0, 1]])
        to_world = K_world @ R @ np.linalg.inv(model.K)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        seen = cv2.warpPerspective(
            self.world, to_world, (model.width, model.height), flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.clip(seen, 0, 1)

    @cached_property
    def true_path(self) -> PoseTrajectory:
        """Where the camera looked."""
        return PoseTrajectory.from_gyro(self.imu.time_ns, self.imu.gyro_rad_s)

    def sharp(self, index: int) -> Image:
        """The truth, linear light."""
        return self.view(self.capture(index))

    def blurred(self, index: int) -> Image:
        """What the sensor reads, linear light; blurred with a margin around it, so that no border is made up."""
        m = MARGIN_PX
        wide = self.capture(index).cropped(-m, -m, self.camera.width + 2 * m, self.camera.height + 2 * m)
        light = ExactOperator(CameraMotion.from_capture(wide), POSES).forward(self.view(wide))[m:-m, m:-m]
        rng = np.random.default_rng(1000 + index)
        noise = np.sqrt(SHOT_GAIN * light + READ_STD**2) * rng.standard_normal(light.shape)
        return np.clip(light + noise, 0, 1).astype(np.float32)

    def recording(self, movie: Path) -> Recording:
        """What the devices recorded, with their errors."""
        rng = np.random.default_rng(7)
        rates = self.imu.gyro_rad_s + BIAS_RAD_S + GYRO_NOISE_RAD_S * rng.standard_normal(self.imu.gyro_rad_s.shape)
        imu = replace(self.imu, gyro_rad_s=rates, time_ns=self.imu.time_ns - round(OFFSET_S * 1e9))
        return Recording(
            source=movie,
            layout="memory",
            frames=tuple(ImageSource(movie, k) for k in range(len(self.stamps))),
            size_px=(self.camera.width, self.camera.height),
            start_ns=np.array([self.capture(k).exposure.start_ns for k in range(len(self.stamps))]),
            exposure_s=np.array(EXPOSURE_S),
            camera=self.camera,
            readout_s=READOUT_S,
            imu=imu,
            R_cam_imu=np.eye(3),
        )


def mosaic(width: int, height: int) -> Image:
    """A big picture of scikit-image's photos, linear light."""
    from skimage import data

    photos = [getattr(data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    rows, total, k = [], 0, 0
    while total < height:
        row, filled = [], 0
        while filled < width:
            photo = photos[k % 4][:300] if k % 3 else photos[k % 4][-300:, ::-1]
            row.append(photo)
            filled += photo.shape[1]
            k += 1
        rows.append(np.hstack(row)[:, :width])
        total += 300
    return SRGB.decode(np.vstack(rows)[:height] / 255.0).astype(np.float32)


def made_clip(frames: int = 60, scale: float = 1.0, seed: int = 0) -> Clip:
    """Variable frame rate around 30 Hz; the hand is still, shakes, is still, and shakes."""
    rng = np.random.default_rng(seed)
    ticks = rng.choice([2970, 3000, 3030, 3600], size=frames, p=[0.3, 0.4, 0.2, 0.1])
    stamps = np.concatenate([[0], np.cumsum(ticks[:-1])]).astype(np.int64)
    length_s = float(stamps[-1] * TIME_BASE)
    imu = hand_tremor(rng, length_s + 2 * LEAD_S, rms_rad_s=0.33)
    t = imu.time_ns * 1e-9 - LEAD_S
    phase = np.clip(t / length_s, 0, 1)
    shaking = np.clip(0.02 + 1.4 * np.sin(2 * np.pi * phase) ** 2, 0.02, 1.0)
    pan = 0.15 * np.stack([np.cos(3 * t), np.sin(2 * t + 1), 0.3 * np.sin(t)], axis=-1)
    imu = replace(imu, gyro_rad_s=shaking[:, None] * (imu.gyro_rad_s + pan))
    width, height = round(WIDTH * scale), round(HEIGHT * scale)
    focal = FOCAL_PX
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    return Clip(mosaic(width + 640, height + 640), camera, stamps, imu)


def write_movie(
    path: Path, clip: Clip, pictures: Iterable[Image], codec: str = "ffv1", pix_fmt: str = "yuv420p10le"
) -> None:
    """Encode linear pictures (H, W, 3) with the clip's stamps; BT.709, limited range."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = clip.camera.width, clip.camera.height
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        for stamp, picture in zip(clip.stamps, pictures, strict=True):
            codes = np.rint(SRGB.encode(picture) * 65535).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(codes, format="rgb48le")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.colorspace, frame.color_range = 1, 1
            frame.pts, frame.time_base = int(stamp), TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def same(before: MovieFrame, after: MovieFrame) -> bool:
    """Whether two frames hold the same codes."""
    planes = zip(before.picture.planes, after.picture.planes, strict=True)
    return all(np.array_equal(np.asarray(p), np.asarray(q)) for p, q in planes)


def show_quality(clip: Clip, source: Path, target: Path, report: VideoReport) -> None:
    """Gain over the frames that are blurred, and what became of the others."""
    gains, kept, left = [], 0, 0
    for before, after in zip(read_frames(source), read_frames(target), strict=True):
        if report.rows[before.index].strength > 0:
            sharp = clip.sharp(before.index)
            gains.append(psnr_srgb(after.linear(), sharp) - psnr_srgb(before.linear(), sharp))
        else:
            left += 1
            kept += same(before, after)
    found = report.calibration.refined
    changes = np.abs(np.diff([row.strength for row in report.rows]))
    print(f"| mean gain over {len(gains)} blurred frames, dB | {np.mean(gains):+.2f} |")
    print(f"| least and largest gain, dB | {min(gains):+.2f}, {max(gains):+.2f} |")
    print(f"| frames left alone, and the same bit for bit | {left}, {kept} |")
    print(f"| largest change of strength between frames | {changes.max():.2f} |")
    print(
        f"| offset found, true {OFFSET_S * 1e3:.1f} ms | {found.time_offset_s * 1e3:.2f} +- "
        f"{found.time_offset_std_s * 1e3:.2f} ms |"
    )
    print(f"| focal length factor found, true 1 | {found.focal_factor:.3f} +- {found.focal_factor_std:.3f} |")
    same_stamps = np.array_equal(movie_info(source).times_s, movie_info(target).times_s)
    print(f"| stamps as in the source | {'yes' if same_stamps else 'NO'} |")


def cpu_seconds() -> float:
    """Core-seconds of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def loop_seconds(recording: Recording, source: Path, frames: Iterable[int], folder: Path) -> tuple[float, float]:
    """Mean wall-clock and core-seconds of `gyrosharp deblur FRAME.capture.json`, a process per frame."""
    write_gcsv(recording.imu, folder / "log.gcsv")
    imu = replace(recording.imu, source=str(folder / "log.gcsv"))
    commands = []
    for index in frames:
        image = folder / f"frame{index}.png"
        codes = np.rint(SRGB.encode(next(read_frames(source, index)).linear()) * 65535).astype(np.uint16)
        cv2.imwrite(str(image), codes[..., ::-1])
        capture = replace(recording[index], imu=imu, image=ImageSource(image), notes=())
        save_capture(capture, folder / f"frame{index}.capture.json")
        description = str(folder / f"frame{index}.capture.json")
        commands.append(
            [sys.executable, "-m", "gyrosharp", "deblur", description, "-o", str(folder / f"out{index}.png")]
        )
    begun, cpu = time.perf_counter(), cpu_seconds()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - begun) / len(commands), (cpu_seconds() - cpu) / len(commands)


def show_speed(clip: Clip, source: Path, seconds: tuple[float, float], loop: int, report: VideoReport) -> None:
    """Rate of the whole clip, and of a loop over its frames, some of which are timed."""
    count = len(clip.stamps)
    (wall, cpu), recording = seconds, clip.recording(source)
    chosen = np.unique(np.linspace(0, count - 1, loop).round().astype(int)) if loop else np.empty(0, int)
    print(f"| frames per second | {count / wall:.2f} |")
    print(f"| core-seconds per frame | {cpu / count:.2f} |")
    if chosen.size:
        with tempfile.TemporaryDirectory() as folder:
            loop_wall, loop_cpu = loop_seconds(recording, source, chosen.tolist(), Path(folder))
        blurred = np.mean([report.rows[k].strength > 0 for k in chosen])
        print(
            f"| loop over the command line, {chosen.size} frames ({blurred:.0%} of them blurred): s per frame | "
            f"{loop_wall:.2f} |"
        )
        print(f"| the same, core-seconds per frame | {loop_cpu:.2f} |")
        print(
            f"| ratio of wall-clock times, of core-seconds | {loop_wall * count / wall:.1f}, "
            f"{loop_cpu * count / cpu:.1f} |"
        )


def save_figure(path: Path, source: Path, target: Path, report: VideoReport) -> None:
    """Draw the middle of the most blurred frame, before and after (docs/figures/video.jpg)."""
    full = [row for row in report.rows if row.strength > 0.99 and row.extent_px is not None]
    number = max(full, key=lambda row: row.extent_px or 0.0).frame
    frames = (next(read_frames(movie, number)).linear() for movie in (source, target))
    pair = np.hstack([SRGB.encode(frame)[150:570, 320:960] for frame in frames])
    cv2.imwrite(str(path), np.rint(255 * pair).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Make the clip, deblur it, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--loop", type=int, default=6)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--codec", default="ffv1")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    clip = made_clip(arguments.frames)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        source, target = folder / "clip.mkv", folder / "sharp.mkv"
        write_movie(source, clip, (clip.blurred(k) for k in range(arguments.frames)), arguments.codec)
        begun, cpu = time.perf_counter(), cpu_seconds()
        report = deblur_movie(clip.recording(source), target, force=True, resume=False)
        seconds = time.perf_counter() - begun, cpu_seconds() - cpu
        print(f"{report.summary()}\n\n| {arguments.frames} frames of {WIDTH} x {HEIGHT}, 10 bit, {arguments.codec} | |")
        print("|---|---|")
        show_quality(clip, source, target, report)
        if arguments.figure is not None:
            save_figure(arguments.figure, source, target, report)
        show_speed(clip, source, seconds, arguments.loop, report)


if __name__ == "__main__":
    main()
