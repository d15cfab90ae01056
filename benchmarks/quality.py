"""Measure what methods gain, and whether they do harm; prints a Markdown table for RESULTS.md.

    python benchmarks/quality.py [--methods auto rl ...] [--cases exact errors ...] [--photos FOLDER] [--shots 24]

Photos are scikit-image's unless a folder is given; the hand is simulated (`gyrosharp.datasets.synthesis`): trails of
12 to 32 px, rolling shutter of 18 ms, 1 % noise, 8 bit. Blurred with 160 poses, so that no method inverts the operator
that made its input.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.shot import ShakeSettings, Shot, observed, shaken_shot
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.media.image_file import read_image
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore.deblur import deblur

Image = NDArray[np.float32]

SIDE_PX = 512
START_S = 0.3
NOISE = 0.01
BUNDLED = ("astronaut", "coffee", "chelsea", "rocket", "camera", "cat")


@dataclass(frozen=True)
class Case:
    """One kind of shot: trails, and what is done to capture and picture after the shutter closed."""

    name: str
    trails_px: tuple[float, float]
    spoiled: Callable[[Shot, np.random.Generator], tuple[Capture, Image]]


def exact(shot: Shot, _: np.random.Generator) -> tuple[Capture, Image]:
    """Everything as it was."""
    return shot.capture, shot.blurred_linear


def all_errors(shot: Shot, rng: np.random.Generator) -> tuple[Capture, Image]:
    """Noise 0.01 rad/s, bias 0.02 rad/s, offset 4 ms and focal length 4 % off."""
    capture = shot.capture
    axis = rng.standard_normal(3)
    assert capture.imu is not None
    rates = capture.imu.gyro_rad_s + 0.02 * axis / np.linalg.norm(axis)
    imu = replace(capture.imu, gyro_rad_s=rates + 0.01 * rng.standard_normal(rates.shape))
    offset_s = capture.time_offset_s + 0.004 * rng.choice([-1, 1])
    camera = capture.camera.refocused(1 + 0.04 * rng.choice([-1, 1]))
    return replace(capture, imu=imu, time_offset_s=offset_s, camera=camera), shot.blurred_linear


def other_gyro(shot: Shot, rng: np.random.Generator) -> tuple[Capture, Image]:
    """The log of another shot, shaken as much."""
    assert shot.capture.imu is not None
    other = hand_tremor(rng, START_S + 0.5)
    rms = np.sqrt(np.mean(shot.capture.imu.gyro_rad_s**2) / np.mean(other.gyro_rad_s**2))
    return replace(shot.capture, imu=replace(other, gyro_rad_s=rms * other.gyro_rad_s)), shot.blurred_linear


def tripod(shot: Shot, rng: np.random.Generator) -> tuple[Capture, Image]:
    """A sharp photo with a shaky log."""
    return shot.capture, observed(shot.sharp_linear, rng, NOISE, 8)


def defocus(shot: Shot, rng: np.random.Generator) -> tuple[Capture, Image]:
    """A photo out of focus with a shaky log."""
    radius = rng.uniform(1.5, 8.0)
    y, x = np.mgrid[-9:10, -9:10]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    soft = cv2.filter2D(shot.sharp_linear, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)
    return shot.capture, observed(soft.reshape(shot.sharp_linear.shape), rng, NOISE, 8)


CASES = {
    "exact": Case("exact gyro", (12.0, 32.0), exact),
    "errors": Case("noise, bias, 4 ms and 4 % together", (12.0, 32.0), all_errors),
    "small": Case("the same, trails of 1.5 to 6 px", (1.5, 6.0), all_errors),
    "tiny": Case("the same, trails under 1 px", (0.2, 0.95), all_errors),
    "other": Case("gyro of another shot", (4.0, 32.0), other_gyro),
    "tripod": Case("tripod", (4.0, 32.0), tripod),
    "defocus": Case("out of focus", (4.0, 32.0), defocus),
}


def photos(folder: Path | None) -> list[Image]:
    """The photos' middles, linear light, reduced where they are large."""
    if folder is None:
        from skimage import data

        codes = [np.atleast_3d(getattr(data, name)()) for name in BUNDLED]
        return [middle(SRGB.decode(picture / 255.0).astype(np.float32)) for picture in codes]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".tif"))
    return [middle(read_image(path).pixels_linear) for path in files]


def middle(picture: Image) -> Image:
    """A square of 512 px from the middle."""
    y, x = (max(side - SIDE_PX, 0) // 2 for side in picture.shape[:2])
    return picture[y : y + SIDE_PX, x : x + SIDE_PX]


def gain_db(image: Image, picture: Image, sharp: Image) -> float:
    """PSNR of the encoded image above that of the input."""
    return float(psnr_srgb(np.clip(image, 0, 1), sharp) - psnr_srgb(picture, sharp))


def measure(case: Case, sharps: list[Image], methods: list[str], shots: int) -> str:
    """One row of the table: of each method mean and worst gain, and how many photos it touched."""
    gains = np.zeros((len(methods), shots))
    touched = np.zeros((len(methods), shots), dtype=bool)
    for seed in range(shots):
        rng = np.random.default_rng(seed)
        trail_px = float(np.exp(rng.uniform(*np.log(case.trails_px))))
        sharp = sharps[seed % len(sharps)]
        settings = ShakeSettings(trail_px=trail_px, exposure_s=rng.uniform(0.03, 0.07), noise_std=NOISE)
        shot = shaken_shot(sharp, hand_tremor(rng, START_S + 0.5), START_S, rng, settings)
        capture, picture = case.spoiled(shot, rng)
        for row, method in enumerate(methods):
            result = deblur(capture, method, image=picture)
            gains[row, seed] = gain_db(result.image, picture, sharp)
            touched[row, seed] = result.diagnostics.decision == "deblurred"
    cells = [
        f"{values.mean():+.2f} | {values.min():+.2f} | {count.sum()}/{shots}"
        for values, count in zip(gains, touched, strict=True)
    ]
    return f"| {case.name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the cases that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["auto", "rl"])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--shots", type=int, default=24)
    arguments = parser.parse_args()
    sharps = photos(arguments.photos)
    print("| shots | " + " | ".join(f"{method}: mean dB | worst | touched" for method in arguments.methods) + " |")
    print("|---" * (1 + 3 * len(arguments.methods)) + "|")
    for case in arguments.cases:
        print(measure(CASES[case], sharps, arguments.methods, arguments.shots), flush=True)


if __name__ == "__main__":
    main()
