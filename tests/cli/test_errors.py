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
    "text cell": cell_in_log("fast"),
    "backwards gyro": reverse_log,
    "exposure outside the log": set_key("exposure", "start_ns", value=9_000_000_000),
    "negative exposure": set_key("exposure", "duration_s", value=-0.05),
    "negative readout": set_key("exposure", "readout_s", value=-0.01),
    "zero focal length": set_key("camera", "fx", value=0),
    "NaN focal length": set_key("camera", "fx", value=float("nan")),
    "size mismatch": set_key("camera", "width", value=640),
    "mirror axes": set_key("imu", "R_cam_imu", value=[[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "unknown key": set_key("camera", "lens", value="wide"),
    "wrong format tag": set_key("format", value="gyrosharp.capture/9"),
    "cut JSON": cut_file(CAPTURE, 0.6),
    "no motion": lambda folder: edit(folder, lambda d: d.pop("imu")),
}


def assert_one_error_line(result, codes=(3,)):
    assert result.code in codes, result.err
    lines = result.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.err
    assert "Traceback" not in result.err and result.out == ""


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("method", ["auto", "rl"])
def test_bad_input(shot, run, damage, method):
    damage(shot)
    before = set(shot.iterdir())
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", method)
    assert_one_error_line(result)
    assert set(shot.iterdir()) == before


@pytest.mark.parametrize(
    "flags",
    [
        ["--method", "magic"],
        ["--strength", "2"],
        ["--strength", "nan"],
        ["--tile", "-5"],
        ["--tile", "small"],
        ["--fx", "wide"],
        ["--bogus"],
        ["--psf", "kernel.png", "-g", "log.gcsv"],
    ],
)
def test_bad_usage(shot, run, flags):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png", *flags), codes=(2,))
    assert not (shot / "out.png").exists()


@pytest.mark.parametrize("flags", [["--exposure-ms", "-5"], ["--fx", "nan"], ["--fx", "0"], ["--shutter", "sideways"]])
def test_bad_flag_values(shot, run, flags):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png", *flags), codes=(2, 3))


def test_existing_output_is_kept(shot, run):
    (shot / "out.png").write_bytes(b"precious")
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.png"))
    assert (shot / "out.png").read_bytes() == b"precious"


def test_read_only_target(shot, run):
    """The proc file system refuses new files even to root."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here")
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", "/proc/self/out.png", "--method", "rl"))


def test_missing_folder(shot, run):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "no" / "out.png"))


def test_unknown_output_kind(shot, run):
    assert_one_error_line(run("deblur", shot / CAPTURE, "-o", shot / "out.xyz"))


def test_disk_full(shot, run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    before = set(shot.iterdir())
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", "rl")
    assert_one_error_line(result)
    assert set(shot.iterdir()) == before


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


@pytest.mark.parametrize("verb", ["field", "probe"])
def test_other_verbs_say_it_in_one_line_too(shot, run, verb):
    (shot / "log.gcsv").write_bytes(b"")
    assert_one_error_line(run(verb, shot / CAPTURE))
    assert_one_error_line(run(verb, shot / "nothing.capture.json"))


@pytest.mark.parametrize("flags", [["--points", "1;2"], ["--points", "1,2,3"], ["--times", "1"], ["--frame", "7"]])
def test_field_usage(shot, run, flags):
    assert_one_error_line(run("field", shot / CAPTURE, *flags), codes=(2,))


def test_no_verb_shows_help_and_unknown_verb_is_usage(run):
    assert "Usage" in run().out
    assert_one_error_line(run("sharpen"), codes=(2,))


def test_debug_shows_the_traceback(shot):
    from gyrosharp.cli.main import main
    from gyrosharp.errors import CaptureError

    (shot / CAPTURE).write_text("{")
    with pytest.raises(CaptureError):
        main(["deblur", str(shot / CAPTURE), "--debug"])
