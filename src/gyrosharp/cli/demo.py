"""`gyrosharp demo`: the whole job on a bundled photo, with a truth to compare against."""

import html
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
import typer
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import load_capture, save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.cli.drawing import as_picture, draw_tracks, sample_tracks, save_png
from gyrosharp.datasets.synthesis.shot import ShakeSettings, Shot, shaken_shot
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.atomic import atomic_write, check_target, make_folder
from gyrosharp.media.image_file import read_image
from gyrosharp.media.opencv import png_of
from gyrosharp.restore.deblur import deblur
from gyrosharp.restore.restoration import Restoration

# A phone's gyro at rest, per axis: noise and the step of its numbers (rad/s).
GYRO_NOISE_RAD_S = 7e-4
GYRO_STEP_RAD_S = 6.1e-4
SHAKE_S = 1.0
FILES = ("truth.png", "blurred.png", "shake.gcsv", "blurred.capture.json", "deblurred.png", "trails.png", "report.html")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the demo made."""

    shot: Shot
    result: Restoration
    tracks: NDArray[np.uint8]
    before_db: float
    after_db: float


def run(output: Path, *, seed: int, trail_px: float, overwrite: bool, as_json: bool) -> None:
    """Shake, deblur, write pictures and report into a folder, and print the gain."""
    if not 0.0 < trail_px <= 100.0:
        raise UsageError(f"--trail-px: expected more than 0 and at most 100 px, got {trail_px:g}")
    make_folder(output)
    for name in FILES:
        check_target(output / name, overwrite)
    shot = _write_shot(output, seed, trail_px)
    capture = load_capture(output / "blurred.capture.json")
    result = deblur(capture, "auto")
    outcome = _outcome(shot, capture, result)
    save_png(output / "deblurred.png", as_picture(result.image), overwrite=True)
    save_png(output / "trails.png", outcome.tracks, overwrite=True)
    with atomic_write(output / "report.html", overwrite=True) as temporary:
        temporary.write_text(_report(outcome), encoding="utf-8")
    _print(output, outcome, as_json)


def _write_shot(output: Path, seed: int, trail_px: float) -> Shot:
    """Write truth, blurred photo, gyro log (with a phone's noise) and capture file."""
    with resources.as_file(resources.files("gyrosharp.cli") / "assets" / "sample.jpg") as path:
        sharp = read_image(path).pixels_linear
    rng = np.random.default_rng(seed)
    shot = shaken_shot(sharp, hand_tremor(rng, SHAKE_S), SHAKE_S / 2, rng, ShakeSettings(trail_px=trail_px))
    save_png(output / "truth.png", as_picture(shot.sharp_linear), overwrite=True)
    save_png(output / "blurred.png", as_picture(shot.blurred_linear), overwrite=True)
    assert shot.capture.imu is not None
    log = output / "shake.gcsv"
    write_gcsv(_as_logged(shot.capture.imu, rng), log, overwrite=True)
    logged = replace(shot.capture.imu, source=str(log))
    capture = replace(shot.capture, imu=logged, image=ImageSource(output / "blurred.png"))
    save_capture(capture, output / "blurred.capture.json", overwrite=True)
    return shot


def _as_logged(imu: ImuRecording, rng: np.random.Generator) -> ImuRecording:
    noisy = imu.gyro_rad_s + GYRO_NOISE_RAD_S * rng.standard_normal(imu.gyro_rad_s.shape)
    return replace(imu, gyro_rad_s=np.rint(noisy / GYRO_STEP_RAD_S) * GYRO_STEP_RAD_S)


def _outcome(shot: Shot, capture: Capture, result: Restoration) -> Outcome:
    tracks = draw_tracks(as_picture(shot.blurred_linear), sample_tracks(CameraMotion.from_capture(capture)))
    before = psnr_srgb(shot.sharp_linear, shot.blurred_linear)
    after = psnr_srgb(shot.sharp_linear, np.clip(result.image, 0.0, 1.0))
    return Outcome(shot, result, tracks, before, after)


def _print(output: Path, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        facts = {
            "psnr_before_db": round(outcome.before_db, 3),
            "psnr_after_db": round(outcome.after_db, 3),
            "folder": str(output),
            "diagnostics": outcome.result.diagnostics.as_json(),
        }
        typer.echo(json.dumps(facts, indent=1))
        return
    gain = outcome.after_db - outcome.before_db
    typer.echo(outcome.result.diagnostics.summary())
    typer.echo(
        f"PSNR against the true photo: blurred {outcome.before_db:.2f} dB, deblurred {outcome.after_db:.2f} dB "
        f"({gain:+.2f} dB)"
    )
    typer.echo(f"Open {output / 'report.html'} in a browser to compare; the pictures are in {output}.")


def _report(outcome: Outcome) -> str:
    page = Template((resources.files("gyrosharp.cli") / "assets" / "report.html").read_text(encoding="utf-8"))
    height, width = outcome.result.image.shape[:2]
    gain = outcome.after_db - outcome.before_db
    rows = [
        ("PSNR of the blurred photo", f"{outcome.before_db:.2f} dB"),
        ("PSNR of the deblurred photo", f"{outcome.after_db:.2f} dB ({gain:+.2f} dB)"),
        *((key.replace("_", " "), _short(value)) for key, value in outcome.result.diagnostics.as_json().items()),
    ]
    return page.substitute(
        title="gyrosharp: a shaken photo, deblurred from its gyro log",
        summary=html.escape(outcome.result.diagnostics.summary()),
        width=2 * width,
        aspect=f"{width} / {height}",
        before=_embedded(as_picture(outcome.shot.blurred_linear)),
        after=_embedded(as_picture(outcome.result.image)),
        tracks=_embedded(outcome.tracks),
        truth=_embedded(as_picture(outcome.shot.sharp_linear)),
        rows="".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(text)}</td></tr>" for key, text in rows if text),
    )


def _short(value: object) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(part)}" for key, part in value.items() if _short(part))
    if isinstance(value, list):
        return "; ".join(_short(part) for part in value)
    return str(value)


def _embedded(picture: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + b64encode(png_of(picture)).decode()
