import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

import gyrosharp
from gyrosharp.evaluation.metrics import psnr
from gyrosharp.media.image_file import read_image
from gyrosharp.restore.solvers import methods

CAPTURE = "photo.capture.json"


def gain(folder, out):
    truth, before, after = (cv2.imread(str(path)) / 255.0 for path in (folder / "truth.png", folder / "photo.png", out))
    return psnr(truth, after) - psnr(truth, before)


# The least gain in dB; a Wiener filter has to assume one kernel per patch.
@pytest.mark.parametrize(("method", "least_db"), [("auto", 2.0), ("rl", 2.0), ("map", 2.0), ("wiener", 1.5)])
def test_deblur_makes_a_better_photo(shot, run, method, least_db):
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", method)
    assert result.code == 0, result.err
    assert gain(shot, shot / "out.png") > least_db
    report = json.loads((shot / "out.png.json").read_text())
    assert report["tool"] == "gyrosharp" and report["method"] == method
    assert report["diagnostics"]["decision"] == "deblurred"


def test_photo_with_gyro_and_flags(shot, run):
    flags = ["--fx", "400", "--axes", "x,y,z", "--exposure-ms", "50", "--readout-ms", "15", "--start-ns", "400000000"]
    call = ("deblur", shot / "photo.png", "-g", shot / "log.gcsv", *flags, "--method", "rl")
    result = run(*call, "-o", shot / "out.png")
    assert result.code == 0, result.err
    run("deblur", shot / CAPTURE, "-o", shot / "same.png", "--method", "rl")
    # The same camera but for the principal point, which both put at the centre.
    np.testing.assert_array_equal(cv2.imread(str(shot / "out.png")), cv2.imread(str(shot / "same.png")))


def test_default_name_lies_beside_the_photo(shot, run):
    assert run("deblur", shot / CAPTURE, "--method", "rl", "--no-report").code == 0
    assert (shot / "photo_deblurred.png").is_file() and not list(shot.glob("*.png.json"))


def test_sidecar_is_found(shot, run):
    assert run("deblur", shot / "photo.png", "--method", "rl").code == 0
    assert (shot / "photo_deblurred.png").is_file()


def test_strength_blends(shot, run):
    run("deblur", shot / CAPTURE, "-o", shot / "none.png", "--method", "rl", "--strength", "0")
    assert (shot / "none.png").read_bytes() == (shot / "photo.png").read_bytes()
    run("deblur", shot / CAPTURE, "-o", shot / "half.png", "--method", "rl", "--strength", "0.5")
    run("deblur", shot / CAPTURE, "-o", shot / "full.png", "--method", "rl")
    assert 0.0 < gain(shot, shot / "half.png") < gain(shot, shot / "full.png")


def test_static_shot_is_left_alone_byte_for_byte(shot, run):
    lines = (shot / "log.gcsv").read_text().splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("t,")) + 1
    still = [f"{line.split(',')[0]},0,0,0" for line in lines[head:]]
    (shot / "log.gcsv").write_text("\n".join(lines[:head] + still) + "\n")
    result = run("deblur", shot / CAPTURE, "-o", shot / "out.png")
    assert result.code == 0
    assert (shot / "out.png").read_bytes() == (shot / "photo.png").read_bytes()
    assert "unchanged" in result.out


def test_batch_names_each_failure_and_goes_on(shot, run):
    (shot / "bad.capture.json").write_text("{")
    result = run("deblur", shot / "bad.capture.json", shot / CAPTURE, "-o", shot / "out", "--method", "rl", "--json")
    assert result.code == 1
    assert (shot / "out" / "photo_deblurred.png").is_file()
    assert result.err.count("error:") == 1 and "bad.capture.json" in result.err
    statuses = [item["status"] for item in json.loads(result.out)["items"]]
    assert statuses == ["failed", "done"]


def test_folder_and_resume(shot, run):
    first = run("deblur", shot, "-o", shot / "out", "--method", "rl")
    assert first.code == 0
    stamp = (shot / "out" / "photo_deblurred.png").stat().st_mtime_ns
    again = run("deblur", shot, "-o", shot / "out", "--method", "rl", "--skip-existing")
    assert again.code == 0 and "skipped" in again.out
    assert (shot / "out" / "photo_deblurred.png").stat().st_mtime_ns == stamp


def test_recursive(shot, run):
    inner = shot / "a" / "b"
    inner.mkdir(parents=True)
    for name in ("photo.png", "log.gcsv", CAPTURE):
        (shot / name).rename(inner / name)
    assert run("deblur", shot, "-o", shot / "out").code == 3
    assert run("deblur", shot, "-o", shot / "out", "--recursive", "--method", "rl").code == 0
    assert (shot / "out" / "photo_deblurred.png").is_file()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_container_size_and_metadata_are_kept(shot, run, ending):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Testcam"
    picture = Image.open(shot / "photo.png")
    options = {"quality": 95} if ending in (".jpg", ".webp") else {}
    picture.save(shot / f"photo{ending}", exif=exif, icc_profile=None, **options)
    document = json.loads((shot / CAPTURE).read_text())
    (shot / CAPTURE).write_text(json.dumps({**document, "image": f"photo{ending}"}))
    assert run("deblur", shot / CAPTURE, "-o", shot / f"out{ending}", "--method", "rl").code == 0
    # Pillow turns the size of a TIFF as its Orientation says: compare with the input read the same way.
    with Image.open(shot / f"photo{ending}") as before, Image.open(shot / f"out{ending}") as after:
        assert after.size == before.size and after.mode == before.mode
        assert after.getexif()[0x0112] == 6 and after.getexif()[0x010F] == "Testcam"


@pytest.mark.parametrize("kind", ["grey8", "grey16", "rgb16", "rgba8"])
def test_depth_and_channels_are_kept(shot, run, kind):
    rgb = cv2.imread(str(shot / "photo.png"))
    picture = {
        "grey8": cv2.cvtColor(rgb, cv2.COLOR_BGR2GRAY),
        "grey16": cv2.cvtColor(rgb, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257,
        "rgb16": rgb.astype(np.uint16) * 257,
        "rgba8": np.dstack([rgb, np.arange(rgb.shape[1], dtype=np.uint8)[None].repeat(rgb.shape[0], 0)]),
    }[kind]
    cv2.imwrite(str(shot / "photo.png"), picture)
    assert run("deblur", shot / CAPTURE, "-o", shot / "out.png", "--method", "rl").code == 0
    after = cv2.imread(str(shot / "out.png"), cv2.IMREAD_UNCHANGED)
    assert after.dtype == picture.dtype and after.shape == picture.shape
    if kind == "rgba8":
        np.testing.assert_array_equal(after[..., 3], picture[..., 3])
    assert read_image(shot / "out.png").bit_depth == (16 if "16" in kind else 8)


def test_psf(shot, run):
    kernel = np.zeros((15, 15), np.uint8)
    kernel[7, 3:12] = 255
    cv2.imwrite(str(shot / "kernel.png"), kernel)
    result = run("deblur", shot / "photo.png", "--psf", shot / "kernel.png", "-o", shot / "out.png", "--method", "rl")
    assert result.code == 0, result.err
    assert (shot / "out.png").is_file()


def test_field_json_matches_the_contract(shot, run):
    result = run("field", shot / CAPTURE, "--points", "10,20 300,200", "--times", "5", "--json")
    found = json.loads(result.out)
    assert len(found["times_ns"]) == 5 and np.shape(found["points"]) == (2, 5, 2)
    assert found["times_ns"][0] == 400_000_000 + round(0.015 * 20 / 240 * 1e9)
    assert found["times_ns"][-1] - found["times_ns"][0] == 50_000_000


def test_field_picture_and_sentence(shot, run):
    assert "median" in run("field", shot / CAPTURE).out
    result = run("field", shot / CAPTURE, "-o", shot / "trails.png")
    assert result.code == 0
    assert cv2.imread(str(shot / "trails.png")).shape == (240, 320, 3)
    assert run("field", shot / CAPTURE, "-o", shot / "trails.png").code == 3


def test_probe(shot, run):
    facts = json.loads(run("probe", shot / CAPTURE, "--json").out)
    assert facts["kind"] == "capture" and facts["log"]["rate_hz"] == pytest.approx(400.0)
    assert facts["blur_px"]["median"] > 3
    assert "samples" in run("probe", shot / "log.gcsv").out
    (shot / CAPTURE).unlink()
    assert "-g GYRO" in run("probe", shot / "photo.png").out


def test_demo(tmp_path, run):
    result = run("demo", "-o", tmp_path / "demo", "--json")
    assert result.code == 0, result.err
    facts = json.loads(result.out)
    assert facts["psnr_after_db"] - facts["psnr_before_db"] > 3.5
    page = (tmp_path / "demo" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4 and "${" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert run("demo", "-o", tmp_path / "demo").code == 3
    # The folder is a working example: the same result comes from its files.
    again = tmp_path / "demo" / "again.png"
    assert run("deblur", tmp_path / "demo" / "blurred.capture.json", "-o", again).code == 0
    np.testing.assert_array_equal(cv2.imread(str(again)), cv2.imread(str(tmp_path / "demo" / "deblurred.png")))


def test_demo_usage(tmp_path, run):
    assert run("demo", "-o", tmp_path / "demo", "--trail-px", "0").code == 2
    (tmp_path / "file").write_text("")
    assert run("demo", "-o", tmp_path / "file").code == 3


def test_version_and_help(run):
    assert run("--version").out == f"gyrosharp {gyrosharp.__version__}\n"
    for call in ((), ("--help",), ("-h",)):
        result = run(*call)
        assert result.code == 0 and "Usage: gyrosharp" in result.out and result.err == ""


@pytest.mark.parametrize("verb", ["deblur", "field", "probe", "demo"])
def test_help_has_examples_that_parse(run, verb):
    """Every example's verb and flags exist."""
    page = run(verb, "--help").out
    examples = re.findall(r"^ +(gyrosharp (?:.|\\\n)*)$", page, re.MULTILINE)
    assert examples and max(map(len, page.splitlines())) <= 80
    for example in examples:
        assert set(re.findall(r" (--?[a-z][a-z-]*)", example)) <= set(re.findall(r"--?[a-z][a-z-]*", page))


def test_help_names_every_method(run):
    text = " ".join(run("deblur", "--help").out.split())
    assert all(name in text for name in ("auto", *methods()))
