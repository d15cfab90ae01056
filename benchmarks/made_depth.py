"""Give photos depth maps that follow their edges, for training depth-aware systems where there is no RGB-D set.

    python benchmarks/made_depth.py PHOTOS... -o FOLDER [--side 768]

A photo is cut into superpixels; a slanted background lies 2.5 to 8 m away, and a few blobs of neighbouring superpixels
stand before it, 0.5 to 2.4 m away. The depth is made up, but its edges are edges of the picture, as real ones are.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from skimage.segmentation import slic

SEGMENTS = 60
BLOBS = (2, 5)
BACKGROUND_M, NEAR_M = (2.5, 8.0), (0.5, 2.0)


def made_depth(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Depth (H, W) in metres for a picture (H, W, 3) uint8."""
    height, width = picture.shape[:2]
    labels = slic(picture, n_segments=SEGMENTS, compactness=12, start_label=0)
    depth = _plane(height, width, BACKGROUND_M, rng)
    count = int(labels.max()) + 1
    rows, columns = np.indices(labels.shape)
    sizes = np.bincount(labels.ravel(), minlength=count)
    centres = np.stack(
        [np.bincount(labels.ravel(), axis.ravel(), count) / np.maximum(sizes, 1) for axis in (rows, columns)], 1
    )
    for _ in range(rng.integers(*BLOBS)):
        seed = centres[rng.integers(count)]
        chosen = np.argsort(np.hypot(*(centres - seed).T))[: rng.integers(2, max(count // 6, 3))]
        near = _plane(height, width, (1.0, 1.2), rng) * rng.uniform(*NEAR_M)
        depth = np.where(np.isin(labels, chosen), np.minimum(near, depth), depth)
    return depth.astype(np.float32)


def _plane(height: int, width: int, span_m: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A slanted plane: inverse depth is linear in the picture."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    share = (np.cos(angle) * x + np.sin(angle) * y) / (abs(np.cos(angle)) + abs(np.sin(angle))) / 2 + 0.5
    return 1.0 / (share / span_m[0] + (1 - share) / span_m[1])


def main() -> None:
    """Copy the photos and write their depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+", help="folders of photos")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--side", type=int, default=768, help="longer side of the copies, px")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    paths = sorted(
        path for folder in given.photos for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".png")
    )
    for index, path in enumerate(paths):
        picture = cv2.imread(str(path))
        factor = given.side / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        name = given.output / f"{index:04d}"
        cv2.imwrite(f"{name}.jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 97])
        np.save(f"{name}_depth.npy", made_depth(small, np.random.default_rng(index)))
    print(f"{given.output}: {len(paths)} photos with depth")


if __name__ == "__main__":
    main()
