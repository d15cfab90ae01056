"""The verbs on movies, recording files and folders of frames."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gyrosharp.capture.capture_file import load_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.capture.layouts import read_recording
from gyrosharp.capture.layouts.saved import save_recording
from gyrosharp.capture.overrides import Overrides
from gyrosharp.media.movie import frame_times
from gyrosharp.media.transfer import SRGB
from made_clips import INTERVAL_NS, blurred, made_recording, on_movie, write_movie

COUNT = 8
STAMPS_MS = 33 * np.arange(COUNT)
FLAGS = ("--fx", "350", "--exposure-ms", "20", "--readout-ms", "12", "--axes", "x,y,z")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with clip.mkv, its log, a recording file, and the frames as numbered pictures."""
    folder = tmp_path_factory.mktemp("film")
    shaken = made_recording(COUNT)
    pictures = [blurred(shaken, index) for index in range(COUNT)]
    write_movie(folder / "clip.mkv", pictures, STAMPS_MS, pix_fmt="yuv444p")
    write_gcsv(shaken.imu, folder / "log.gcsv")
    known = Overrides(gyro=folder / "log.gcsv", exposure_s=0.02)
    clip = replace(on_movie(shaken, folder / "clip.mkv"), read_with=known, time_offset_s=-0.5, offset_std_s=0.005)
    save_recording(clip, folder / "clip.recording.json")
    (folder / "frames").mkdir()
    for index, picture in enumerate(pictures):
        codes = np.rint(255 * SRGB.encode(picture)).astype(np.uint8)
        cv2.imwrite(str(folder / "frames" / f"f{index}.png"), codes[..., ::-1])
    stamps = shaken.start_ns
    (folder / "frames" / "frame_times.txt").write_text("".join(f"{stamp * 1e-9:.6f}\n" for stamp in stamps))
    return folder


@pytest.fixture
def film(made, tmp_path):
    """A private copy."""
    for path in made.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(made)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path


def test_a_recording_file_is_deblurred_to_a_movie(film, run):
    result = run("deblur", film / "clip.recording.json", "--json")
    assert result.code == 0, result.err
    (item,) = json.loads(result.out)["items"]
    target = film / "clip_deblurred.mkv"
    assert item["output"] == str(target) and item["status"] == "done"
    assert item["diagnostics"]["frames"] == COUNT and item["diagnostics"]["processed"] >= COUNT // 2
    np.testing.assert_array_equal(frame_times(target), frame_times(film / "clip.mkv"))
    assert json.loads((film / "clip_deblurred.mkv.json").read_text())["diagnostics"]["table"][0]["frame"] == 0
    assert run("deblur", film / "clip.recording.json").code == 3
    again = run("deblur", film / "clip.recording.json", "--skip-existing")
    assert again.code == 0 and "skipped" in again.out


def test_a_movie_takes_log_camera_and_clock_from_flags(film, run):
    given = ("-g", film / "log.gcsv", *FLAGS, "--offset-ms", "-500", "--method", "rl", "--min-blur", "2")
    result = run("deblur", film / "clip.mkv", *given, "-o", film / "sharp.mkv")
    assert result.code == 0, result.err
    assert (film / "sharp.mkv").is_file() and "deblurred (rl)" in result.out
    bare = run("deblur", film / "clip.mkv")
    assert bare.code == 3
    for words in ("gyro log", "focal length", "exposure time", "-g GYRO", "sync"):
        assert words in bare.err


def test_encoding_flags(film, run):
    given = ("--method", "rl", "--codec", "mpeg4", "-o", film / "small.mp4")
    result = run("deblur", film / "clip.recording.json", *given)
    assert result.code == 0, result.err
    assert frame_times(film / "small.mp4").size == COUNT
    wrong = run("deblur", film / "clip.recording.json", "--codec", "nonsense", "-o", film / "b.mp4")
    assert wrong.code == 2 and "nonsense" in wrong.err and not (film / "b.mp4").exists()
    wrong = run("deblur", film / "clip.recording.json", "--codec", "h264", "--preset", "swift", "-o", film / "b.mp4")
    assert wrong.code == 2 and "preset: expected one of ultrafast" in wrong.err
    both = (film / "clip.recording.json", film / "clip.mkv")
    several = run("deblur", *both, "-o", film / "b.mp4")
    assert several.code == 2 and "expected a folder for several inputs" in several.err


@pytest.mark.parametrize(("least_px", "strength"), [("2", 1.0), ("500", 0.0)])
def test_a_folder_of_frames_is_a_film(film, run, least_px, strength):
    given = ("-g", film / "log.gcsv", *FLAGS, "--method", "rl", "--min-blur", least_px, "-o", film / "out")
    result = run("deblur", film / "frames", *given)
    assert result.code == 0, result.err
    report = json.loads((film / "out" / "frames_deblurred.json").read_text())
    assert [row["strength"] for row in report["diagnostics"]["table"]] == [strength] * COUNT
    for index in range(COUNT):
        before, after = film / "frames" / f"f{index}.png", film / "out" / f"f{index}_deblurred.png"
        assert (before.read_bytes() == after.read_bytes()) == (strength == 0.0)


def test_folders_of_movies_leave_out_results_and_what_is_described(film, run):
    shutil.rmtree(film / "frames")
    (film / "other_deblurred.mkv").write_bytes((film / "clip.mkv").read_bytes())
    result = run("deblur", film, "--strength", "0", "-o", film / "out")
    assert result.code == 0, result.err
    assert [path.name for path in (film / "out").iterdir() if path.suffix == ".mkv"] == ["clip_deblurred.mkv"]
    # Nothing was to be done, so the file is the same.
    assert (film / "out" / "clip_deblurred.mkv").read_bytes() == (film / "clip.mkv").read_bytes()


def test_probe_of_a_movie(film, run):
    facts = json.loads(run("probe", film / "clip.recording.json", "--json").out)
    assert facts["frame_count"] == COUNT and facts["frames_over_1_px"] == COUNT and facts["lacks"] == []
    assert facts["streams"][0].startswith("video ffv1, yuv444p (8 bit)")
    bare = run("probe", film / "clip.mkv", "-g", film / "log.gcsv")
    assert bare.code == 0 and "time offset of gyro to frames: give --offset-ms" in " ".join(bare.out.split())
    plotted = run("probe", film / "clip.recording.json", "--plot", film / "blur.png")
    assert plotted.code == 0 and cv2.imread(str(film / "blur.png")).shape[1] == 960
    assert run("probe", film / "log.gcsv", "--plot", film / "b.png").code == 2


def test_a_movie_in_a_container_that_is_only_read_becomes_mov(film, run):
    (film / "clip.mkv").rename(film / "clip.insv")
    given = ("-g", film / "log.gcsv", *FLAGS, "--offset-ms", "-500", "--method", "rl")
    result = run("deblur", film / "clip.insv", *given)
    assert result.code == 0, result.err
    assert frame_times(film / "clip_deblurred.mov").size == COUNT


def test_flags_that_do_not_go_with_a_recording(film, run):
    assert "--frame-times: expected a folder" in run("deblur", film / "clip.mkv", "--frame-times", film / "x.txt").err
    assert run("deblur", film / "clip.mkv", "--min-blur", "-1").err.startswith("error: --min-blur: expected 0 to 1000")
    assert "--capture" in run("deblur", film / "clip.mkv", "--capture", "x.capture.json").err
    assert "--frame-times" in run("field", film / "frames" / "f0.png", "--frame-times", film / "log.gcsv").err


def test_field_of_a_movie_frame(film, run):
    result = run("field", film / "clip.recording.json", "--frame", "2", "--points", "10,10", "--times", "3")
    assert result.code == 0
    assert json.loads(result.out)["times_ns"][0] == 2 * INTERVAL_NS + 12_000_000 * 10 // 320
    assert run("field", film / "clip.recording.json", "--frame", str(COUNT), "--points", "10,10").code == 2


def test_sync_finds_the_clock_and_writes_a_recording_file(film, run):
    target = film / "synced.recording.json"
    result = run(
        "sync", film / "clip.mkv", "-g", film / "log.gcsv", *FLAGS, "--json", "-o", target, "--plot", film / "p.png"
    )
    facts = json.loads(result.out)
    assert {"time_offset_s", "R_cam_imu", "fx", "readout_s", "gyro_bias_rad_s", "std", "determined"} <= set(facts)
    if result.code == 0:  # eight frames of blurred hand shake need not settle it
        assert facts["time_offset_s"] == pytest.approx(-0.5, abs=5 * facts["std"]["time_offset_s"] + 0.002)
        assert read_recording(target).clocks_joined
    else:
        assert result.code == 3 and facts["reasons"] and facts["advice"] and not target.exists()


def test_calibrate_without_a_board(film, run):
    result = run("calibrate", film / "frames")
    assert result.code == 3 and "board" in result.err


def test_sync_of_one_photo_writes_a_capture_file(shot, run):
    target = shot / "found.capture.json"
    given = ("--offset-ms", "40", "-o", target)
    result = run("sync", shot / "photo.capture.json", *given)
    assert result.code == 0, result.out + result.err
    found = load_capture(target)
    assert abs(found.time_offset_s) < 0.006
    assert run("deblur", target, "-o", shot / "out.png").code == 0
    assert run("sync", shot / "photo.capture.json", *given).code == 2
    assert "recording with it" in run("sync", shot / "photo.capture.json", "--plot", shot / "p.png").err
