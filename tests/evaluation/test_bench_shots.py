import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

import bench_inputs
from bench_inputs import HEIGHT, WIDTH
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.synthesis.log_windows import sha256_of
from gyrosharp.datasets.synthesis.trail_length import median_trail_px
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import ImageError, MissingComponentError, UsageError
from gyrosharp.evaluation.definition import load_benchmark
from gyrosharp.evaluation.made_shots import MadeShots
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.evaluation.runner import evaluate
from gyrosharp.evaluation.stored_shots import stored_shots
from gyrosharp.evaluation.table import Table
from gyrosharp.media.transfer import SRGB


@pytest.fixture
def shots(tmp_path):
    return MadeShots(bench_inputs.benchmark(bench_inputs.photos(tmp_path / "photos")))


def made(shots, number):
    return shots.shot(shots.entries[number])


def rates(shot):
    return shot.capture.imu.gyro_rad_s


def test_entries_are_photos_in_every_case(shots):
    assert [entry.key for entry in shots.entries] == [f"{c}/{p}" for p in "abc" for c in ("exact", "errors")]
    assert len({entry.inputs_sha256 for entry in shots.entries}) == 6


def test_cases_share_picture_and_truth_and_differ_in_what_is_told(shots):
    exact, errors = made(shots, 0), made(shots, 1)
    assert np.array_equal(exact.blurred_linear, errors.blurred_linear)
    assert abs(errors.capture.time_offset_s) == pytest.approx(0.004)
    assert abs(errors.capture.camera.fx / exact.capture.camera.fx - 1) == pytest.approx(0.04)
    assert np.std(rates(errors) - rates(exact)) == pytest.approx(0.01, rel=0.1)
    assert exact.capture.time_offset_s == 0.0


def test_the_exact_case_is_the_blur_of_its_capture(shots):
    shot = made(shots, 0)
    again = ExactOperator(CameraMotion.from_capture(shot.capture), 200).forward(shot.truth_linear)
    # What is left is the noise: 1 % of full scale, 40 dB.
    assert psnr_srgb(again, shot.blurred_linear) == pytest.approx(40.0, abs=0.7)
    assert psnr_srgb(shot.truth_linear, shot.blurred_linear) < 38.0


def test_trails_are_as_long_as_drawn(shots):
    for number in (0, 2, 4):
        shot = made(shots, number)
        assert 3.0 <= shot.facts["trail_px"] <= 8.0
        assert median_trail_px(shot.capture) == pytest.approx(shot.facts["trail_px"], rel=1e-3)


def test_a_shot_does_not_depend_on_what_else_is_run(shots):
    alone = MadeShots(replace_cases(shots.benchmark, "errors"), limit=2)
    assert [entry.name for entry in alone.entries] == ["a", "b"]
    wanted = shots.entries[3]
    same = next(entry for entry in alone.entries if entry.key == wanted.key)
    assert same.inputs_sha256 == wanted.inputs_sha256
    first, second = shots.shot(wanted), alone.shot(same)
    assert np.array_equal(first.blurred_linear, second.blurred_linear)
    assert np.array_equal(rates(first), rates(second))
    assert first.facts == second.facts


def replace_cases(benchmark, *names):
    return benchmark.model_copy(update={"cases": {name: benchmark.cases[name] for name in names}})


def test_the_digest_follows_what_decides_the_shot_and_nothing_else(shots, tmp_path):
    def digest(**changes):
        return MadeShots(bench_inputs.benchmark(shots.benchmark.photos.folder, **changes)).entries[0].inputs_sha256

    same = shots.entries[0].inputs_sha256
    assert digest() == same
    assert digest(description="other words", measure={"metrics": ["ssim"]}) == same
    assert digest(seed=4) != same
    assert digest(camera={"noise_std": 0.02}) != same
    elsewhere = bench_inputs.photos(tmp_path / "elsewhere")
    assert MadeShots(bench_inputs.benchmark(elsewhere)).entries[0].inputs_sha256 == same
    cv2.imwrite(str(elsewhere / "a.png"), bench_inputs.photo(77))
    assert MadeShots(bench_inputs.benchmark(elsewhere)).entries[0].inputs_sha256 != same


def test_a_margin_lets_true_light_into_the_picture(tmp_path):
    folder = bench_inputs.photos(tmp_path / "photos", 1)
    whole = made(MadeShots(bench_inputs.benchmark(folder)), 0)
    cut = made(MadeShots(bench_inputs.benchmark(folder, photos={"folder": str(folder), "margin_px": 12})), 0)
    assert cut.blurred_linear.shape == (HEIGHT - 24, WIDTH - 24, 3)
    assert (cut.capture.camera.width, cut.capture.camera.height) == (WIDTH - 24, HEIGHT - 24)
    assert np.array_equal(cut.blurred_linear, whole.blurred_linear[12:-12, 12:-12])
    assert np.array_equal(cut.truth_linear, whole.truth_linear[12:-12, 12:-12])
    # The cropped capture still describes the blur: away from the new border it makes the same picture.
    again = ExactOperator(CameraMotion.from_capture(cut.capture), 200).forward(cut.truth_linear)
    inner = (slice(12, -12), slice(12, -12))
    assert psnr_srgb(again[inner], cut.blurred_linear[inner]) == pytest.approx(40.0, abs=0.9)


def test_several_shots_of_a_photo_have_motions_of_their_own(tmp_path):
    folder = bench_inputs.photos(tmp_path / "photos", 1)
    shots = MadeShots(bench_inputs.benchmark(folder, photos={"folder": str(folder), "shots_per_photo": 2}))
    assert [(entry.name, entry.photo) for entry in shots.entries] == [
        ("a-1", "a"),
        ("a-1", "a"),
        ("a-2", "a"),
        ("a-2", "a"),
    ]
    first, second = made(shots, 0), made(shots, 2)
    assert not np.array_equal(first.blurred_linear, second.blurred_linear)
    assert np.array_equal(first.truth_linear, second.truth_linear)


def test_photos_of_one_name_are_shots_of_their_own(tmp_path):
    folder = bench_inputs.photos(tmp_path / "photos", 1)
    cv2.imwrite(str(folder / "a.jpg"), bench_inputs.photo(9))
    report = evaluate(bench_inputs.benchmark(folder, cases={"exact": {}}), [bench_inputs.scaled()], tmp_path / "out")
    row = Table(report).rows[1]
    assert [(gain.shot, gain.photo) for gain in row.gains] == [("a", "a"), ("a (2)", "a (2)")]
    assert len({gain.value for gain in row.gains}) == 2


def test_harmful_cases(tmp_path):
    cases = {
        "shaken": {},
        "other": {"gyro": "other"},
        "tripod": {"picture": "sharp"},
        "defocus": {"picture": "defocused", "defocus_px": [3, 3]},
        "tiny": {"trail_px": [0.3, 0.5]},
    }
    shots = MadeShots(bench_inputs.benchmark(bench_inputs.photos(tmp_path / "photos", 1), cases=cases))
    shaken, other, tripod, defocus, tiny = (made(shots, number) for number in range(5))
    assert np.array_equal(other.blurred_linear, shaken.blurred_linear)
    assert isinstance(other.capture, Capture)
    assert np.sqrt(np.mean(rates(other) ** 2)) == pytest.approx(np.sqrt(np.mean(rates(shaken) ** 2)), rel=1e-6)
    assert abs(np.corrcoef(rates(other)[:50, 0], rates(shaken)[:50, 0])[0, 1]) < 0.99
    CameraMotion.from_capture(other.capture)  # the log covers the exposure
    assert psnr_srgb(tripod.blurred_linear, tripod.truth_linear) == pytest.approx(40.0, abs=0.5)
    assert psnr_srgb(defocus.blurred_linear, defocus.truth_linear) < 35.0
    assert tiny.facts["trail_px"] < 0.5 < shaken.facts["trail_px"]


def test_a_shot_is_stored_as_a_jpeg(tmp_path):
    """Pillow's JPEG of the same quality tells how far off it is; nothing else of the shot changes."""
    cases = {"plain": {}, "jpeg": {"jpeg_quality": 30}, "fine": {"jpeg_quality": 100}}
    shots = MadeShots(bench_inputs.benchmark(bench_inputs.photos(tmp_path / "photos", 1), cases=cases))
    plain, jpeg, fine = (made(shots, number) for number in range(3))
    assert (plain.lossy, jpeg.lossy, fine.lossy) == (False, True, True)
    data = io.BytesIO()
    codes = np.uint8(np.rint(255 * SRGB.encode(plain.blurred_linear)))
    Image.fromarray(codes).save(data, "JPEG", quality=30, subsampling="4:2:0")
    stored = SRGB.decode(np.asarray(Image.open(data)) / np.float32(255))
    off = psnr_srgb(stored, plain.blurred_linear)
    assert psnr_srgb(jpeg.blurred_linear, plain.blurred_linear) == pytest.approx(off, abs=0.5)
    assert psnr_srgb(fine.blurred_linear, plain.blurred_linear) > off + 3
    assert np.array_equal(jpeg.truth_linear, plain.truth_linear)
    assert np.array_equal(rates(jpeg), rates(plain))


def test_defocus_is_a_disc_of_the_drawn_radius(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    point = np.zeros((65, 65, 3), np.uint8)
    point[32, 32] = 255
    cv2.imwrite(str(folder / "a.png"), point)
    quiet = {"noise_std": 0.0, "bits": 0}
    cases = {"defocus": {"picture": "defocused", "defocus_px": [4, 4]}}
    shot = made(MadeShots(bench_inputs.benchmark(folder, cases=cases, camera=quiet)), 0)
    plane = shot.blurred_linear[..., 0]
    assert plane.sum() == pytest.approx(1.0, abs=1e-3)
    assert plane[32, 32 + 4] == pytest.approx(plane[32, 32] / 2, rel=0.02)  # the rim is half covered
    assert plane[32, 32 + 5] == 0.0


def test_motion_from_a_log(tmp_path):
    folder = bench_inputs.photos(tmp_path / "photos", 1)
    log = write_gcsv_of(tmp_path / "shake.gcsv", 1)
    motion = {"logs": ["shake.gcsv"], "trail_px": [4, 4]}
    shots = MadeShots(bench_inputs.benchmark(folder, motion=motion), tmp_path)
    shot = made(shots, 0)
    assert shot.facts["motion"]["file"] == "shake.gcsv"
    assert median_trail_px(shot.capture) == pytest.approx(4.0, rel=1e-3)
    first = shots.entries[0].inputs_sha256
    log.unlink()
    write_gcsv_of(log, 2)
    sha256_of.cache_clear()  # a process reads a file once
    assert MadeShots(shots.benchmark, tmp_path).entries[0].inputs_sha256 != first


def write_gcsv_of(path, seed):
    write_gcsv(hand_tremor(np.random.default_rng(seed), 2.0, 0.5), path)
    return path


@pytest.mark.shared_data
def test_gyroblur_mini_is_the_same_everywhere(shared_data):
    shots = MadeShots(load_benchmark("gyroblur-mini"), shared_data, limit=2)
    assert [entry.key for entry in shots.entries] == [
        "exact/kodim01",
        "errors/kodim01",
        "exact/kodim02",
        "errors/kodim02",
    ]
    first = shots.shot(shots.entries[0])
    assert first.blurred_linear.shape == (448, 704, 3)
    assert shots.entries[0].inputs_sha256 == MINI_SHA256
    assert first.facts["trail_px"] == pytest.approx(11.0193518, abs=1e-6)
    assert first.facts["motion"]["file"] == "gyro_train.txt"
    # The inputs' digest does not know of the blur's code; the picture does.
    assert psnr_srgb(first.blurred_linear, first.truth_linear) == pytest.approx(MINI_BLURRED_DB, abs=1e-3)


# The shots of gyroblur-mini are frozen: a change of this digest makes all published tables of it void.
MINI_SHA256 = "c5a23961046f6eacdbd48b2268965e1da5e99aa5d48fbe5de9cb6f41ff33ccdd"
MINI_BLURRED_DB = 21.16367


@pytest.mark.shared_data
def test_levin_shots_bring_their_kernels(shared_data):
    shots = stored_shots(load_benchmark("levin"), shared_data, limit=2)
    assert [entry.photo for entry in shots.entries] == ["gt/im1.png", "gt/im1.png"]
    shot = shots.shot(shots.entries[0])
    assert shot.capture is None
    assert shot.kernel.sum() == pytest.approx(1.0, abs=1e-5)


def test_bundled_photos_come_from_scikit_image():
    skimage = pytest.importorskip("skimage", reason="scikit-image is not installed here")
    del skimage
    photos = {"bundled": ["camera"], "side_px": 128}
    shots = MadeShots(bench_inputs.benchmark("unused", photos=photos))
    assert made(shots, 0).truth_linear.shape == (128, 128, 1)
    with pytest.raises(UsageError, match="expected names of scikit-image's photos, got 'nobody'"):
        _ = MadeShots(bench_inputs.benchmark("unused", photos={"bundled": ["nobody"]})).entries


def test_bundled_photos_without_scikit_image(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage", None)
    shots = MadeShots(bench_inputs.benchmark("unused", photos={"bundled": ["camera"]}))
    with pytest.raises(MissingComponentError, match="expected scikit-image for its photos"):
        _ = shots.entries


def test_photos_must_hold_something_to_measure(tmp_path):
    folder = bench_inputs.photos(tmp_path / "photos", 1)
    shots = MadeShots(bench_inputs.benchmark(folder, photos={"folder": str(folder), "margin_px": 40}))
    with pytest.raises(ImageError, match=r"a: expected at least 112 px along each side, got 112 x 96; leave it out"):
        made(shots, 0)


def test_kinds_of_benchmarks_are_not_mixed_up(shots):
    stored = bench_inputs.benchmark(
        "unused", photos=None, motion=None, stored={"folder": str(shots.benchmark.photos.folder)}
    )
    with pytest.raises(UsageError, match="small: expected photos to shake, got a set of stored shots"):
        _ = MadeShots(stored).entries
    with pytest.raises(UsageError, match="small: expected stored shots, got photos to shake"):
        stored_shots(shots.benchmark)
    with pytest.raises(ImageError, match="expected blurred pictures, got none"):
        stored_shots(stored)


def test_a_truth_of_another_size_is_refused(tmp_path):
    for name, size in (("blur", (64, 64)), ("sharp", (60, 64))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), np.zeros((*size, 3), np.uint8))
    stored = bench_inputs.benchmark("unused", photos=None, motion=None, stored={"folder": str(tmp_path)})
    shots = stored_shots(stored)
    with pytest.raises(ImageError, match=r"1: expected a truth of shape \(64, 64, 3\), got \(60, 64, 3\)"):
        made(shots, 0)
    # The digest follows the truth as well as the picture.
    first = shots.entries[0].inputs_sha256
    cv2.imwrite(str(tmp_path / "sharp" / "1.png"), np.zeros((64, 64, 3), np.uint8))
    again = stored_shots(stored)
    assert again.entries[0].inputs_sha256 != first
    assert replace(again.entries[0], inputs_sha256=first) == shots.entries[0]
    assert again.shot(again.entries[0]).truth_linear.shape == (64, 64, 3)
