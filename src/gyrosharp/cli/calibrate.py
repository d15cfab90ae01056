"""`gyrosharp calibrate`: lenses from pictures of a board, pairs of cameras, and the noise of a gyro at rest."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from gyrosharp.calibrate.board import Board, dictionary_number, parse_board_size, parse_length_m
from gyrosharp.calibrate.camera import CameraCalibration, calibrate_camera
from gyrosharp.calibrate.camera_picture import camera_picture
from gyrosharp.calibrate.collect import (
    NO_BOARD,
    PICTURE_SUFFIXES,
    Collected,
    Source,
    collect_views,
    picture_sources,
)
from gyrosharp.calibrate.gyro_noise import StillNoise, still_noise
from gyrosharp.calibrate.model_choice import candidate_kinds
from gyrosharp.calibrate.noise_picture import noise_picture
from gyrosharp.calibrate.pairing import paired
from gyrosharp.calibrate.sheet import Picture
from gyrosharp.calibrate.stereo import StereoCalibration, calibrate_stereo
from gyrosharp.calibrate.stereo_picture import stereo_picture
from gyrosharp.capture.cameras.camera_file import save_profile
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.cli.calibrate_options import CalibrateOptions
from gyrosharp.cli.calibrate_text import camera_lines, noise_lines, stereo_lines
from gyrosharp.cli.drawing import save_png
from gyrosharp.cli.notes import Notes
from gyrosharp.errors import UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.imu.checks import WARNING
from gyrosharp.imu.readers import read_imu
from gyrosharp.media.atomic import atomic_write, check_target, make_folder
from gyrosharp.media.movie import MOVIE_SUFFIXES

STEREO_FILES = ("left.camera.json", "right.camera.json", "stereo.json")
NOISE_FORMAT = "gyrosharp.noise/1"
# Pictures without a board that are named one by one; the JSON report names them all.
NAMED = 6


def run(inputs: list[Path], options: CalibrateOptions) -> None:
    """Calibrate what the inputs show, print a table or JSON, and write the files asked for."""
    for path in (options.plot, None if options.stereo else options.output):
        if path is not None:
            check_target(path, options.force)
    candidate_kinds(options.model)  # refuse a slip of the pen before minutes of work
    if options.stereo:
        _stereo(inputs, options)
    elif len(inputs) == 1 and _is_log(inputs[0]):
        _still(inputs[0], options)
    else:
        _camera(inputs, options)


def _camera(inputs: Sequence[Path], options: CalibrateOptions) -> None:
    _refuse(options, "a gyro log", "between", "imu_format", "gyro_unit")
    logs = [str(path) for path in inputs if _is_log(path)]
    if logs:
        raise UsageError(f"calibrate: expected pictures, or one gyro log, got both ({logs[0]}); give them one by one")
    notes = Notes(quiet=options.json)
    found = collect_views(picture_sources(inputs), _board(options))
    _tell_skipped(notes, found.skipped)
    notes.say(found.notes)
    board = replace(found.board, square_m=_square_m(options))
    result = calibrate_camera(found.views, board, options.model)
    notes.say(f"{WARNING}left out: {name}: {reason}" for name, reason in result.dropped)
    notes.say(WARNING + text for text in result.warnings)
    if options.plot is not None:
        _save_plot(_camera_plot(result, found), options)
    if options.output is not None:
        save_profile(_profile(result.camera, options.output, result), options.output, overwrite=options.force)
    report = result.as_json() | {"skipped": _as_json(found.skipped), "notes": list(found.notes)}
    _print(report, camera_lines(result, found.searched), options)


def _camera_plot(result: CameraCalibration, found: Collected) -> Picture:
    """Draw over the view whose board covers most of the picture."""
    reach = {report.view.name: float(report.view.pixels.std(axis=0).prod()) for report in result.views}
    name = max(reach, key=lambda name: reach[name])
    source = next(source for source in found.sources if source.name == name)
    return camera_picture(result, source.grey(), name)


def _stereo(inputs: Sequence[Path], options: CalibrateOptions) -> None:
    _refuse(options, "a gyro log", "between", "imu_format", "gyro_unit")
    if len(inputs) != 2:
        raise UsageError(
            f"--stereo: expected two inputs, left and right, got {len(inputs)}; give two folders or movies"
        )
    if options.output is not None:
        _check_stereo(options.output, options.force)
    notes = Notes(quiet=options.json)
    pairs = paired(picture_sources(inputs[:1]), picture_sources(inputs[1:]))
    left = collect_views([one for one, _ in pairs], _board(options))
    right = collect_views([two for _, two in pairs], left.board)
    for side, found in (("left", left), ("right", right)):
        _tell_skipped(notes, [(f"{side} {name}", reason) for name, reason in found.skipped])
    notes.say(left.notes)
    by_left = dict(zip(left.sources, left.views, strict=True))
    by_right = dict(zip(right.sources, right.views, strict=True))
    board = replace(left.board, square_m=_square_m(options))
    result = calibrate_stereo(
        [by_left.get(one) for one, _ in pairs], [by_right.get(two) for _, two in pairs], board, options.model
    )
    notes.say(f"{WARNING}left out: {name}: {reason}" for name, reason in result.dropped)
    notes.say(WARNING + text for text in result.warnings)
    if board.square_m is None:
        notes.say(["the side of a square is not known: distances are in squares; give --square 25mm"])
    if options.plot is not None:
        _save_plot(_stereo_plot(result, pairs), options)
    if options.output is not None:
        _write_stereo(result, options.output, options.force)
    report = result.as_json() | {
        "left": result.alone[0].as_json(),
        "right": result.alone[1].as_json(),
        "skipped": _as_json([*left.skipped, *right.skipped]),
        "notes": list(left.notes),
    }
    _print(report, stereo_lines(result), options)


def _stereo_plot(result: StereoCalibration, pairs: Sequence[tuple[Source, Source]]) -> Picture:
    best = min(result.pairs, key=lambda pair: pair.rms_px)
    left, right = next((one, two) for one, two in pairs if (one.name, two.name) == best.names)
    return stereo_picture(result, left.grey(), right.grey(), best.names)


def _write_stereo(result: StereoCalibration, folder: Path, force: bool) -> None:
    make_folder(folder)
    _check_stereo(folder, force)
    for camera, alone, name in zip((result.left, result.right), result.alone, STEREO_FILES, strict=False):
        save_profile(_profile(camera, folder / name, alone), folder / name, overwrite=force)
    document = {"left": STEREO_FILES[0], "right": STEREO_FILES[1], **result.as_json()}
    _write_json({"format": document.pop("format"), **document}, folder / STEREO_FILES[2], force)


def _check_stereo(folder: Path, force: bool) -> None:
    for name in STEREO_FILES:
        if folder.is_dir():
            check_target(folder / name, force)


def _still(path: Path, options: CalibrateOptions) -> None:
    _refuse(options, "pictures of a board", "board", "square", "charuco", "marker")
    notes = Notes(quiet=options.json)
    log = read_imu(path, options.imu_format, options.gyro_unit)
    noise = still_noise(log, _between(options.between))
    notes.say(log.notes)
    notes.say(noise.notes)
    if options.plot is not None:
        _save_plot(noise_picture(noise, path.name), options)
    document = {"format": NOISE_FORMAT, "log": str(path), **noise.as_json()}
    if options.output is not None:
        _write_json(document, options.output, options.force)
    _print(document, _titled(path, noise), options)


def _titled(path: Path, noise: StillNoise) -> Iterable[str]:
    yield f"{'log':<18}{path.name}"
    yield from noise_lines(noise)


def _is_log(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() not in (*PICTURE_SUFFIXES, *MOVIE_SUFFIXES)


def _board(options: CalibrateOptions) -> Board | None:
    if options.charuco is not None:
        dictionary_number(options.charuco)
    if options.board is None:
        if options.charuco is not None:
            raise UsageError("--charuco: expected --board with it, the inner corners such as 8x6, got none")
        return None
    columns, rows = parse_board_size(options.board)
    if options.marker is None:
        return Board(columns, rows, dictionary=options.charuco)
    square_m = _square_m(options)
    if options.charuco is None or square_m is None:
        raise UsageError("--marker: expected --charuco and --square with it; only the ratio of both sides matters")
    share = parse_length_m(options.marker, "--marker") / square_m
    return Board(columns, rows, dictionary=options.charuco, marker_share=share)


def _square_m(options: CalibrateOptions) -> float | None:
    return None if options.square is None else parse_length_m(options.square)


def _between(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        start_s, end_s = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--between: expected two numbers of seconds such as 2.5,60, got {text!r}") from None
    if not 0.0 <= start_s < end_s:
        raise UsageError(f"--between: expected 0 <= FROM < TO, got {start_s:g} and {end_s:g}")
    return start_s, end_s


def _refuse(options: CalibrateOptions, kind: str, *names: str) -> None:
    given = next((name for name in names if getattr(options, name) is not None), None)
    if given is not None:
        raise UsageError(f"--{given.replace('_', '-')}: expected {kind} with it, got another input; leave it out")


def _profile(camera: CameraModel, path: Path, result: CameraCalibration) -> CameraProfile:
    name = path.name.removesuffix(".json").removesuffix(".camera")
    uncertainty = ", ".join(f"{key} +- {result.std[key]:.2g} px" for key in ("fx", "fy", "cx", "cy"))
    views = len(result.views)
    source = f"gyrosharp calibrate, {views} views of a {result.board}, RMS {result.rms_px:.3f} px"
    return CameraProfile(name=name, camera=camera, notes=result.warnings, source=source, uncertainty=uncertainty)


def _tell_skipped(notes: Notes, skipped: Iterable[tuple[str, str]]) -> None:
    """Name what was skipped; a reason that names its file is not given the name twice."""
    boardless = [name for name, reason in skipped if reason == NO_BOARD]
    notes.say(
        f"{WARNING}skipped: {reason if name in reason else f'{name}: {reason}'}"
        for name, reason in skipped
        if reason != NO_BOARD
    )
    if boardless:
        more = f" and {len(boardless) - NAMED} more" if len(boardless) > NAMED else ""
        notes.say([f"{WARNING}{NO_BOARD} in {len(boardless)} pictures: {', '.join(boardless[:NAMED])}{more}"])


def _as_json(skipped: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "reason": reason} for name, reason in skipped]


def _save_plot(picture: Picture, options: CalibrateOptions) -> None:
    assert options.plot is not None
    save_png(options.plot, picture, overwrite=options.force)


def _write_json(document: dict[str, Any], path: Path, force: bool) -> None:
    with atomic_write(path, force) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _print(report: dict[str, Any], lines: Iterable[str], options: CalibrateOptions) -> None:
    written = [str(path) for path in (options.output, options.plot) if path is not None]
    if options.json:
        typer.echo(json.dumps(report | {"written": written}, indent=1))
        return
    for line in lines:
        typer.echo(line.rstrip())
    typer.echo("")
    typer.echo(f"written: {', '.join(written)}" if written else "nothing written: -o FILE keeps the result")
