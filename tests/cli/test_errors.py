"""Bad input: exit code 3 (or 2), one line on standard error, no traceback, no output file."""

import errno
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

CAPTURE = "photo.capture.json"


def edit(folder, change):
    document = json.loads((folder / CAPTURE).read_text())
    change(document)
    (folder / CAPTURE).write_text(json.dumps(document))


def log_lines(folder):
    return (folder / "log.gcsv").read_text().splitlines()


def rewrite_log(folder, lines):
    (folder / "log.gcsv").write_text("\n".join(lines) + "\n")


def cell_in_log(text):
    def damage(folder):
        lines = log_lines(folder)
        cells = lines[200].split(",")
        cells[2] = text
        rewrite_log(folder, [*lines[:200], ",".join(cells), *lines[201:]])

    return damage


def reverse_log(folder):
    lines = log_lines(folder)
    head = next(k for k, line in enumerate(lines) if line.startswith("t,")) + 1
    rewrite_log(folder, lines[:head] + lines[head:][::-1])


def header_only(folder):
    lines = log_lines(folder)
    rewrite_log(folder, lines[: next(k for k, line in enumerate(lines) if line.startswith("t,")) + 1])


def set_key(*path, value):
    def change(document):
        part = document
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value

    return lambda folder: edit(folder, change)


def replace_file(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut_file(name, share):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return damage


def no_key(key):
    return lambda folder: edit(folder, lambda document: document.pop(key))


DAMAGE = {
    "cut image": cut_file("photo.png", 0.5),
    "empty image": replace_file("photo.png", b""),
    "not an image": replace_file("photo.png", b"this is no picture" * 20),
    "missing image": lambda folder: (folder / "photo.png").unlink(),
    "missing gyro": lambda folder: (folder / "log.gcsv").unlink(),
    "empty gyro": replace_file("log.gcsv", b""),
    "binary gyro": replace_file("log.gcsv", bytes(range(256)) * 20),
    "header only": header_only,
    "NaN gyro": cell_in_log("nan"),
    "infinite gyro": cell_in_log("inf"),
    "text cell": cell_in_log("fast"),
    "backwards gyro": reverse_log,
    "exposure outside the log": set_key("exposure", "start_ns", value=9_000_000_000),
    "negative exposure": set_key("exposure", "duration_s", value=-0.05),
    "NaN exposure": set_key("exposure", "duration_s", value=float("nan")),
    "endless exposure": set_key("exposure", "duration_s", value=float("inf")),
    "stamp beyond 64 bit": set_key("exposure", "start_ns", value=10**30),
    "NaN offset": set_key("imu", "time_offset_s", value=float("nan")),
    "negative readout": set_key("exposure", "readout_s", value=-0.01),
    "zero focal length": set_key("camera", "fx", value=0),
    "negative focal length": set_key("camera", "fy", value=-400),
    "NaN focal length": set_key("camera", "fx", value=float("nan")),
    "trails longer than the picture": set_key("camera", "fx", value=40_000),
    "endless width": set_key("camera", "width", value=10**25),
    "no principal point": lambda folder: edit(folder, lambda d: d["camera"].pop("cx")),
    "size mismatch": set_key("camera", "width", value=640),
    "mirror axes": set_key("imu", "R_cam_imu", value=[[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "skew axes": set_key("imu", "R_cam_imu", value=[[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]),
    "NaN axes": set_key("imu", "R_cam_imu", value=[[float("nan"), 0, 0], [0, 1, 0], [0, 0, 1]]),
    "two by two axes": set_key("imu", "R_cam_imu", value=[[1, 0], [0, 1]]),
    "unknown reader": set_key("imu", "format", value="magic"),
    "unknown key": set_key("camera", "lens", value="wide"),
    "wrong format tag": set_key("format", value="gyrosharp.capture/9"),
    "cut JSON": cut_file(CAPTURE, 0.6),
    "empty capture file": replace_file(CAPTURE, b""),
    "binary capture file": replace_file(CAPTURE, b"\xff\x00" * 50),
    "capture is a list": replace_file(CAPTURE, b"[1, 2]"),
    "capture is a number": replace_file(CAPTURE, b"NaN"),
    "no image": no_key("image"),
    "no motion": no_key("imu"),
    "no format tag": no_key("format"),
    "image is a folder": set_key("image", value="."),
    "log is a folder": set_key("imu", "file", value="."),
}
# What a verb does not need, or reports as a finding instead of failing.
FINE = {
    "field": {"no image", "trails longer than the picture"},
    "probe": {"no image", "exposure outside the log", "trails longer than the picture"},
}


def assert_one_error_line(result, codes=(3,)):
    assert result.code in codes, result.err
    lines = result.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.err
    assert "Traceback" not in result.err and result.out == ""


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


VERBS = {
    "deblur": ("deblur", "--method", "rl", "-o"),
    "field": ("field", "-o"),
    "probe": ("probe",),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("verb", VERBS)
def test_bad_input(shot, run, damage, verb):
    DAMAGE[damage](shot)
    before = contents(shot)
    name, *flags = VERBS[verb]
    result = run(name, shot / CAPTURE, *flags, *([shot / "out.png"] if flags else []))
    if damage in FINE.get(verb, ()):
        assert result.code == 0
        return
    assert_one_error_line(result, codes=(2, 3) if damage == "unknown reader" else (3,))
    assert contents(shot) == before


@pytest.mark.parametrize("damage", ["cut image", "size mismatch", "backwards gyro", "exposure outside the log"])
def test_bad_input_of_the_default_method(shot, run, damage):
    DAMAGE[damage](shot)
    before = contents(shot)
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png"))
    assert contents(shot) == before


def test_probe_reports_what_is_missing(shot, run):
    DAMAGE["exposure outside the log"](shot)
    assert "whole exposure" in json.loads(run("probe", shot / CAPTURE, "--json").out)["missing"]


PHOTO_FLAGS = {
    "--fx": "400",
    "--axes": "x,y,z",
    "--exposure-ms": "50",
    "--readout-ms": "15",
    "--start-ns": "400000000",
}


def photo_call(shot, **changes):
    flags = {**PHOTO_FLAGS, **{f"--{key.replace('_', '-')}": value for key, value in changes.items()}}
    return ["deblur", shot / "photo.png", "-g", shot / "log.gcsv", "-o", shot / "out.png", "--method", "rl"] + [
        part for flag, value in flags.items() if value is not None for part in (flag, value)
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fx": "0"}, 3),
        ({"fx": "nan"}, 3),
        ({"fx": "-400"}, 3),
        ({"fx": "inf"}, 3),
        ({"fx": "4000"}, 3),
        ({"fx": "1e9"}, 3),
        ({"exposure_ms": "-5"}, 3),
        ({"exposure_ms": "nan"}, 3),
        ({"exposure_ms": "0"}, 3),
        ({"readout_ms": "-1"}, 3),
        ({"readout_ms": "nan"}, 3),
        ({"start_ns": "9000000000"}, 3),
        ({"start_ns": str(10**30)}, 3),
        ({"offset_ms": "nan"}, 3),
        ({"offset_ms": "5000"}, 3),
        ({"axes": "y,x,z"}, 3),
        ({"axes": "x,x,z"}, 3),
        ({"axes": "sideways"}, 2),
        ({"shutter": "sideways"}, 3),
        ({"imu_format": "magic"}, 2),
        ({"imu_format": "euroc"}, 3),
        ({"gyro_unit": "rpm"}, 2),
        ({"low_pass_hz": "1000"}, 2),
        ({"low_pass_hz": "nan"}, 2),
    ],
)
def test_bad_photo_flags(shot, run, change, code):
    before = contents(shot)
    assert_one_error_line(run(*photo_call(shot, **change)), codes=(code,))
    assert contents(shot) == before


def test_what_a_photo_lacks_is_said_at_once(shot, run):
    result = run(*photo_call(shot, fx=None, start_ns=None, exposure_ms=None))
    assert_one_error_line(result)
    assert all(flag in result.err for flag in ("--fx", "--start-ns", "--exposure-ms"))


@pytest.mark.parametrize(
    "flags",
    [
        ["--method", "magic"],
        ["--strength", "2"],
        ["--strength", "nan"],
        ["--tile", "-5"],
        ["--tile", "small"],
        ["--suffix", "a/b"],
        ["--fx", "wide"],
        ["--bogus"],
        ["--psf", "kernel.png", "-g", "log.gcsv"],
        ["-g", "log.gcsv"],
        ["--capture", "other.capture.json"],
        ["--imu-format", "magic"],
    ],
)
def test_bad_usage(shot, run, flags):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png", *flags), codes=(2,))
    assert not (shot / "out.png").exists()


@pytest.mark.parametrize("flags", [["--exposure-ms", "-5"], ["--fx", "nan"], ["--fx", "0"], ["--shutter", "sideways"]])
@pytest.mark.parametrize("verb", ["deblur", "field", "probe"])
def test_bad_flag_values(shot, run, verb, flags):
    assert_one_error_line(run(verb, shot / CAPTURE, *flags))


def test_no_inputs_is_usage(run):
    assert_one_error_line(run("deblur"), codes=(2,))


@pytest.mark.parametrize("name", ["out.png", "out.png.json"])
def test_existing_output_is_kept(shot, run, name):
    (shot / name).write_bytes(b"precious")
    before = contents(shot)
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", "rl")
    assert_one_error_line(result)
    assert "-f" in result.err and contents(shot) == before


@pytest.mark.parametrize("exists", [True, False])
def test_one_file_for_several_inputs_is_usage(shot, run, exists):
    if exists:
        (shot / "out.png").write_bytes(b"precious")
    before = contents(shot)
    result = run("deblur", shot / CAPTURE, shot / "photo.png", "-o", shot / "out.png", "--method", "rl", "-f")
    assert_one_error_line(result, codes=(2,))
    assert contents(shot) == before


@pytest.mark.parametrize("flags", [["--capture", "other.capture.json"], ["--start-ns", "400000000"]])
def test_what_holds_for_one_photo_only_is_usage(shot, run, flags):
    result = run("deblur", shot / CAPTURE, shot / "photo.png", "-o", shot / "out", *flags)
    assert_one_error_line(result, codes=(2,))
    assert not (shot / "out").exists()


def test_two_pictures_never_share_an_output(shot, run):
    (shot / "b").mkdir()
    for name in ("photo.png", "log.gcsv", CAPTURE):
        (shot / "b" / name).write_bytes((shot / name).read_bytes())
    both = (shot / CAPTURE, shot / "b" / CAPTURE)
    result = run("deblur", *both, "-o", shot / "out", "--method", "rl", "-f")
    assert result.code == 1 and result.err.count("error: ") == 1 and "one input per output" in result.err


def test_read_only_target(shot, run):
    """The proc file system refuses new files even to root."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here")
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", "/proc/self/out.png", "--method", "rl"))


def test_missing_folder(shot, run):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "no" / "out.png"))


@pytest.mark.parametrize("name", ["out.xyz", "out"])
def test_unknown_output_kind(shot, run, name):
    """It is refused before any work is done: no method is asked for a result."""
    (shot / "out").write_bytes(b"a file, no folder")
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / name, "-f"))


def refusing(code):
    def refuse(path, *_, **__):
        raise OSError(code, os.strerror(code), str(path))

    return refuse


# Where a system call may fail: the picture, the report, the flush, the new name, the temporary file itself.
CALLS = [(Path, "write_bytes"), (Path, "write_text"), (os, "fsync"), (os, "link"), (Path, "touch")]


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "full"), (errno.EACCES, "permission"), (errno.EIO, "")])
@pytest.mark.parametrize(("owner", "call"), CALLS, ids=[call for _, call in CALLS])
def test_no_half_output(shot, run, monkeypatch, owner, call, code, words):
    """A full disk, a read-only folder, a broken disk."""
    before = contents(shot)
    monkeypatch.setattr(owner, call, refusing(code))
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", "rl")
    assert_one_error_line(result)
    assert words in result.err and contents(shot) == before


def test_folder_that_cannot_be_made(shot, run, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", refusing(errno.EACCES))
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "new", "--method", "rl"))
    assert_one_error_line(run("demo", "-o", shot / "new"))


def test_folder_that_cannot_be_listed(shot, run, monkeypatch):
    monkeypatch.setattr(Path, "iterdir", refusing(errno.EACCES))
    result = run("deblur", shot, "--method", "rl")
    assert_one_error_line(result)
    assert str(shot) in result.err and "bug" not in result.err


def test_failed_batch_leaves_no_empty_folder(shot, run):
    (shot / "log.gcsv").write_bytes(b"")
    result = run("deblur", shot, "-o", shot / "out", "--method", "rl")
    assert result.code == 1 and not (shot / "out").exists()
    assert len(result.err.splitlines()) == 1 and CAPTURE in result.err


def test_photo_without_log(shot, run):
    (shot / CAPTURE).unlink()
    result = run("deblur", shot / "photo.png", "-o", shot / "out.png")
    assert_one_error_line(result)
    assert "-g GYRO" in result.err


def test_movie_is_refused_for_now(shot, run):
    (shot / "clip.mp4").write_bytes(b"\0" * 100)
    assert_one_error_line(run("deblur", shot / "clip.mp4", "-o", shot / "out.mp4"))


@pytest.mark.parametrize(("kernel", "words"), [(np.zeros((5, 5), np.uint8), "sum"), (None, "kernel.png")])
def test_bad_kernel(shot, run, kernel, words):
    if kernel is not None:
        cv2.imwrite(str(shot / "kernel.png"), kernel)
    result = run("deblur", shot / "photo.png", "--psf", shot / "kernel.png", "-o", shot / "out.png")
    assert_one_error_line(result)
    assert words in result.err


@pytest.mark.parametrize("verb", ["deblur", "field", "probe"])
def test_missing_input(shot, run, verb):
    for name in ("nothing.capture.json", "nothing.png", "nothing.csv", "nothing"):
        assert_one_error_line(run(verb, shot / name))


@pytest.mark.parametrize("verb", ["deblur", "field", "probe"])
def test_text_named_jpg(shot, run, verb):
    (shot / "photo.jpg").write_text("no picture\n" * 30)
    assert_one_error_line(run(verb, shot / "photo.jpg", "-g", shot / "log.gcsv"))


@pytest.mark.parametrize("content", [b"", b"one,two\n1,2\n", bytes(range(256))])
def test_probe_of_no_log(shot, run, content):
    (shot / "notes.csv").write_bytes(content)
    assert_one_error_line(run("probe", shot / "notes.csv"))


@pytest.mark.parametrize("verb", ["deblur", "field", "probe"])
def test_folder_without_recording(shot, run, verb):
    (shot / "empty").mkdir()
    assert_one_error_line(run(verb, shot / "empty"))


@pytest.mark.parametrize("flags", [["--points", "1;2"], ["--points", "1,2,3"], ["--times", "1"], ["--frame", "7"]])
def test_field_usage(shot, run, flags):
    assert_one_error_line(run("field", shot / CAPTURE, *flags), codes=(2,))


def test_unknown_verb_is_usage(run):
    assert_one_error_line(run("sharpen"), codes=(2,))


def test_debug_adds_the_traceback(shot, run):
    (shot / CAPTURE).write_text("{")
    for arguments in (("deblur", shot / CAPTURE, "--debug"), ("--debug", "deblur", shot / CAPTURE)):
        result = run(*arguments)
        assert result.code == 3 and "Traceback" in result.err and "CaptureError" in result.err
        assert result.err.splitlines()[-1].startswith("error: ")


def test_debug_in_a_batch(shot, run):
    (shot / CAPTURE).write_text("{")
    assert "Traceback" not in run("deblur", shot, "--method", "rl").err
    assert "Traceback" in run("deblur", shot, "--method", "rl", "--debug").err


def test_a_bug_is_one_line_too(shot, run, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("gyrosharp.cli.probe.run", broken)
    result = run("probe", shot)
    assert_one_error_line(result, codes=(1,))
    assert "--debug" in result.err


@pytest.mark.parametrize("moment", ["gyrosharp.cli.deblur.write_image", "gyrosharp.cli.deblur.deblur", "os.fsync"])
def test_interrupt_leaves_nothing(shot, run, monkeypatch, moment):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    before = contents(shot)
    monkeypatch.setattr(moment, interrupt)
    for target in (shot / "out.png", shot / "new" / "folder"):
        result = run("deblur", shot / CAPTURE, "-o", target, "--method", "rl")
        assert result.code == 130 and result.err == "error: interrupted\n"
    assert contents(shot) == before and not (shot / "new" / "folder").exists()


@pytest.mark.parametrize("flags", [["--axes", "x,y,z"], ["--offset-ms", "3"], ["--gyro-unit", "deg/s"]])
def test_log_flags_do_not_go_with_a_trajectory(shot, run, flags):
    rows = [f"{0.38 + k * 0.001:.3f} 0 0 0 0 0 0 1" for k in range(100)]
    (shot / "poses.txt").write_text("\n".join(rows))
    edit(shot, lambda document: document.update(imu=None, trajectory={"file": "poses.txt"}))
    assert run("probe", shot / CAPTURE).code == 0
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png", *flags), codes=(2,))
