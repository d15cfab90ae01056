import json
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

import bench_inputs
from bench_inputs import Scaled, scaled
from gyrosharp.errors import ImageError, MissingComponentError, OutputError, UsageError
from gyrosharp.evaluation.contenders import Contender, contender, contenders
from gyrosharp.evaluation.definition import MeasurePart
from gyrosharp.evaluation.kept_pictures import SHOTS_PER_CASE, shown_shots
from gyrosharp.evaluation.machine import machine_name
from gyrosharp.evaluation.results import Result, ResultsFile
from gyrosharp.evaluation.runner import RESULTS, evaluate
from gyrosharp.evaluation.scoring import PERFECT_DB, compared_parts, scores
from gyrosharp.evaluation.shots import BenchmarkShot, Entry
from gyrosharp.evaluation.sources import Selection
from gyrosharp.media.image_file import read_image
from gyrosharp.restore.restoration import Restoration


@pytest.fixture
def small(tmp_path):
    return bench_inputs.benchmark(bench_inputs.photos(tmp_path / "photos"))


def keys(report, method):
    return [result.key for result in report.results if result.method == method]


def test_every_method_on_every_shot_with_the_untouched_picture_first(small, tmp_path):
    report = evaluate(small, [scaled()], tmp_path / "out")
    assert [method.label for method in report.methods] == ["blurred", "scaled"]
    everything = [f"{case}/{photo}" for photo in "abc" for case in ("exact", "errors")]
    assert keys(report, "blurred") == keys(report, "scaled") == everything
    assert not report.failures and not report.left_out and report.resumed == 0
    result = report.results[1]
    assert result.megapixels == bench_inputs.WIDTH * bench_inputs.HEIGHT / 1e6
    assert result.decision == "deblurred" and result.seconds > 0
    assert report.results[0].seconds is None


def test_scores_are_those_of_the_encoded_pictures(small, tmp_path):
    report = evaluate(small, [scaled(factor=1.0)], tmp_path / "out")
    same = [result.scores["psnr"] for result in report.results]
    assert same[::2] == same[1::2]


def test_one_run_for_nothing_before_time_is_taken(small, tmp_path):
    method = scaled()
    evaluate(small, [method], tmp_path / "out", Selection(limit=1))
    assert method.worker.calls == 2 + 1


def test_opencv_takes_the_threads_that_the_report_names(small, tmp_path, monkeypatch):
    import cv2

    monkeypatch.setenv("GYROSHARP_THREADS", "3")
    before, seen = cv2.getNumThreads(), []

    class Watching(Scaled):
        def deblur(self, *given, **options):
            seen.append(cv2.getNumThreads())
            return super().deblur(*given, **options)

    method = Contender("watching", Watching(), "motion", "watching")
    report = evaluate(small, [method], tmp_path / "out", Selection(limit=1))
    assert set(seen) == {3} and cv2.getNumThreads() == before
    assert report.results[-1].machine.endswith("3 threads")


def test_results_of_another_backend_are_its_own(monkeypatch):
    card = SimpleNamespace(name="net", files={"onnx": SimpleNamespace(sha256="ab12")}, parameters=5)
    monkeypatch.setattr("gyrosharp.evaluation.contenders.find_model", lambda _: SimpleNamespace(card=card))
    monkeypatch.setattr("gyrosharp.evaluation.contenders.deblurrer", Scaled)
    assert contender("net.onnx").identity == "ab12" and "openvino" not in machine_name()
    monkeypatch.setenv("GYROSHARP_BACKEND", "openvino")
    assert contender("net.onnx").identity == "ab12, openvino"
    assert machine_name().endswith(", openvino")


def test_the_same_command_goes_on(small, tmp_path):
    first = evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1))
    method = scaled()
    second = evaluate(small, [method], tmp_path / "out", Selection(limit=2))
    assert second.resumed == len(first.results) == 4
    assert method.worker.calls == 2 + 1
    assert second.results[: len(first.results)] == first.results
    third = evaluate(small, [scaled()], tmp_path / "out", Selection(limit=2), force=True)
    assert third.resumed == 0


def test_results_of_other_weights_or_measures_are_not_taken_over(small, tmp_path):
    evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1))
    assert evaluate(small, [scaled(factor=1.1)], tmp_path / "out", Selection(limit=1)).resumed == 2
    assert evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1, metrics=("ssim",))).resumed == 0


def test_a_line_that_was_cut_off_is_made_again(small, tmp_path):
    whole = evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1))
    path = tmp_path / "out" / RESULTS
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    again = evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1))
    assert again.resumed == 3
    lines = path.read_text().splitlines()
    assert [json.loads(line)["fingerprint"] for line in lines] == [r.fingerprint for r in whole.results]


def test_a_bad_run_is_named_and_the_rest_goes_on_and_the_next_call_tries_again(small, tmp_path):
    # The first call is the warm-up; the third is that of the second shot.
    report = evaluate(small, [scaled(fails_at=(3,)), scaled("other")], tmp_path / "out", Selection(limit=1))
    assert [(f.method, f.shot, f.reason) for f in report.failures] == [
        ("scaled", "errors/a", "RuntimeError: bad weights")
    ]
    assert keys(report, "scaled") == ["exact/a"]
    assert len(keys(report, "other")) == 2
    again = evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1))
    assert not again.failures and again.resumed == 3


def test_a_photo_that_cannot_be_read_is_named_once(small, tmp_path):
    (tmp_path / "photos" / "b.png").write_bytes(b"no picture")
    report = evaluate(small, [scaled()], tmp_path / "out", Selection(cases=("exact",)))
    assert [(f.method, f.shot) for f in report.failures] == [("", "exact/b")]
    assert keys(report, "scaled") == ["exact/a", "exact/c"]


def test_a_broken_model_is_named_and_a_misspelt_method_stops(small, tmp_path):
    report = evaluate(small, ["missing.onnx", scaled()], tmp_path / "out", Selection(limit=1))
    (failure,) = report.failures
    assert (failure.method, failure.shot) == ("missing.onnx", "all shots")
    assert "missing.onnx: expected a model, got no such file" in failure.reason
    with pytest.raises(UsageError, match="method: expected one of"):
        evaluate(small, ["misspelt"], tmp_path / "out")


def test_methods_that_shots_do_not_suit_are_left_out_with_the_reason(tmp_path):
    import cv2

    for name in ("blur", "sharp"):
        (tmp_path / "pairs" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "pairs" / name / "1.png"), bench_inputs.photo(1))
    report = evaluate(tmp_path / "pairs", ["rl", _Alone.contender()], tmp_path / "out", Selection(metrics=("psnr",)))
    assert report.left_out == {"rl": "rl needs the camera's motion, and these shots come without"}
    assert keys(report, "alone") == ["stored/1"]
    # Equal pictures: a perfect result counts a finite number.
    assert report.results[0].scores["psnr"] == PERFECT_DB


class _Alone(Scaled):
    """A network that sees the picture alone."""

    needs_motion = False

    def deblur_unknown(self, picture_linear, progress=None, *, lossy=False):
        return self.deblur(None, picture_linear, progress, lossy=lossy)

    @classmethod
    def contender(cls):
        return Contender("alone", cls("alone"), "nothing", "alone")


def test_a_kernel_suits_solvers_but_not_what_needs_motion():
    point = np.zeros((3, 3), np.float32)
    point[1, 1] = 1.0
    picture = np.full((48, 48, 3), 0.5, np.float32)
    shot = BenchmarkShot(picture, picture, kernel=point)
    assert contender("rl").missing(shot) is None
    assert isinstance(contender("rl").restore(shot).image_linear, np.ndarray)
    assert (
        contender("auto").missing(shot) == "auto needs the camera's motion, and these shots come with a kernel instead"
    )
    assert contender("blurred").restore(shot).decision == "left unchanged"


def test_contenders_have_names_of_their_own():
    assert [one.label for one in contenders(["rl", "mine=rl-tv", "input=blurred"])] == ["input", "rl", "mine"]
    assert [one.label for one in contenders([scaled()])] == ["blurred", "scaled"]
    with pytest.raises(UsageError, match="methods: expected different names, got 'rl' twice; write LABEL=METHOD"):
        contenders(["rl", "rl=rl-tv"])
    with pytest.raises(UsageError, match="methods: expected METHOD or LABEL=METHOD, got '=rl'"):
        contender("=rl")


def test_progress_is_told_before_every_run(small, tmp_path):
    told = []
    evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1), told.append)
    assert [(state.done, state.total) for state in told] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert told[1].doing == "scaled, exact/a"


def test_pictures_of_the_first_shots_of_each_case_are_kept(tmp_path):
    folder = bench_inputs.photos(tmp_path / "more", 5)
    more = bench_inputs.benchmark(folder)
    evaluate(more, [scaled("a/b")], tmp_path / "out")
    for case in ("exact", "errors"):
        found = sorted(path.name for path in (tmp_path / "out" / "pictures" / case).iterdir())
        assert found == ["a", "b", "c"][:SHOTS_PER_CASE]
    picture = tmp_path / "out" / "pictures" / "exact" / "a"
    names = sorted(path.name for path in picture.iterdir())
    assert [name.partition(".")[0] for name in names] == ["a_b", "blurred", "truth"]
    assert read_image(picture / names[2]).pixels_linear.shape == (bench_inputs.HEIGHT, bench_inputs.WIDTH, 3)
    # One that was deleted is made again.
    (picture / names[0]).unlink()
    assert evaluate(more, [scaled("a/b")], tmp_path / "out").resumed == 19
    assert (picture / names[0]).is_file()
    # Those of other weights lie beside it.
    evaluate(more, [scaled("a/b", factor=1.2)], tmp_path / "out")
    assert len(list(picture.iterdir())) == 4


def test_shots_of_one_photo_are_kept_once():
    entries = [Entry(f"{photo}-{n}", "exact", photo, "") for photo in "abcd" for n in range(2)]
    assert shown_shots(entries) == {"exact/a-0", "exact/b-0", "exact/c-0"}


def test_results_files(tmp_path):
    path = tmp_path / "results.jsonl"
    file = ResultsFile(path)
    good = Result("f1", "rl", "exact", "a", "a", "i", {"psnr": 30.0}, 1.0, 0.5, "deblurred")
    file.add(good)
    file.add(replace(good, fingerprint="f2", error="failed"))
    assert ResultsFile(path).get("f1") == good
    assert ResultsFile(path).get("f2") is None
    path.write_text(json.dumps({**asdict(good), "unknown": 1}) + "\n")
    with pytest.raises(OutputError, match=r"results.jsonl, line 1: expected a result, got something else; use -f"):
        ResultsFile(path)
    with pytest.raises(OutputError, match="cannot be written"):
        ResultsFile(tmp_path / "no" / "results.jsonl").add(good)


def test_borders_and_masks_do_not_count():
    truth = np.full((40, 40, 3), 0.5, np.float32)
    image = truth.copy()
    image[:4] = 0.0
    shot = BenchmarkShot(truth, truth)
    assert scores(image, shot, MeasurePart(metrics=("psnr",)))["psnr"] < 20.0
    assert scores(image, shot, MeasurePart(metrics=("psnr",), border_px=4))["psnr"] == PERFECT_DB
    mask = np.ones((40, 40), np.float32)
    mask[:4] = 0.0
    assert scores(image, replace(shot, mask=mask), MeasurePart(metrics=("psnr",)))["psnr"] == PERFECT_DB


def test_pictures_are_compared_in_the_codes_that_a_benchmark_names():
    shot = BenchmarkShot(np.full((8, 8, 1), 0.25, np.float32), np.full((8, 8, 1), 0.5, np.float32))
    image, truth, _ = compared_parts(shot.blurred_linear, shot, MeasurePart(curve="linear"))
    assert (image[0, 0, 0], truth[0, 0, 0]) == (0.25, 0.5)
    # IEC 61966-2-1: 1.055 * 0.25^(1 / 2.4) - 0.055 = 0.537099, and 0.735357 for 0.5.
    image, truth, _ = compared_parts(shot.blurred_linear, shot, MeasurePart())
    assert (image[0, 0, 0], truth[0, 0, 0]) == (pytest.approx(0.537099, abs=1e-6), pytest.approx(0.735357, abs=1e-6))


@pytest.mark.parametrize("align", ["shift", "homography", "levin"])
def test_a_shift_is_taken_out_where_a_benchmark_says_so(align):
    rough = np.random.default_rng(2).uniform(0.2, 0.8, (90, 90)).astype(np.float32)
    import cv2

    smooth = cv2.GaussianBlur(rough, (0, 0), 3)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    shot = BenchmarkShot(smooth[5:-5, 5:-5, None], smooth[5:-5, 5:-5, None])
    shifted = np.ascontiguousarray(smooth[3:-7, 4:-6, None])
    plain = scores(shifted, shot, MeasurePart(metrics=("psnr",)))["psnr"]
    registered = scores(shifted, shot, MeasurePart(metrics=("psnr",), align=align))["psnr"]
    assert plain < 26.0 and registered > 40.0


def test_shots_without_truth_take_metrics_without():
    shot = BenchmarkShot(np.full((200, 200, 3), 0.5, np.float32), None)
    message = "metrics: expected one that needs no truth for shots without, got psnr, ssim; give --metrics niqe"
    with pytest.raises(UsageError, match=message):
        scores(shot.blurred_linear, shot, MeasurePart())


def test_a_metric_whose_package_is_missing_stops_the_run(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(MissingComponentError, match="lpips: expected the package lpips, which is not installed here"):
        evaluate(small, [scaled()], tmp_path / "out", Selection(limit=1, metrics=("lpips",)))


def test_pictures_that_cannot_be_registered_fail_by_name(small, tmp_path):
    measure = MeasurePart(metrics=("psnr",), align="shift")
    aligned = small.model_copy(update={"measure": measure})
    report = evaluate(aligned, [Contender("black", _Black(), "motion", "black")], tmp_path / "out", Selection(limit=1))
    assert {(f.method, f.shot) for f in report.failures} == {("black", "exact/a"), ("black", "errors/a")}
    with pytest.raises(ImageError):
        scores(np.zeros((64, 64, 3), np.float32), _textured(), measure)


def _textured():
    picture = np.random.default_rng(0).uniform(0, 1, (64, 64, 3)).astype(np.float32)
    return BenchmarkShot(picture, picture)


class _Black(Scaled):
    def deblur(self, capture, picture_linear, progress=None, *, lossy=False):
        found = super().deblur(capture, picture_linear, progress, lossy=lossy)
        return Restoration(np.zeros_like(found.image), found.diagnostics)
