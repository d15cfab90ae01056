"""benchmarks/gallery.py: every case has the failure that it claims, and the page shows them all."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_inputs import Scaled
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.datasets.synthesis.trail_length import trail_px
from gyrosharp.media.transfer import SRGB

pytest.importorskip("skimage", reason="scikit-image is not installed here")

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "failures.md"
# In shares of a picture's sides.
CORNERS = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]])


@pytest.fixture(scope="module")
def scripts():
    """The two scripts, which import each other by name as scripts do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield importlib.import_module("gallery"), importlib.import_module("gallery_shots")


@pytest.fixture(scope="module")
def gallery(scripts):
    return scripts[0]


@pytest.fixture(scope="module")
def shots(scripts):
    """Makes the shot of a case, once."""
    made = {}

    def shot(name):
        if name not in made:
            case = scripts[1].CASES[name]
            made[name] = case.make(scripts[1].sharp_photo(case.photo))
        return made[name]

    return shot


def chords_px(capture, points_px):
    """How far points go while their line is exposed, (P, 2) px."""
    motion = CameraMotion.from_capture(capture)
    points = np.asarray(points_px, dtype=float)
    ends = motion.positions(points, motion.line_times_ns(points, [0.0, 1.0]))
    return ends[:, 1] - ends[:, 0]


def places_px(shot, shares):
    return np.asarray(shares) * (shot.true.camera.width - 1, shot.true.camera.height - 1)


def unexplained(scripts, shot):
    """What the true motion of the camera leaves of a photo, encoded, (H, W, C)."""
    alone = scripts[1].blurred(shot.told.truth_linear, shot.true)
    return SRGB.encode(shot.told.blurred_linear) - SRGB.encode(np.clip(alone, 0.0, 1.0))


def test_lamps_are_clipped_along_their_trails(shots):
    told = shots("saturation").told
    before, after = ((picture >= 0.999).any(axis=2).mean() for picture in (told.truth_linear, told.blurred_linear))
    assert after > 0.01
    assert after > 2 * before


def test_the_object_moves_on_its_own(scripts, shots):
    shot = shots("object")
    left = np.abs(unexplained(scripts, shot)).max(axis=2)
    # A disc of 150 px in 464 x 464 px, and where it passes by; the rest is noise of 1 %.
    assert 0.02 < (left > 0.06).mean() < 0.2
    assert np.median(left) < 0.03
    (camera,), path = chords_px(shot.true, places_px(shot, [[0.6, 0.5]])), np.array(scripts[1].OBJECT_PATH_PX)
    sine = abs(camera[0] * path[1] - camera[1] * path[0]) / (np.linalg.norm(camera) * np.linalg.norm(path))
    assert sine > 0.5
    assert np.linalg.norm(path) > np.linalg.norm(camera)


def test_trails_of_a_turn_point_everywhere_and_grow_outwards(shots):
    shot = shots("roll")
    corners, (middle,) = (chords_px(shot.true, places_px(shot, shares)) for shares in (CORNERS, [[0.5, 0.5]]))
    assert np.linalg.norm(middle) < 0.3 * np.linalg.norm(corners, axis=1).min()
    # As lines, which have no sense: their angles agree modulo 180 degrees.
    angles = np.rad2deg(np.arctan2(corners[:, 1], corners[:, 0]))
    apart = np.abs((angles[:, None] - angles + 90.0) % 180.0 - 90.0)
    assert apart.max() > 60.0


@pytest.mark.parametrize("percent", [5, 10, 20, 40])
def test_only_the_focal_length_is_wrong(shots, percent):
    shot = shots(f"focal-{percent}")
    assert shot.told.capture.camera.fx / shot.true.camera.fx == pytest.approx(1 + percent / 100)
    np.testing.assert_array_equal(shot.told.capture.imu.gyro_rad_s, shot.true.imu.gyro_rad_s)


@pytest.mark.parametrize(("name", "left"), [("ois-70", 0.3), ("ois-90", 0.1)])
def test_a_stabiliser_leaves_its_share_of_the_trails(shots, name, left):
    shot = shots(name)
    middle, middle_told = (chords_px(each, places_px(shot, [[0.5, 0.5]]))[0] for each in (shot.true, shot.told.capture))
    assert np.linalg.norm(middle) == pytest.approx(left * np.linalg.norm(middle_told), rel=0.02)
    # Towards the corners a tilt moves the picture more than in the middle, and the lens does not.
    assert trail_px(shot.true) / trail_px(shot.told.capture) == pytest.approx(left, abs=0.06)
    assert shot.told.capture.lens_shift is None


def test_the_other_log_smears_as_much_another_way(shots):
    shot = shots("other-log")
    assert trail_px(shot.told.capture) == pytest.approx(trail_px(shot.true), rel=0.1)
    true, told = (chords_px(capture, places_px(shot, [[0.5, 0.5]]))[0] for capture in (shot.true, shot.told.capture))
    assert np.linalg.norm(true - told) > 5.0


def test_long_trails_are_long(shots):
    assert trail_px(shots("long").true) > 95.0


def test_near_things_move_more_than_the_log_says(shots):
    shot = shots("depth")
    depth = shot.true.depth()
    points = [np.argwhere(part)[::500, ::-1] for part in (depth < 0.9, depth > 3.0)]
    near, far = (
        np.median(np.linalg.norm(chords_px(shot.true, p) - chords_px(shot.told.capture, p), axis=1)) for p in points
    )
    assert near > 10.0
    assert far < 0.4 * near
    assert shot.told.capture.imu is not None and shot.told.capture.depth() is None


def test_the_night_is_noisy_and_the_others_are_not(scripts, shots):
    assert unexplained(scripts, shots("noise")).std() > 0.05
    assert unexplained(scripts, shots("roll"))[60:-60, 60:-60].std() == pytest.approx(0.01, abs=0.003)


def test_the_jpeg_has_blocks(shots):
    told = shots("jpeg").told
    assert told.lossy
    # The border that was cut off is three blocks wide; colour has blocks of 16, lightness of 8 px.
    steps = np.abs(np.diff(SRGB.encode(told.blurred_linear), axis=1)).mean(axis=(0, 2))
    at_blocks = np.arange(steps.size) % 8 == 7
    assert steps[at_blocks].mean() > 1.2 * steps[~at_blocks].mean()


def test_every_case_is_in_the_table_and_told_of(gallery):
    page = PAGE.read_text(encoding="utf-8")
    assert list(gallery.table_rows(page)) == list(gallery.CASES), "run benchmarks/gallery.py"
    assert gallery.with_rows(page, {}) == page
    for name, row in gallery.table_rows(page).items():
        assert f"| {gallery.CASES[name].title} |" in row
    shown = {f"failure-{name}.jpg" for name, case in gallery.CASES.items() if case.shown}
    assert set(re.findall(r"\(figures/(.*?)\)", page)) == shown


def test_pictures_are_there_and_small(gallery):
    figures = ROOT / "docs" / "figures"
    sizes = [(figures / f"failure-{name}.jpg").stat().st_size for name, case in gallery.CASES.items() if case.shown]
    assert max(sizes) <= 70_000
    assert sum(sizes) <= 600_000


def run(gallery, monkeypatch, *arguments):
    monkeypatch.setattr(gallery, "deblurrer", lambda name: Scaled(name, 0.5 if name == "rl" else 1.0))
    monkeypatch.setattr("sys.argv", ["gallery.py", *map(str, arguments)])
    gallery.main()


def test_a_run_replaces_its_rows_and_leaves_the_others(gallery, monkeypatch, tmp_path):
    import cv2

    page = tmp_path / "page.md"
    stale = ["| `other-log` | old |", "| `gone` | old |", "| `jpeg` | kept |"]
    page.write_text("\n".join(["Before.", gallery.BEGIN, gallery.HEAD, *stale, gallery.END, "After.\n"]))
    run(gallery, monkeypatch, "-o", tmp_path / "figures", "--only", "other-log", "--page", page)
    rows = gallery.table_rows(page.read_text())
    assert list(rows) == ["other-log", "jpeg"]
    assert rows["jpeg"] == stale[2]
    title, blurred, auto, rl, said = rows["other-log"].split("| ")[2:]
    assert title == "the log of another shot "
    assert blurred == auto and float(rl) < float(auto)
    assert said == "deblurred: as asked |"
    assert page.read_text().startswith("Before.\n") and page.read_text().endswith("\nAfter.\n")
    (picture,) = (tmp_path / "figures").iterdir()
    assert cv2.imread(str(picture)).shape == (228 + 20, 3 * 296 + 2 * 6, 3)


def test_where_auto_does_nothing_the_strip_shows_what_it_spared(gallery, shots, monkeypatch):
    monkeypatch.setattr(gallery, "deblurrer", lambda name: Scaled(name, 0.2 if name == "rl" else 1.0))
    result = gallery.measured(shots("other-log"))
    case = gallery.CASES["other-log"]
    done = gallery.strip(case, result)[: gallery.TILE_PX[1], -gallery.TILE_PX[0] :]
    auto = result.found["auto"]
    left = replace(auto, diagnostics=replace(auto.diagnostics, decision="left unchanged"))
    spared = gallery.strip(case, replace(result, found={**result.found, "auto": left}))
    assert spared[: gallery.TILE_PX[1], -gallery.TILE_PX[0] :].mean() < 0.7 * done.mean()


def test_a_page_without_a_place_for_the_table_is_refused(gallery, monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(SystemExit, match="expected the lines '<!-- table of"):
        run(gallery, monkeypatch, "-o", tmp_path, "--only", "other-log", "--page", page)


def test_a_part_beyond_the_picture_is_refused(gallery):
    with pytest.raises(ValueError, match=r"part: expected to end within \(10, 8\), got \(11, 4\)"):
        gallery.cut(np.zeros((8, 10, 3), np.uint8), (3, 0, 8, 4))
