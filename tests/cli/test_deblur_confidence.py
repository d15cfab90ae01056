import json

import cv2
import numpy as np
import pytest

from gyrosharp.media.image_file import read_image

CAPTURE = "photo.capture.json"


def rl(run, shot, *flags):
    return run("deblur", shot / CAPTURE, "--method", "rl", *flags)


def test_auto_puts_the_map_beside_the_result(shot, run):
    result = rl(run, shot, "-o", shot / "sharp.png", "--confidence", "auto")
    assert result.code == 0, result.err
    codes = cv2.imread(str(shot / "sharp_confidence.png"), cv2.IMREAD_UNCHANGED)
    photo = cv2.imread(str(shot / "photo.png"))
    assert codes.dtype == np.uint8 and codes.shape == photo.shape[:2]
    assert codes.min() < 128 < codes.max()
    report = json.loads((shot / "sharp.png.json").read_text())["confidence"]
    assert report["map"] == str(shot / "sharp_confidence.png")
    assert report["mean"] == pytest.approx(codes.mean() / 255, abs=2e-3)


def test_a_named_map_is_turned_as_the_photo_is(shot, run):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(shot / "photo.png").save(shot / "photo.png", exif=exif)
    assert rl(run, shot, "-o", shot / "out.png", "--confidence", shot / "where.png").code == 0
    assert read_image(shot / "where.png").orientation == 6


def test_without_the_flag_there_is_none(shot, run):
    assert rl(run, shot, "-o", shot / "out.png").code == 0
    assert not list(shot.glob("*confidence*"))
    assert "confidence" not in json.loads((shot / "out.png.json").read_text())


def test_an_untouched_photo_has_a_white_map(shot, run):
    flags = ("--strength", "0", "-o", shot / "out.png", "--confidence", "auto")
    assert rl(run, shot, *flags).code == 0
    assert (cv2.imread(str(shot / "out_confidence.png"), cv2.IMREAD_UNCHANGED) == 255).all()


def test_a_map_is_no_photo_of_the_next_run(shot, run):
    (shot / "in").mkdir()
    for name in ("photo.png", "photo_deblurred.png", "photo_deblurred_confidence.png"):
        (shot / "in" / name).write_bytes((shot / "photo.png").read_bytes())
    result = run("deblur", shot / "in", "-o", shot / "out", "--method", "nafnet", "--json")
    assert [item["input"] for item in json.loads(result.out)["items"]] == [str(shot / "in" / "photo.png")]


def test_existing_files_are_kept(shot, run):
    (shot / "map.png").write_bytes(b"mine")
    flags = ("-o", shot / "out.png", "--confidence", shot / "map.png")
    result = rl(run, shot, *flags)
    assert result.code == 3 and "map.png: exists already" in result.err
    assert not (shot / "out.png").exists() and (shot / "map.png").read_bytes() == b"mine"
    assert rl(run, shot, *flags, "-f").code == 0
    assert (shot / "map.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing/map.png", "expected an existing folder"), ("out.png", "a name of its own"), ("photo.png", "of its own")],
)
def test_a_map_that_cannot_be_written(shot, run, name, said):
    before = (shot / "photo.png").read_bytes()
    result = rl(run, shot, "-o", shot / "out.png", "--confidence", shot / name, "-f")
    assert result.code == 3 and said in result.err and result.err.count("\n") == 1
    assert not (shot / "out.png").exists() and (shot / "photo.png").read_bytes() == before


def test_the_name_must_be_that_of_a_png(shot, run):
    result = rl(run, shot, "--confidence", "map.jpg")
    assert result.code == 2 and "expected auto or a name that ends with .png, got map.jpg" in result.err


def test_several_photos_need_maps_of_their_own(shot, run):
    result = run("deblur", shot, "-o", shot / "out", "--method", "rl", "--confidence", shot / "map.png")
    assert result.code == 2 and "expected auto for several inputs" in result.err
    assert run("deblur", shot, "-o", shot / "out", "--method", "rl", "--confidence", "auto").code == 0
    assert (shot / "out" / "photo_deblurred_confidence.png").is_file()


def test_a_kernel_has_no_map(shot, run):
    result = run("deblur", shot / "photo.png", "--psf", shot / "photo.png", "--confidence", "auto")
    assert result.code == 2 and "expected a gyro log, got --psf" in result.err


def test_a_network_without_the_motion_has_no_map(shot, run):
    (shot / CAPTURE).unlink()
    result = run("deblur", shot / "photo.png", "--method", "nafnet", "--confidence", "auto")
    assert result.code == 2 and "expected photos with their motion, got a photo without" in result.err


def test_a_movie_has_no_map(shot, run, monkeypatch):
    monkeypatch.setattr("gyrosharp.cli.deblur.is_film", lambda _: True)
    monkeypatch.setattr("gyrosharp.cli.deblur.Recording", object)
    result = rl(run, shot, "--confidence", "auto")
    assert result.code == 2 and "expected photos with their motion, got the movie or sequence" in result.err
