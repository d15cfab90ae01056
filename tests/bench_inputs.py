"""Small benchmarks for tests: photos in a folder, a simulated hand, and methods that cost nothing."""

import cv2
import numpy as np

from gyrosharp.evaluation.contenders import Contender
from gyrosharp.evaluation.definition import Benchmark
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, Restoration

WIDTH, HEIGHT = 112, 96


def photo(seed):
    """A smooth random picture, 8 bit, BGR."""
    rng = np.random.default_rng(seed)
    rough = rng.uniform(40, 220, (HEIGHT // 8, WIDTH // 8, 3)).astype(np.float32)
    return cv2.resize(rough, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def photos(folder, count=3):
    """Write photos a.png, b.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{'abcdefgh'[number]}.png"), photo(number))
    return folder


def benchmark(folder, **changes):
    """A benchmark of these photos, in two cases."""
    content = {
        "name": "small",
        "seed": 3,
        "photos": {"folder": str(folder)},
        "motion": {"tremor": "plain", "trail_px": [3, 8]},
        "cases": {"exact": {}, "errors": {"gyro_noise_rad_s": 0.01, "time_offset_s": 0.004, "focal_error": 0.04}},
        "measure": {"metrics": ["psnr"]},
    }
    return Benchmark.model_validate({**content, **changes})


class Scaled:
    """A method that multiplies the light by a factor, and counts its calls."""

    needs_motion = True
    remarks = ()

    def __init__(self, name="scaled", factor=1.05, fails_at=()):
        self.name, self.factor, self.calls, self.fails_at = name, factor, 0, fails_at

    def deblur(self, capture, picture_linear, progress=None, *, lossy=False):
        del capture, progress, lossy
        self.calls += 1
        if self.calls in self.fails_at:
            raise RuntimeError("bad\nweights")
        diagnostics = Diagnostics("scaled", "deblurred", "as asked", BlurExtent(1.0, 1.0), 0.01, 1)
        return Restoration(picture_linear * np.float32(self.factor), diagnostics)


def scaled(label="scaled", **options):
    """The same as a contender."""
    worker = Scaled(label, **options)
    return Contender(label, worker, "motion", f"{label}-{worker.factor}", 1234)
