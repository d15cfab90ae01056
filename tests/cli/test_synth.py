import json

import cv2
import numpy as np
import pytest

from synth_inputs import write_log, write_photos

SMALL = ("--set", "picture.size=[64, 48]", "--set", "motion.trail_px=[3, 8]", "--set", "output.shard_size=4")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    write_photos(folder / "photos")
    write_log(folder / "log.gcsv")
    return folder


def synth(run, inputs, *arguments, config="refine"):
    return run(
        "synth", config, "--images", inputs / "photos", "-g", inputs / "log.gcsv", *SMALL, "--workers", "1", *arguments
    )


def test_a_data_set_and_its_contact_sheet(run, inputs, tmp_path):
    out = tmp_path / "out"
    result = synth(run, inputs, "-o", out, "-n", "6", "--preview", tmp_path / "sheet.png")
    assert result.code == 0, result.err
    assert "6 samples in 2 shards" in result.out and "per second" in result.out
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 6
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    # Six rows of tiles and captions, five columns, each tile with content of its own.
    assert sheet.shape[0] > 6 * 48 and sheet.shape[1] > 5 * 64
    assert sheet.std() > 20


def test_the_same_command_resumes(run, inputs, tmp_path):
    out = tmp_path / "out"
    assert synth(run, inputs, "-o", out, "-n", "6").code == 0
    before = (out / "shard-000001.tar").read_bytes()
    (out / "shard-000000.tar").unlink()
    result = synth(run, inputs, "-o", out, "-n", "6")
    assert result.code == 0 and "2 of them from an earlier run" in result.out
    assert (out / "shard-000001.tar").read_bytes() == before and (out / "shard-000000.tar").is_file()


def test_another_job_in_the_folder_is_refused_and_forced(run, inputs, tmp_path):
    out = tmp_path / "out"
    synth(run, inputs, "-o", out, "-n", "2")
    result = synth(run, inputs, "-o", out, "-n", "2", "--seed", "9")
    assert result.code == 3 and "seed" in result.err and "Traceback" not in result.err
    assert synth(run, inputs, "-o", out, "-n", "2", "--seed", "9", "-f").code == 0


def test_json_says_what_was_made(run, inputs, tmp_path):
    result = synth(run, inputs, "-o", tmp_path / "out", "-n", "3", "--json")
    facts = json.loads(result.out)
    assert (facts["made"], facts["shards"], facts["skipped"]) == (3, 1, [])
    assert facts["folder"] == str(tmp_path / "out")


def test_a_folder_layout(run, inputs, tmp_path):
    out = tmp_path / "out"
    result = synth(run, inputs, "-o", out, "-n", "2", "--layout", "imu_blur", config="gamd")
    assert result.code == 0, result.err
    assert len([path for path in out.rglob("*.png") if "sharp" in str(path)]) == 2


def test_bad_photos_are_named_and_make_a_partial_success(run, tmp_path):
    photos = write_photos(tmp_path / "photos")
    for number in range(7):
        (photos / f"bad{number}.jpg").write_bytes(b"\xff\xd8\xff no picture")
    arguments = ("--images", photos, *SMALL, "--workers", "1", "-o", tmp_path / "out", "-n", "40")
    result = run("synth", "imu_unet", *arguments, "--preview", tmp_path / "sheet.png")
    assert result.code == 1
    assert "12 samples in 10 shards" in result.out
    assert result.err.count("skipped: sample") == 5 and "skipped: 23 more, named in" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "expected -o FOLDER for a data set, or --preview FILE"),
        (("-o", "OUT", "--set", "motion.trial_px=3"), 2, "motion.trial_px: Extra inputs"),
        (("-o", "OUT", "--layout", "tape"), 2, "layout: expected webdataset"),
        (("-o", "OUT", "-n", "0"), 2, "count: expected at least 1"),
        (("-o", "OUT", "--engine", "slurm"), 2, "engine: expected processes or ray"),
        (("-o", "OUT", "--seed", "-1"), 2, "seed"),
        (("-o", "OUT", "--images-format", "gopro"), 3, "photos"),
    ],
)
def test_wrong_calls_are_one_line(run, inputs, tmp_path, arguments, code, message):
    result = synth(run, inputs, *(tmp_path / "out" if word == "OUT" else word for word in arguments))
    assert result.code == code and message in result.err
    assert result.err.startswith("error: ") and result.err.count("\n") == 1


def test_an_unknown_config_lists_the_known(run):
    result = run("synth", "gammd", "-o", "out")
    assert result.code == 2 and "depth_imu, gamd, gyrodeblurnet, imu_unet, refine" in result.err


def test_a_preview_needs_a_photo_that_can_be_read(run, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("synth", "imu_unet", "--images", tmp_path, "--preview", tmp_path / "sheet.png")
    assert result.code == 3 and "bad.png" in result.err and not (tmp_path / "sheet.png").exists()


def test_a_preview_is_not_overwritten(run, inputs, tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"mine")
    result = synth(run, inputs, "--preview", tmp_path / "sheet.png")
    assert result.code == 3 and "exists already" in result.err
    assert (tmp_path / "sheet.png").read_bytes() == b"mine"


def test_a_log_that_is_too_short_is_said(run, inputs, tmp_path):
    short = write_log(tmp_path / "short.gcsv", 0.1)
    result = synth(run, inputs, "-g", short, "-o", tmp_path / "out", "-n", "1")
    assert result.code == 0 and "short.gcsv: expected at least" in result.err


def test_depth_tiles_are_shown(run, tmp_path):
    from synth_inputs import write_rgbd

    folder = write_rgbd(tmp_path / "rgbd")
    arguments = ("--images", folder, *SMALL, "--set", "motion.sources=[{kind: tremor}]", "-n", "2")
    assert run("synth", "depth_imu", *arguments, "--preview", tmp_path / "sheet.png").code == 0
    plain = run("synth", "imu_unet", *arguments, "--preview", tmp_path / "plain.png")
    assert plain.code == 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    depth = sheet[18 : 18 + 48, -(64 + 6) : -6]
    assert len(np.unique(depth)) >= 2 and depth.shape == (48, 64, 3)
