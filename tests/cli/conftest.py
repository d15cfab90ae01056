import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture_file import load_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.cli.main import main
from gyrosharp.datasets.synthesis.tremor import hand_tremor

WIDTH, HEIGHT = 320, 240


@pytest.fixture
def run(capsys):
    """Run the command line in this process: run("deblur", path, ...) -> code, out, err."""

    def call(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=exit_info.value.code or 0, out=captured.out, err=captured.err)

    return call


@pytest.fixture(scope="session")
def shot_folder(tmp_path_factory):
    """A shaken picture with its log and capture file: photo.png, log.gcsv, photo.capture.json, and truth.png."""
    folder = tmp_path_factory.mktemp("shot")
    write_shot(folder)
    return folder


@pytest.fixture
def shot(shot_folder, tmp_path):
    """A private copy of the shot folder."""
    for path in shot_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def write_shot(folder, seed=3, rms_rad_s=0.9):
    from skimage import data

    truth = data.astronaut()[20 : 20 + HEIGHT, 60 : 60 + WIDTH]
    write_gcsv(hand_tremor(np.random.default_rng(seed), 0.8, rms_rad_s), folder / "log.gcsv")
    (folder / "photo.capture.json").write_text(json.dumps(capture_document()))
    motion = CameraMotion.from_capture(load_capture(folder / "photo.capture.json"))
    linear = np.float32((truth / 255.0) ** 2.2)
    blurred = np.clip(ExactOperator(motion, 96).forward(linear), 0, 1) ** (1 / 2.2)
    noisy = blurred + np.random.default_rng(0).normal(0, 0.004, blurred.shape)
    cv2.imwrite(str(folder / "photo.png"), np.uint8(np.rint(255 * np.clip(noisy, 0, 1)))[..., ::-1])
    cv2.imwrite(str(folder / "truth.png"), truth[..., ::-1])


def capture_document(**changes):
    return {
        "format": "gyrosharp.capture/1",
        "image": "photo.png",
        "camera": {"width": WIDTH, "height": HEIGHT, "fx": 400.0, "fy": 400.0, "cx": 159.5, "cy": 119.5},
        "exposure": {"start_ns": 400_000_000, "duration_s": 0.05, "readout_s": 0.015},
        "imu": {"file": "log.gcsv", "R_cam_imu": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
        **changes,
    }
