"""`deblur`, `field` and `probe` of a capture file with poses and depth."""

import json

import cv2
import numpy as np
import pytest

import rgbd_shot
from gyrosharp.evaluation.metrics import psnr

CAPTURE = "photo.capture.json"


@pytest.fixture(scope="module")
def rgbd_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rgbd")
    rgbd_shot.write_shot(folder, rgbd_shot.scene())
    return folder


@pytest.fixture
def rgbd(rgbd_folder, tmp_path):
    for path in rgbd_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def with_depth(folder, depth, **changes):
    (folder / CAPTURE).write_text(json.dumps(rgbd_shot.document(depth, **changes)))


def gain(folder, out):
    truth, before, after = (cv2.imread(str(folder / name)) / 255.0 for name in ("truth.png", "photo.png", out))
    return psnr(truth, after) - psnr(truth, before)


@pytest.mark.parametrize(("method", "least_db"), [("auto", 7.5), ("rl", 7.5), ("map", 7.0)])
def test_deblur_with_depth(rgbd, run, method, least_db):
    result = run("deblur", rgbd / CAPTURE, "-o", rgbd / "out.png", "--method", method)
    assert result.code == 0, result.err
    assert gain(rgbd, "out.png") > least_db
    found = json.loads((rgbd / "out.png.json").read_text())["diagnostics"]
    assert found["decision"] == "deblurred"
    assert found["reblur_residual"]["after"] < 0.5 * found["reblur_residual"]["before"]


def test_every_kind_of_depth_file_gives_the_same_photo(rgbd, run):
    photos = []
    for depth in ("depth.png", "depth.npy", "depth.exr"):
        with_depth(rgbd, depth)
        assert run("deblur", rgbd / CAPTURE, "-o", rgbd / "out.png", "-f", "--method", "rl").code == 0
        photos.append((rgbd / "out.png").read_bytes())
    assert len(set(photos)) == 1


def test_depth_left_out_does_no_harm(rgbd, run):
    """Rotation alone cannot explain the photo: auto keeps it; told to deblur, the result is worse than the photo."""
    with_depth(rgbd, None)
    assert run("deblur", rgbd / CAPTURE, "-o", rgbd / "auto.png").code == 0
    np.testing.assert_array_equal(cv2.imread(str(rgbd / "auto.png")), cv2.imread(str(rgbd / "photo.png")))
    assert run("deblur", rgbd / CAPTURE, "-o", rgbd / "rl.png", "--method", "rl").code == 0
    assert gain(rgbd, "rl.png") < 0


def test_wiener_is_refused_in_one_line(rgbd, run):
    result = run("deblur", rgbd / CAPTURE, "-o", rgbd / "out.png", "--method", "wiener")
    assert result.code == 2 and "depends on depth" in result.err
    assert result.err.count("error:") == 1 and not (rgbd / "out.png").exists()


def test_missing_depth_file(rgbd, run):
    with_depth(rgbd, "nowhere.exr")
    result = run("deblur", rgbd / CAPTURE, "-o", rgbd / "out.png")
    assert result.code == 3 and "nowhere.exr: expected a depth map, got no such file" in " ".join(result.err.split())


def test_field_follows_the_depth(rgbd, run):
    """At the last moment of row 150: x = f (X - p)_x / (Z - p_z) after the turn back, by hand for wall and box."""
    result = run("field", rgbd / CAPTURE, "--points", "20,150 240,150", "--times", "3", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    end_s = found["point_times_ns"][0][-1] * 1e-9
    centre = np.array([(rgbd_shot.WIDTH - 1) / 2, (rgbd_shot.HEIGHT - 1) / 2])
    back = rgbd_shot.rotations([end_s])[0].T
    for start, depth_m, track in zip(([20, 150], [240, 150]), (4.0, 0.8), found["points"], strict=True):
        point = depth_m * np.append((start - centre) / rgbd_shot.FOCAL_PX, 1.0)
        x, y, z = back @ (point - rgbd_shot.position_m(end_s))
        np.testing.assert_allclose(track[-1], rgbd_shot.FOCAL_PX * np.array([x, y]) / z + centre, atol=2e-3)


def test_probe_measures_the_trails(rgbd, run):
    result = run("probe", rgbd / CAPTURE, "--json")
    assert result.code == 0, result.err
    blur = json.loads(result.out)["blur_px"]
    assert 4.0 < blur["median"] < 6.0 and 9.0 < blur["longest"] < 12.0
