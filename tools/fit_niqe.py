"""Fit NIQE's model of sharp photos: means and covariances of patch features, no pixels.

Run as ``python tools/fit_niqe.py ../shared/data/images`` with the folder that holds the sets named in `SETS`, whose
terms allow models to be fitted to them. The written file names the sets and carries a SHA-256 over the photos, in
order of their paths, so that a later fit can tell whether it saw the same ones.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from gyrosharp.evaluation.metrics.niqe import MODEL_FILE, fit_pristine
from gyrosharp.media.opencv import decode_pixels

SETS = ("free-train1mp", "free-train1mp-b", "free-hires")
TARGET = Path(__file__).resolve().parent.parent / "src" / "gyrosharp" / "evaluation" / "metrics" / MODEL_FILE
DIGITS = 9
"""Significant digits kept: scores move by less than 1e-6."""


def photos_of(root):
    """Return the photos of the sets, in order of their paths."""
    photos = [path for name in SETS for path in sorted((root / name).glob("*.jpg"))]
    if not photos:
        raise SystemExit(f"expected photos in {', '.join(SETS)} under {root}, found none")
    return photos


def digest_of(photos):
    """Return the SHA-256 over the photos' own SHA-256."""
    digest = hashlib.sha256()
    for path in photos:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def picture_of(path):
    """Return a photo as floats of full scale 1, RGB."""
    codes = decode_pixels(path.read_bytes())
    return (codes[..., ::-1] if codes.ndim == 3 else codes) / 255.0


def rounded(values):
    """Return nested lists of numbers with `DIGITS` significant digits."""
    return [rounded(value) for value in values] if np.ndim(values) else float(f"{values:.{DIGITS}g}")


def main():
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="folder that holds the sets")
    photos = photos_of(parser.parse_args().images)
    (mean, covariance), patches = fit_pristine(picture_of(path) for path in photos)
    card = {
        "format": "gyrosharp.niqe/1",
        "what": "mean and covariance of NIQE's 36 features over sharp patches of photos; statistics, no pixels",
        "made_by": "tools/fit_niqe.py",
        "photo_sets": list(SETS),
        "photos": len(photos),
        "photos_sha256": digest_of(photos),
        "patches": patches,
        "mean": rounded(mean),
        "covariance": rounded(covariance),
    }
    TARGET.write_text(json.dumps(card, indent=1).replace("\n   ", " ") + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(photos)} photos, {patches} patches, {TARGET.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
