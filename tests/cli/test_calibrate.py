"""`gyrosharp calibrate` end to end, through its worker."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "calibrate"))
from board_scenes import BOARD, render, write

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.relabel import composed
from gyrosharp.capture.cameras.camera_file import load_profile
from gyrosharp.cli.calibrate import run
from gyrosharp.cli.calibrate_options import CalibrateOptions
from gyrosharp.errors import ImageError, ImuError, OutputError, UsageError
from gyrosharp.geometry.camera import CameraModel

CAMERA = CameraModel(320, 240, 280.0, 281.0, 161.0, 118.0, "opencv", (-0.1, 0.02, 0.0, 0.0))
RIG = np.array([0.0, 0.1, 0.0, -1.5, 0.0, 0.1])
POSES = [
    np.array([0.5 * np.cos(2.4 * k), 0.5 * np.sin(2.4 * k), 0.1 * np.cos(k), -3.4 + 0.5 * np.sin(k), -2.6, 12.5])
    for k in range(6)
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for side, rig in (("left", np.zeros(6)), ("right", RIG)):
        (folder / side).mkdir()
        for k, pose in enumerate(POSES):
            write(folder / side / f"{side}{k}.png", render(CAMERA, composed(rig, pose), fine=2))
    return folder


@pytest.fixture(scope="module")
def still_log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "gyroscope.txt"
    rng = np.random.default_rng(0)
    rates = 1e-3 + 8e-4 * rng.standard_normal((4000, 3))
    path.write_text("".join(f"{k * 0.005 + 0.5:.6f} {x:.7f} {y:.7f} {z:.7f}\n" for k, (x, y, z) in enumerate(rates)))
    return path


def test_photos_to_a_camera_file(photos, tmp_path, capsys):
    out, plot = tmp_path / "phone.camera.json", tmp_path / "plot.png"
    run([photos / "left"], CalibrateOptions(board="8x6", square="25mm", output=out, plot=plot))
    printed = capsys.readouterr()
    assert "fx" in printed.out and "left3.png" in printed.out and f"written: {out}, {plot}" in printed.out
    assert "warning: only 6 views" in printed.err
    profile = load_profile(out)
    assert profile.name == "phone" and profile.camera.fx == pytest.approx(280.0, rel=0.01)
    assert "6 views" in profile.source and "fx +-" in profile.uncertainty
    assert cv2.imread(str(plot)).shape[1] == 1600
    with pytest.raises(OutputError, match="exists already"):
        run([photos / "left"], CalibrateOptions(board="8x6", output=out))
    assert all(len(line) < 120 for line in printed.out.splitlines() if not line.startswith("written"))


def test_json_has_everything(photos, capsys):
    run([photos / "left"], CalibrateOptions(json=True, model="opencv"))
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert printed.err == ""
    assert document["board"]["columns"] == 8 and document["camera"]["distortion_model"] == "opencv"
    assert len(document["views"]) == 6 and document["written"] == [] and "recognised" in document["notes"][0]
    assert {"std", "rms_px", "max_px", "models", "coverage", "dropped", "skipped", "warnings"} <= set(document)


def test_the_same_input_gives_the_same_output(photos, capsys):
    texts = []
    for _ in range(2):
        run([photos / "left"], CalibrateOptions(board="8x6", json=True))
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_stereo_writes_both_cameras_and_the_rig(photos, tmp_path, capsys):
    out = tmp_path / "rig"
    options = CalibrateOptions(board="8x6", square="30mm", stereo=True, output=out, plot=tmp_path / "rig.png")
    run([photos / "left", photos / "right"], options)
    printed = capsys.readouterr()
    assert "baseline" in printed.out and "squares" not in printed.out
    document = json.loads((out / "stereo.json").read_text())
    assert document["format"] == "gyrosharp.stereo/1" and document["left"] == "left.camera.json"
    np.testing.assert_allclose(document["t_right_left_m"], 0.03 * RIG[3:], atol=0.002)
    assert document["rms_px"] < 0.3
    assert load_profile(out / document["right"]).camera.width == 320
    assert (tmp_path / "rig.png").is_file()
    with pytest.raises(OutputError, match="exists already"):
        run([photos / "left", photos / "right"], options)


def test_a_charuco_board(tmp_path, capsys):
    board = Board(6, 4, dictionary="DICT_4X4_50")
    camera = CameraModel(480, 360, 430.0, 430.0, 240.0, 178.0, "opencv", (-0.1, 0.0, 0.0, 0.0))
    for k, pose in enumerate(POSES):
        nearer = np.concatenate([pose[:3], [-2.5 + 0.4 * np.sin(k), -1.6, 7.5]])
        write(tmp_path / f"{k}.png", render(camera, nearer, board, fine=2))
    run([tmp_path], CalibrateOptions(board="6x4", charuco="4X4_50", json=True, model="opencv"))
    document = json.loads(capsys.readouterr().out)
    assert document["board"]["dictionary"] == "4X4_50" and len(document["views"]) >= 5
    assert document["camera"]["fx"] == pytest.approx(430.0, rel=0.02)


def test_a_still_log(still_log, tmp_path, capsys):
    out, plot = tmp_path / "noise.json", tmp_path / "noise.png"
    run([still_log], CalibrateOptions(output=out, plot=plot))
    printed = capsys.readouterr().out
    assert "angle random walk" in printed and "log too short" in printed
    document = json.loads(out.read_text())
    assert document["format"] == "gyrosharp.noise/1"
    assert document["x"]["std_rad_s"] == pytest.approx(8e-4, rel=0.05)
    assert plot.stat().st_size > 10_000
    run([still_log], CalibrateOptions(between="2,12", json=True))
    assert json.loads(capsys.readouterr().out)["seconds"] == pytest.approx(10.0, abs=0.02)


def test_bad_files_among_good_ones_are_named(photos, tmp_path, capsys):
    for source in (photos / "left").iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "left7.png").write_bytes(b"no picture")
    for k in range(8):
        write(tmp_path / f"wall{k}.png", np.full((240, 320), 90 + k, np.uint8))
    run([tmp_path], CalibrateOptions(board="8x6"))
    printed = capsys.readouterr()
    assert printed.err.count("left7.png") == 1
    assert "no board found in 8 pictures: wall0.png" in printed.err and "and 2 more" in printed.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"board": "8"}, "inner corners such as 8x6"),
        ({"square": "25"}, "length with its unit"),
        ({"model": "pinhole", "board": "8x6"}, "--model"),
        ({"charuco": "4X4_50"}, "--charuco: expected --board"),
        ({"charuco": "9X9", "board": "8x6"}, "OpenCV knows"),
        ({"marker": "10mm", "board": "8x6"}, "--marker: expected --charuco and --square"),
        ({"charuco": "4X4_50", "board": "8x6", "square": "10mm", "marker": "12mm"}, "0.1 to 1"),
        ({"between": "1,2"}, "--between: expected a gyro log"),
        ({"stereo": True}, "two inputs"),
    ],
)
def test_contradictions_are_usage_errors(photos, options, words):
    with pytest.raises(UsageError, match=words):
        run([photos / "left"], CalibrateOptions(**options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"between": "later"}, "two numbers"),
        ({"between": "5,2"}, "0 <= FROM < TO"),
        ({"board": "8x6"}, "--board: expected pictures"),
    ],
)
def test_contradictions_with_a_log(still_log, options, words):
    with pytest.raises(UsageError, match=words):
        run([still_log], CalibrateOptions(**options))


def test_other_bad_input(photos, still_log, tmp_path):
    with pytest.raises(UsageError, match="got both"):
        run([photos / "left", still_log], CalibrateOptions())
    with pytest.raises(ImageError, match="at least 3 pictures"):
        run([photos / "left" / "left0.png"], CalibrateOptions(board="8x6"))
    with pytest.raises(ImageError, match="give --board 8x6"):
        run([photos / "left"], CalibrateOptions(board="9x7"))
    with pytest.raises(ImageError, match="no such file"):
        run([tmp_path / "nowhere"], CalibrateOptions())
    with pytest.raises(ImuError, match="known format"):
        (tmp_path / "text.csv").write_text("hello\n")
        run([tmp_path / "text.csv"], CalibrateOptions())
    assert BOARD.corners == 48


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97])
def test_cut_logs_give_an_error_or_a_result(still_log, tmp_path, share):
    data = still_log.read_bytes()
    path = tmp_path / "gyroscope.txt"
    path.write_bytes(data[: int(len(data) * share)])
    try:
        run([path], CalibrateOptions(json=True))
    except ImuError as error:
        assert "\n" not in str(error)
