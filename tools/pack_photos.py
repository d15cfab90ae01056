"""Pack what `make train-refine` reads into a folder that is small enough to be carried to a machine with a GPU.

    .venv-train/bin/python tools/pack_photos.py --data ../shared/data -o packed [--megabytes 60]
    make train-refine DATA=packed

Photos that take more are written again as JPEG, all of one quality, the highest that makes everything fit. Samples are
made of them at 0.4 to 1 times their size, which hides most of what that costs. Logs and attributions are copied.
"""

import argparse
import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image
from train_refine import LOGS, PHOTOS

QUALITIES = (95, 92, 90, 88, 86, 84, 82, 80, 75, 70)
SUFFIXES = (".jpg", ".jpeg")
NOTES = ("ATTRIBUTION.csv", "LICENSE*")


def smaller(photo: Path, quality: int) -> bytes:
    """A photo's bytes, or those of a JPEG of this quality where it takes fewer."""
    own = photo.read_bytes()
    with Image.open(io.BytesIO(own)) as image:
        kept = {key: image.info[key] for key in ("icc_profile", "exif") if key in image.info}
        made = io.BytesIO()
        image.save(made, "JPEG", quality=quality, optimize=True, **kept)
    return min(own, made.getvalue(), key=len)


def main() -> None:
    """Find the quality, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=60.0)
    given = parser.parse_args()
    folders = [given.data / name for name in PHOTOS]
    photos = sorted(path for folder in folders for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    copied = [given.data / log for log in LOGS] + [
        path for folder in folders for note in NOTES for path in folder.glob(note)
    ]
    room = 1e6 * given.megabytes - sum(path.stat().st_size for path in copied)
    with ThreadPoolExecutor() as pool:
        for quality in QUALITIES:
            contents = list(pool.map(partial(smaller, quality=quality), photos))
            if sum(map(len, contents)) <= room:
                break
        else:
            parser.error(f"--megabytes: expected room for {len(photos)} photos, got {given.megabytes:g}; give more")
    for path in copied:
        target = given.output / path.relative_to(given.data)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path, content in zip(photos, contents, strict=True):
        (given.output / path.relative_to(given.data)).write_bytes(content)
    size = sum(path.stat().st_size for path in given.output.rglob("*") if path.is_file())
    print(f"{given.output}: {len(photos)} photos of quality {quality} at most, {len(LOGS)} logs, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
