"""What was assumed, repaired or noticed reaches the user: on standard error, in the JSON reports, and in probe."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import gyrosharp

CAPTURE = "photo.capture.json"
RL = ("--method", "rl")
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")},
    "PYTHONPATH": str(Path(gyrosharp.__file__).parents[1]),
}


def log_rows(folder):
    """Head and rows of the gcsv log; a row is [stamp, x, y, z] as text."""
    lines = (folder / "log.gcsv").read_text().splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("t,")) + 1
    return lines[:head], [line.split(",") for line in lines[head:]]


def write_log(folder, head, rows):
    (folder / "log.gcsv").write_text("\n".join([*head, *(",".join(row) for row in rows)]) + "\n")


def spike(folder):
    head, rows = log_rows(folder)
    rows[30][1] = "25000"
    write_log(folder, head, rows)
    return "single-sample spikes replaced"


def duplicate(folder):
    head, rows = log_rows(folder)
    write_log(folder, head, [*rows[:50], rows[49], *rows[50:]])
    return "repeat the stamp"


def short_end(folder):
    """3 ms of an exposure of 65 ms are missing: more than a sample, less than 5 %."""
    document = json.loads((folder / CAPTURE).read_text())
    document["exposure"]["start_ns"] = 398_000_000
    (folder / CAPTURE).write_text(json.dumps(document))
    head, rows = log_rows(folder)
    write_log(folder, head, [row for row in rows if float(row[0]) * tick(head) <= 0.461])
    return "the log misses"


def gap(folder):
    head, rows = log_rows(folder)
    write_log(folder, head, [row for row in rows if not 0.405 < float(row[0]) * tick(head) < 0.43])
    return "gaps in the gyro log"


def unit(folder):
    document = json.loads((folder / CAPTURE).read_text())
    document["imu"]["gyro_unit"] = "deg/s"
    (folder / CAPTURE).write_text(json.dumps(document))
    return "rates taken as deg/s"


def axes_from_log(folder):
    document = json.loads((folder / CAPTURE).read_text())
    del document["imu"]["R_cam_imu"]
    (folder / CAPTURE).write_text(json.dumps(document))
    return "gyro axes taken from the log"


def unusable_profile(folder):
    Image.open(folder / "photo.png").save(folder / "photo.png", icc_profile=b"no profile")
    return "colour profile"


def tick(head):
    return float(next(line for line in head if line.startswith("tscale")).split(",")[1])


NOTICED = [spike, duplicate, short_end, gap, unit, axes_from_log, unusable_profile]


@pytest.mark.parametrize("prepare", NOTICED, ids=[prepare.__name__ for prepare in NOTICED])
def test_notes_reach_the_user(shot, run, prepare):
    words = prepare(shot)
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", *RL)
    assert result.code == 0, result.err
    lines = [line for line in result.err.splitlines() if words in line]
    assert len(lines) == 1 and lines[0].startswith(("note: ", "warning: "))
    report = json.loads((shot / "out.png.json").read_text())
    assert sum(words in note for note in report["notes"]) == 1
    printed = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "-f", "--json", *RL)
    assert printed.err == "" and json.loads(printed.out)["items"][0]["notes"] == report["notes"]
    probed = json.loads(run("probe", shot / CAPTURE, "--json").out)
    assert sum(words in note for note in probed["notes"]) == 1
    table = run("probe", shot / CAPTURE)
    assert words in " ".join(table.out.split()) and table.err == ""


def test_warnings_say_so(shot, run):
    gap(shot)
    assert "warning: 1 gaps" in run("deblur", shot / CAPTURE, "-o", shot / "out.png", *RL).err


def test_no_notes_without_cause(shot, run):
    head, rows = log_rows(shot)
    write_log(shot, [line for line in head if not line.startswith(("version", "id", "vendor", "note"))], rows)
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", *RL)
    assert (result.code, result.err) == (0, "")


def test_conversion_is_noted(shot, run):
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.jpg", *RL)
    assert "note: written as JPEG instead of PNG" in result.err
    notes = json.loads((shot / "out.jpg.json").read_text())["notes"]
    assert any(note.startswith("written as JPEG") for note in notes)


def test_what_exif_gave_is_noted(shot, run):
    exif = Image.Exif()
    exif[0x010F] = "Testcam"
    exif.get_ifd(0x8769).update({0x829A: 0.05, 0xA405: 43})
    Image.open(shot / "photo.png").save(shot / "0000000400000000.png", exif=exif)
    call = (shot / "0000000400000000.png", "-g", shot / "log.gcsv")
    result = run("deblur", *call, "-o", shot / "out.png", *RL)
    assert result.code == 0, result.err
    # 43 mm against a diagonal of 43.267 mm: 0.9938 of the picture's 400 px.
    assert "warning: focal length 398 px from the EXIF" in result.err
    for words in ("exposure time 50 ms from the EXIF", "gyro axes taken from"):
        assert f"note: {words}" in result.err
    assert "note: start of exposure 0000000400000000 ns from the file name" in result.err
    known = ("--fx", "400", "--exposure-ms", "50", "--start-ns", "400000000", "--axes", "x,y,z", "--readout-ms", "15")
    assert "EXIF" not in run("deblur", *call, "-o", shot / "out.png", "-f", *RL, *known).err


def test_a_batch_says_shared_notes_once(shot, run):
    axes_from_log(shot)
    (shot / "b.capture.json").write_bytes((shot / CAPTURE).read_bytes())
    cv2.imwrite(str(shot / "second.png"), cv2.imread(str(shot / "photo.png")))
    document = json.loads((shot / CAPTURE).read_text())
    (shot / "b.capture.json").write_text(json.dumps({**document, "image": "second.png"}))
    result = run("deblur", shot, "-o", shot / "out", *RL)
    assert result.code == 0 and result.err.count("axes taken from the log") == 1
    assert "2 inputs: 2 done" in result.out


def test_field_says_them_too(shot, run):
    axes_from_log(shot)
    assert "note: gyro axes taken from the log" in run("field", shot / CAPTURE).err
    assert run("field", shot / CAPTURE, "--json").err == ""


@pytest.mark.parametrize("source", [CAPTURE, "photo.png", "log.gcsv", "."])
def test_probe_table_fits_a_terminal(shot, run, source):
    recording(shot)
    for flags in ((), ("--fx", "400")):
        page = run("probe", shot / source, *flags).out
        assert page and max(map(len, page.splitlines())) <= max(80, len(str(shot)) + 40)
        # Only a path, which is not broken, may stand out.
        assert all(len(line) <= 80 or "/" in line for line in page.splitlines())


def recording(folder):
    """Make the folder a MARS recording of two frames, the second outside the log."""
    head, rows = log_rows(folder)
    seconds = [float(row[0]) * tick(head) for row in rows]
    (folder / "gyro_accel.csv").write_text(
        "Timestamp[nanosec], gx[rad/s], gy[rad/s], gz[rad/s], ax[m/s^2], ay[m/s^2], az[m/s^2]\n"
        + "".join(f"{round(t * 1e9)},0.1,{np.sin(20 * t):.4f},0,0,9.8,0\n" for t in seconds)
    )
    (folder / "movie_metadata.csv").write_text(
        "Timestamp[nanosec],fx[px],fy[px],Exposure time[nanosec],Frame readout time[nanosec]\n"
        "400000000,300,300,50000000,15000000\n7000000000,300,300,50000000,15000000\n"
    )
    for k in range(2):
        (folder / f"frame{k}.png").write_bytes((folder / "photo.png").read_bytes())


def test_probe_of_a_recording(shot, run):
    recording(shot)
    facts = json.loads(run("probe", shot, "--json").out)
    assert [("blur_px" in frame, "missing" in frame) for frame in facts["frames"]] == [(True, False), (False, True)]
    assert facts["log"]["rate_hz"] == pytest.approx(400, rel=0.01)
    assert "gyro axes assumed: android-landscape" in facts["notes"]
    page = run("probe", shot).out
    assert "frame1.png: 50 ms, only 0% covered by the gyro log" in page and "1 of 2 frames" in page
    # What the user gives is no longer assumed.
    given = json.loads(run("probe", shot, "--json", "--axes", "x,y,z", "--fx", "300", "--shutter", "global").out)
    assert not any("axes" in note or "focal" in note or "readout" in note for note in given["notes"])


@pytest.mark.parametrize(
    "call",
    [
        ("deblur", CAPTURE, "--json", *RL),
        ("field", CAPTURE, "--json"),
        ("field", CAPTURE, "--json", "-o", "trails.png"),
        ("probe", CAPTURE, "--json"),
        ("probe", "log.gcsv", "--json"),
        ("probe", "photo.png", "--json"),
    ],
)
def test_json_is_all_there_is(shot, run, call):
    """Valid JSON without NaN on standard output, nothing on standard error, whatever was noticed."""

    def strict(name):
        raise AssertionError(name)

    gap(shot)
    verb, source, *flags = call
    flags = [shot / flag if flag.endswith(".png") else flag for flag in flags]
    result = run(verb, shot / source, *flags)
    assert result.code == 0 and result.err == ""
    assert isinstance(json.loads(result.out, parse_constant=strict), dict)


def test_no_colours_and_no_bar_in_a_pipe(shot):
    result = subprocess.run(
        [sys.executable, "-m", "gyrosharp", "deblur", CAPTURE, "-o", "out.png", *RL],
        cwd=shot,
        env={**ENVIRONMENT, "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in result.stdout + result.stderr
    assert all(line.startswith(("note: ", "warning: ")) for line in result.stderr.splitlines())
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_bar_on_a_terminal(shot):
    """A bar is drawn there; NO_COLOR takes its colours, not the bar."""
    import pty

    def shown(**env):
        leader, follower = pty.openpty()
        call = [sys.executable, "-m", "gyrosharp", "deblur", CAPTURE, "-o", "out.png", "-f", *RL]
        process = subprocess.Popen(
            call, cwd=shot, stdout=subprocess.DEVNULL, stderr=follower, env={**ENVIRONMENT, "TERM": "xterm", **env}
        )
        os.close(follower)
        text = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
        os.close(leader)
        assert process.wait(60) == 0
        return text.decode()

    coloured = re.compile(r"\x1b\[(3[0-7]|38)[;m]")
    drawn, plain = shown(), shown(NO_COLOR="1")
    assert "out.png" in drawn and coloured.search(drawn)
    assert "out.png" in plain and not coloured.search(plain)
