import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from filmed import FX, OFFSET_S, film
from gyrosharp.capture.layouts import read_recording
from gyrosharp.cli.options import CaptureOptions
from gyrosharp.cli.sync import run
from gyrosharp.cli.sync_options import SyncOptions
from gyrosharp.errors import UsageError


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip"), frames=45)


def test_report_plot_and_recording_file(clip, tmp_path, capsys):
    pictures, log = clip
    target, plot = tmp_path / "clip.recording.json", tmp_path / "fit.png"
    code = run(pictures, CaptureOptions(gyro=log), SyncOptions(output=target, plot=plot))
    printed = capsys.readouterr().out
    assert code == 0
    assert "time offset" in printed
    assert "gyro axes" in printed
    assert "-y,-x,-z" in printed
    saved = read_recording(target)
    assert saved.time_offset_s == pytest.approx(OFFSET_S, abs=1e-3)
    assert saved.camera.fx == pytest.approx(FX, rel=0.01)
    picture = cv2.imread(str(plot))
    assert min(picture.shape[:2]) > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_json_report(clip, capsys):
    pictures, log = clip
    assert run(pictures, CaptureOptions(gyro=log), SyncOptions(json=True)) == 0
    report = json.loads(capsys.readouterr().out)
    wanted = {"time_offset_s", "R_cam_imu", "fx", "readout_s", "gyro_bias_rad_s", "std", "residual_px", "determined"}
    assert wanted <= set(report)
    assert report["std"]["time_offset_s"] < 1e-3


def test_refusal_says_why_and_writes_nothing(clip, tmp_path, capsys):
    pictures, log = clip
    still = tmp_path / "still.gcsv"
    head, _, rows = log.read_text().partition("t,gx,gy,gz\n")
    stamps = [line.split(",")[0] for line in rows.splitlines()]
    still.write_text(head + "t,gx,gy,gz\n" + "".join(f"{stamp},0.001,0,0\n" for stamp in stamps))
    target = tmp_path / "clip.recording.json"
    code = run(pictures, CaptureOptions(gyro=still), SyncOptions(output=target))
    assert code == 3
    assert "advice:" in capsys.readouterr().out
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_offset_s": -1.0}, "--max-offset-s"),
        ({"output": Path("clip.json")}, "--output"),
    ],
)
def test_flags_without_a_meaning(clip, options, message):
    pictures, log = clip
    with pytest.raises(UsageError, match=message):
        run(pictures, CaptureOptions(gyro=log), SyncOptions(**options))


def test_outputs_are_not_overwritten(clip, tmp_path):
    pictures, log = clip
    plot = tmp_path / "fit.png"
    plot.write_bytes(b"mine")
    with pytest.raises(UsageError, match="-f"):
        run(pictures, CaptureOptions(gyro=log), SyncOptions(plot=plot))
    assert plot.read_bytes() == b"mine"


def test_plot_of_a_single_photo_is_refused(shot):
    with pytest.raises(UsageError, match="--plot"):
        run(shot / "photo.capture.json", CaptureOptions(), SyncOptions(plot=shot / "fit.png"))
