"""Every format of the registry: round trip, only claim, one-line errors with file and key, and no crash on damage."""

import re

import numpy as np
import pytest
from camera_files import SAMPLES

from gyrosharp.capture.cameras import find_camera, formats
from gyrosharp.capture.cameras.formats import claims
from gyrosharp.errors import CaptureError, GyrosharpError

NAMES = sorted(formats())


def failing(path, width=640, height=480, choice=""):
    with pytest.raises(CaptureError) as caught:
        find_camera(f"{path}{choice}", width, height)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert "got" in message
    return message


def numbers(camera):
    return [camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, *camera.distortion]


def test_every_format_has_a_sample():
    assert sorted(SAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
class TestFormat:
    def test_describes_itself(self, name):
        module = formats()[name]
        assert name == module.NAME and re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert module.DESCRIPTION and "\n" not in module.DESCRIPTION
        assert module.EXTENSIONS and all(extension.startswith(".") for extension in module.EXTENSIONS)

    def test_round_trip(self, name, tmp_path):
        sample = SAMPLES[name]
        path = sample.write(tmp_path)
        assert claims(sample.text, path) == (name,)
        profile = find_camera(str(path), 640, 480)
        assert profile.camera.distortion_model == sample.camera.distortion_model
        size = len(numbers(sample.camera))
        np.testing.assert_allclose(numbers(profile.camera)[:size], numbers(sample.camera), rtol=1e-15, atol=1e-13)
        assert not any(profile.camera.distortion[4:] if profile.camera.distortion_model == "opencv" else ())

    def test_bom_and_crlf(self, name, tmp_path):
        sample = SAMPLES[name]
        path = tmp_path / sample.name
        path.write_bytes(b"\xef\xbb\xbf" + sample.text.replace("\n", "\r\n").encode())
        assert find_camera(str(path), 640, 480).camera.fx == sample.camera.fx

    def test_half_size(self, name, tmp_path):
        sample = SAMPLES[name]
        camera = find_camera(str(sample.write(tmp_path)), 320, 240).camera
        assert camera.fx == pytest.approx(sample.camera.fx / 2)
        assert camera.cx == pytest.approx((sample.camera.cx + 0.5) / 2 - 0.5)

    def test_broken_values_are_named(self, name, tmp_path):
        sample = SAMPLES[name]
        for old, new, named in sample.breaks:
            assert old in sample.text
            path = sample.write(tmp_path, sample.text.replace(old, new, 1))
            message = failing(path)
            assert str(path) in message and named in message, (old, message)

    def test_unknown_choice(self, name, tmp_path):
        assert "nosuch" in failing(SAMPLES[name].write(tmp_path), choice="#nosuch")

    def test_cut_anywhere(self, name, tmp_path):
        """A file cut at any length is read or refused; never a crash, and never a camera without its focal length."""
        sample = SAMPLES[name]
        for length in range(0, len(sample.text) - 1, 3):
            path = sample.write(tmp_path, sample.text[:length])
            try:
                profile = find_camera(str(path), 640, 480)
            except CaptureError as error:
                assert str(path) in str(error) and "\n" not in str(error)
            else:
                assert profile.camera.fx == sample.camera.fx

    def test_flipped_bytes(self, name, tmp_path):
        sample = SAMPLES[name]
        path = tmp_path / sample.name
        random = np.random.default_rng(3)
        original = np.frombuffer(sample.text.encode(), np.uint8)
        for _ in range(150):
            data = original.copy()
            data[random.integers(0, data.size, 3)] = random.integers(0, 256, 3)
            path.write_bytes(data.tobytes())
            try:
                find_camera(str(path), 640, 480)
            except GyrosharpError as error:
                assert "\n" not in str(error)

    def test_swapped_values(self, name, tmp_path):
        """Values of the wrong kind in place of every number."""
        sample = SAMPLES[name]
        for value in ("null", "{}", "[]", '"x"', "1e999", "-1", "true", "1e400000"):
            for match in list(re.finditer(r"-?\d+\.\d+", sample.text))[::3]:
                text = sample.text[: match.start()] + value + sample.text[match.end() :]
                try:
                    find_camera(str(sample.write(tmp_path, text)), 640, 480)
                except CaptureError as error:
                    assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["", "milk\nbread\n", "{}", "[1, 2]", "a: 1\n", "<html></html>", "1 2 3 4 5 6 7 8\n"])
def test_unknown_file_lists_the_formats(text, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    message = failing(path)
    assert all(name in message for name in NAMES)


def test_two_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(formats()["colmap"], "sniff", lambda *_: True)
    assert "looks like colmap and kalibr" in failing(SAMPLES["kalibr"].write(tmp_path))


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "cameras.bin"
    path.write_bytes(b"\1\0\0\0\0\0\0\0")
    assert "model_converter" in failing(path)
    path.write_bytes(b"\xff\xfe\xfd")
    assert "UTF-8" in failing(path)
    assert "folder" in failing(tmp_path)
    path.write_bytes(b" " * 16_000_001)
    assert "16 MB" in failing(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"fisheye_params":' * 20_000,
        "cam0:\n  intrinsics: " + "[" * 20_000,
        "cam0:\n  resolution: 2023-99-99\n",
        "cam0:\n  ? [a]\n  : 1\n",
        "cam0:\n  a: &a [1]\n  <<: [*a]\n",
        "cam0:\n  a: !!python/object/apply:os.system [ls]\n",
        "cam0:\n\tintrinsics: 1\n",
        "cam0: \n",
        "K: !!opencv-matrix 3\n",
        '{"K": ' + "9" * 5000 + "}",
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aa">]><opencv_storage/>',
        '<?xml version="1.0"?><opencv_storage><K></opencv_storage>',
        '<?xml version="1.0"?><opencv_storage></opencv_storage>',
        '{"android.lens.intrinsicCalibration": []}',
        '[{"LENS_INTRINSIC_CALIBRATION": [1',
        "{'camera_matrix': 1",
    ],
)
def test_malicious_and_odd_files(text, tmp_path):
    path = tmp_path / "camera"
    path.write_text(text)
    failing(path)
