"""Show where deblurring fails, and draw the README's first picture.

    python benchmarks/gallery.py -o docs/figures [--only NAME ...] [--page docs/failures.md]

Every case of gallery_shots.py is deblurred by the default method and by `rl` with the facts as told. A strip of each
case goes to the folder, the scores and what `auto` said to the table of the page; rows of other cases stay. `demo` is
the README's picture: what `gyrosharp demo` makes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from gallery_shots import CASES, Case, GalleryShot, sharp_photo

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture_file import load_capture
from gyrosharp.cli.drawing import as_picture, draw_tracks, sample_tracks
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.media.image_file import read_image
from gyrosharp.restore.deblur import deblurrer
from gyrosharp.restore.restoration import Restoration

ROOT = Path(__file__).resolve().parents[1]
DEMO = "demo"
BEGIN, END = "<!-- table of benchmarks/gallery.py -->", "<!-- end of the table -->"
HEAD = (
    "| case | what is wrong | blurred, dB | `auto`, dB | `rl` as told, dB | what `auto` said |\n"
    "|---|---|---|---|---|---|"
)
# Three tiles side by side are 900 px wide, as wide as GitHub shows a page: no pixel is shrunk.
TILE_PX, GAP_PX, CAPTION_PX = (296, 228), 6, 20
# A picture takes the best of these qualities that keeps it small; noise takes more room than anything else.
QUALITIES, STRIP_BYTES, DEMO_BYTES = (88, 80, 70, 60), 70_000, 90_000
# Parts (x, y, width, height) of the demo's photo: a face, and a badge that is enlarged.
FACE, BADGE, ENLARGED = (90, 8, 296, 236), (112, 336, 148, 92), 2

Picture = np.ndarray


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a case: the restorations, and PSNR in dB, by method; "blurred" is the picture as it was taken."""

    shot: GalleryShot
    found: Mapping[str, Restoration]
    score_db: Mapping[str, float]

    @property
    def left_alone(self) -> bool:
        """Whether `auto` did nothing."""
        return self.found["auto"].diagnostics.decision == "left unchanged"


def measured(shot: GalleryShot) -> Result:
    """Deblur a shot by the default and as told."""
    told = shot.told
    found = {
        name: deblurrer(name).deblur(told.capture, told.blurred_linear, lossy=told.lossy) for name in ("auto", "rl")
    }
    pictures = {"blurred": told.blurred_linear, **{name: result.image for name, result in found.items()}}
    scores = {name: psnr_srgb(told.truth_linear, np.clip(image, 0.0, 1.0)) for name, image in pictures.items()}
    return Result(shot, found, scores)


# -- the table ----------------------------------------------------------------------------------------------------


def table_row(name: str, case: Case, result: Result) -> str:
    """A case's line of the table."""
    said = result.found["auto"].diagnostics
    scores = " | ".join(f"{result.score_db[method]:.2f}" for method in ("blurred", "auto", "rl"))
    return f"| `{name}` | {case.title} | {scores} | {said.decision}: {said.reason} |"


def table_rows(page: str) -> dict[str, str]:
    """The rows between the markers of a page, by case."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"page: expected the lines {BEGIN!r} and {END!r} once each; add them where the table shall be")
    table = page.split(BEGIN)[1].split(END)[0]
    return {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}


def with_rows(page: str, rows: Mapping[str, str]) -> str:
    """The page with new rows in its table; rows of cases that are no more go."""
    known = {**table_rows(page), **rows}
    lines = [HEAD, *(known[name] for name in CASES if name in known)]
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


# -- pictures -----------------------------------------------------------------------------------------------------


def strip(case: Case, result: Result) -> Picture:
    """Truth, blurred and result at 100 %; where `auto` did nothing, what obeying the log would have done instead."""
    told, score = result.shot.told, result.score_db
    tiles = [(told.truth_linear, "truth")]
    if result.left_alone:
        tiles += [
            (told.blurred_linear, f"blurred, {score['blurred']:.1f} dB; auto leaves it alone"),
            (result.found["rl"].image, f"rl as told, {score['rl']:.1f} dB"),
        ]
    else:
        tiles += [
            (told.blurred_linear, f"blurred, {score['blurred']:.1f} dB"),
            (result.found["auto"].image, f"auto, {score['auto']:.1f} dB"),
        ]
    part = (*case.corner, *TILE_PX)
    return side_by_side([captioned(cut(as_picture(np.ascontiguousarray(p)), part), text) for p, text in tiles])


def cut(picture: Picture, part: tuple[int, int, int, int], scale: int = 1) -> Picture:
    """A part (x, y, width, height) of a picture that is `scale` times as large as the part's px."""
    x, y, width, height = (scale * value for value in part)
    if picture.shape[0] < y + height or picture.shape[1] < x + width:
        raise ValueError(f"part: expected to end within {picture.shape[1::-1]}, got {(x + width, y + height)}")
    return picture[y : y + height, x : x + width]


def captioned(picture: Picture, text: str) -> Picture:
    """The picture with a line of text below it."""
    band = np.full((CAPTION_PX, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(band, text, (2, CAPTION_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
    return np.vstack([picture, band])


def side_by_side(tiles: list[Picture], axis: int = 1) -> Picture:
    """Tiles in a row, or with axis 0 in a column, with white gaps between them."""
    gap = np.full((GAP_PX, tiles[0].shape[1], 3) if axis == 0 else (tiles[0].shape[0], GAP_PX, 3), 255, np.uint8)
    spaced = [piece for tile in tiles for piece in (gap, tile)]
    return np.concatenate(spaced[1:], axis=axis)


def demo_picture(folder: Path) -> Picture:
    """Run `gyrosharp demo` and show blurred photo, motion and result: a part at 100 %, and a detail enlarged."""
    command = [sys.executable, "-m", "gyrosharp", "demo", "-o", str(folder), "--json"]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    blurred, sharp = (as_picture(read_image(folder / f"{name}.png").pixels_linear) for name in ("blurred", "deblurred"))
    tracks = sample_tracks(CameraMotion.from_capture(load_capture(folder / "blurred.capture.json")))
    # Pixel u of the photo is enlarged to (u + 0.5) s - 0.5.
    larger = (tracks + 0.5) * ENLARGED - 0.5
    columns = [
        (blurred, enlarged(blurred), f"shaken by a hand, {facts['psnr_before_db']:.1f} dB"),
        (draw_tracks(blurred, tracks), draw_tracks(enlarged(blurred), larger), "its motion, from the gyro log"),
        (sharp, enlarged(sharp), f"deblurred, {facts['psnr_after_db']:.1f} dB"),
    ]
    return side_by_side(
        [
            captioned(side_by_side([cut(whole, FACE), cut(large, BADGE, ENLARGED)], axis=0), text)
            for whole, large, text in columns
        ]
    )


def enlarged(picture: Picture) -> Picture:
    """The picture at twice its size."""
    return cv2.resize(picture, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)


def save_jpeg(path: Path, picture: Picture, most_bytes: int) -> None:
    """Write an RGB picture, small enough for a page."""
    for quality in QUALITIES:
        cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if path.stat().st_size <= most_bytes:
            break
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB, quality {quality}", flush=True)


# -- the command --------------------------------------------------------------------------------------------------


def main() -> None:
    """Make what was asked for, or everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", nargs="+", choices=[*CASES, DEMO], default=[*CASES, DEMO], metavar="NAME")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "failures.md")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    table_rows(given.page.read_text(encoding="utf-8"))
    for name in given.only:
        if name == DEMO:
            with tempfile.TemporaryDirectory() as folder:
                save_jpeg(given.output / "demo.jpg", demo_picture(Path(folder) / DEMO), DEMO_BYTES)
        else:
            show(name, given.output, given.page)


def show(name: str, output: Path, page: Path) -> None:
    """Measure a case, put it into the table, and draw its strip."""
    case = CASES[name]
    result = measured(case.make(sharp_photo(case.photo)))
    row = table_row(name, case, result)
    print(row, flush=True)
    page.write_text(with_rows(page.read_text(encoding="utf-8"), {name: row}), encoding="utf-8")
    if case.shown:
        save_jpeg(output / f"failure-{name}.jpg", strip(case, result), STRIP_BYTES)


if __name__ == "__main__":
    main()
