"""Compare confidence maps with the truth; prints a Markdown table for RESULTS.md.

    python benchmarks/confidence.py [--methods auto rl] [--cases exact errors] [--limit PHOTOS]

Shots of the benchmark `harm`, of scikit-image's photos, without their outermost 24 px. A pixel is right where its
encoded value, the mean of the channels' errors, is within `confidence.TOLERANCE` of the truth.
"""

import argparse

import numpy as np

from gyrosharp.evaluation.definition import load_benchmark
from gyrosharp.evaluation.shots import BenchmarkShot
from gyrosharp.evaluation.sources import Selection, source_of
from gyrosharp.media.transfer import SRGB, encode_light
from gyrosharp.restore.confidence import TOLERANCE, confidence_map
from gyrosharp.restore.deblur import deblurrer

BORDER_PX = 24
TENTHS = 10


def main() -> None:
    """Deblur, map, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["auto", "rl"])
    parser.add_argument("--cases", nargs="+", default=["exact", "errors"])
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    shots = source_of(load_benchmark("harm"), Selection(cases=tuple(given.cases), limit=given.limit)).shots
    sums = {method: np.zeros((3, TENTHS)) for method in given.methods}
    for entry in shots.entries:
        shot = shots.shot(entry)
        for method, total in sums.items():
            total += counted(method, shot)
    print("| method | pixels, millions | mean of the map | right | calibration error | right, by tenths of the map |")
    print("|---|---|---|---|---|---|")
    for method, (pixels, confidence, right) in sums.items():
        every = pixels.sum()
        error = np.abs(confidence - right).sum() / every
        tenths = ", ".join("-" if n == 0 else f"{r / n:.2f}" for n, r in zip(pixels, right, strict=True))
        means = f"{confidence.sum() / every:.3f} | {right.sum() / every:.3f} | {error:.3f}"
        print(f"| `{method}` | {every / 1e6:.1f} | {means} | {tenths} |")


def counted(method: str, shot: BenchmarkShot) -> np.ndarray:
    """Pixels, sum of the map, and pixels that are right (3, tenths of the map)."""
    result = deblurrer(method).deblur(shot.capture, shot.blurred_linear, lossy=shot.lossy)
    inside = slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX)
    confidence = confidence_map(result, shot.blurred_linear)[inside].ravel()
    restored, truth = (
        encode_light(np.ascontiguousarray(image[inside]), SRGB) for image in (result.image, shot.truth_linear)
    )
    right = (np.abs(restored - truth).mean(axis=2) <= TOLERANCE).ravel()
    tenth = np.minimum((confidence * TENTHS).astype(int), TENTHS - 1)
    return np.array([np.bincount(tenth, weights, TENTHS) for weights in (np.ones(right.size), confidence, right)])


if __name__ == "__main__":
    main()
