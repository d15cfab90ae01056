import re
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import yaml

import bench_inputs
from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.capture_file import save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.definition import Benchmark, benchmark_reference, benchmarks, load_benchmark
from gyrosharp.evaluation.kept_pictures import keep_picture
from gyrosharp.evaluation.made_shots import MadeShots
from gyrosharp.evaluation.runner import evaluate
from gyrosharp.evaluation.shots import located
from gyrosharp.evaluation.sources import Selection, source_of

ROOT = Path(__file__).resolve().parents[2]


def document(tmp_path, **changes):
    """A benchmark's YAML beside its photos."""
    bench_inputs.photos(tmp_path / "photos", 2)
    content = {"name": "own", "photos": {"folder": "photos"}, "motion": {"tremor": "plain"}, **changes}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_bundled_benchmarks_can_be_read():
    assert benchmarks() == ("gopro", "gyroblur-mini", "harm", "levin")
    for name in benchmarks():
        assert load_benchmark(name).name == name


def test_gyroblur_mini_is_what_its_issue_says():
    mini = load_benchmark("gyroblur-mini")
    assert mini.photos.folder == "images/kodak24"
    assert mini.motion.logs == ("gyro/nolic-gyroblur_synth/gyro_train.txt",)
    assert mini.motion.trail_px == (8.0, 28.0)
    assert mini.camera.exposure_s == (0.03, 0.07)
    assert (mini.camera.readout_s, mini.camera.noise_std, mini.camera.bits) == (0.018, 0.01, 8)
    assert list(mini.cases) == ["exact", "errors"]
    errors = mini.cases["errors"]
    assert (errors.gyro_noise_rad_s, errors.gyro_bias_rad_s) == (0.01, 0.02)
    assert (errors.time_offset_s, errors.focal_error) == (0.004, 0.04)


def test_paths_of_an_own_benchmark_begin_at_its_file(tmp_path):
    source = source_of(document(tmp_path), Selection(limit=1))
    assert [entry.key for entry in source.entries] == ["exact/a"]
    elsewhere = tmp_path / "data"
    bench_inputs.photos(elsewhere / "photos", 3)
    assert len(source_of(tmp_path / "own.yaml", Selection(data=elsewhere)).entries) == 3


def test_cases_and_metrics_can_be_chosen(tmp_path):
    path = document(tmp_path, cases={"exact": {}, "worse": {"focal_error": 0.1}})
    source = source_of(path, Selection(cases=("worse",), metrics=("gmsd", "psnr")))
    assert {entry.case for entry in source.entries} == {"worse"}
    assert source.benchmark.measure.metrics == ("gmsd", "psnr")


def test_a_folder_of_captures_with_truths(tmp_path):
    source = source_of(captures(tmp_path, "{name}_sharp.png"), Selection())
    assert [entry.key for entry in source.entries] == ["stored/shot1", "stored/shot2"]
    shot = source.shots.shot(source.entries[0])
    assert shot.truth_linear is not None and shot.capture is not None
    assert source.benchmark.measure.metrics == ("psnr", "ssim")


def test_pictures_of_one_name_are_shots_of_their_own(tmp_path):
    for folder in ("blur", "sharp"):
        for number, name in enumerate(("1.png", "1.jpg")):
            (tmp_path / "pairs" / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "pairs" / folder / name), bench_inputs.photo(number))
    entries = source_of(tmp_path / "pairs", Selection()).entries
    assert len({entry.key for entry in entries}) == len(entries) > 0


def test_truths_may_lie_in_a_folder(tmp_path):
    source = source_of(captures(tmp_path, "sharp/{name}.png"), Selection())
    assert source.shots.shot(source.entries[1]).truth_linear is not None


def test_without_truth_naturalness_is_measured(tmp_path):
    source = source_of(captures(tmp_path, None), Selection())
    assert source.benchmark.measure.metrics == ("niqe",)
    assert source.shots.shot(source.entries[0]).truth_linear is None


def test_the_digest_of_a_capture_follows_its_motion(tmp_path):
    folder = captures(tmp_path, None)
    first = [entry.inputs_sha256 for entry in source_of(folder, Selection()).entries]
    assert len(set(first)) == 2
    assert [entry.inputs_sha256 for entry in source_of(folder, Selection()).entries] == first
    path = folder / "shot1.capture.json"
    path.write_text(path.read_text().replace('"time_offset_s": 0.0', '"time_offset_s": 0.003'))
    again = [entry.inputs_sha256 for entry in source_of(folder, Selection()).entries]
    assert again[0] != first[0] and again[1] == first[1]


def test_a_broken_capture_is_a_shot_that_fails(tmp_path):
    folder = captures(tmp_path, "{name}_sharp.png")
    (folder / "shot1.gcsv").unlink()
    report = evaluate(folder, [bench_inputs.scaled()], tmp_path / "out", Selection(metrics=("psnr",)))
    assert [(f.method, f.shot) for f in report.failures] == [("", "stored/shot1")]
    assert "shot1.gcsv" in report.failures[0].reason
    assert [result.key for result in report.results] == ["stored/shot2"] * 2


def captures(tmp_path, truth):
    """Two shots as capture files, their truths where the pattern says."""
    folder = tmp_path / "shots"
    folder.mkdir()
    shots = MadeShots(bench_inputs.benchmark(bench_inputs.photos(tmp_path / "photos", 2), cases={"exact": {}}))
    for number, entry in enumerate(shots.entries, 1):
        shot = shots.shot(entry)
        keep_picture(folder / f"shot{number}.png", shot.blurred_linear)
        write_gcsv(shot.capture.imu, folder / f"shot{number}.gcsv")
        imu = replace(shot.capture.imu, source=str(folder / f"shot{number}.gcsv"))
        image = ImageSource(folder / f"shot{number}.png")
        save_capture(replace(shot.capture, image=image, imu=imu), folder / f"shot{number}.capture.json")
        if truth is not None:
            keep_picture(folder / truth.format(name=f"shot{number}"), shot.truth_linear)
    return folder


def test_unknown_subjects_cases_metrics_and_data(tmp_path):
    path = document(tmp_path)
    with pytest.raises(
        UsageError, match=r"evaluate: expected gopro, .*levin, a YAML file or a folder of shots, got 'x'"
    ):
        source_of("x", Selection())
    with pytest.raises(UsageError, match="cases: expected some of exact, got none such"):
        source_of(path, Selection(cases=("none such",)))
    with pytest.raises(UsageError, match=r"metric: expected one of .*, got 'beauty'"):
        source_of(path, Selection(metrics=("beauty",)))
    with pytest.raises(UsageError, match="metrics: expected at least one, got none"):
        source_of(path, Selection(metrics=()))
    with pytest.raises(UsageError, match="limit: expected at least 1, got 0"):
        source_of(path, Selection(limit=0))
    with pytest.raises(UsageError, match=r"benchmark: expected gyro/.*, got nothing there; give --data FOLDER"):
        source_of("gyroblur-mini", Selection(data=tmp_path))
    with pytest.raises(ImageError, match="expected a data set or pictures, got a folder without either"):
        (tmp_path / "empty").mkdir()
        source_of(tmp_path / "empty", Selection())


def test_stored_shots_have_no_cases(tmp_path):
    (tmp_path / "blur").mkdir()
    (tmp_path / "sharp").mkdir()
    with pytest.raises(UsageError, match="cases: expected none for stored shots, got exact; leave them out"):
        source_of(tmp_path, Selection(cases=("exact",)))


def test_without_data_the_shared_folder_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"benchmark: expected images/kodak24 in \.\./shared/data, got nothing there"):
        located("images/kodak24", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "colour: Extra inputs are not permitted"),
        ({"motion": {}}, "motion: Value error, expected either logs or tremor, got both or neither"),
        ({"motion": {"tremor": "plain", "trail_px": [0, 4]}}, "trail_px: expected a range above 0, got"),
        ({"motion": {"tremor": "plain", "trail_px": [5, 4]}}, "expected [low, high] with 0 <= low <= high"),
        ({"photos": {"folder": "a", "bundled": ["b"]}}, "photos: expected a folder or bundled names, got both or"),
        ({"stored": {"folder": "a"}}, "expected photos and motion, or stored, got another mixture"),
        ({"motion": None}, "expected photos and motion, or stored, got another mixture"),
        ({"cases": {}}, "cases: Dictionary should have at least 1 item"),
        ({"measure": {"align": "by eye"}}, "measure.align: Input should be 'none', 'shift', 'homography' or 'levin'"),
    ],
)
def test_bad_definitions(tmp_path, change, message):
    with pytest.raises(UsageError) as error:
        load_benchmark(str(document(tmp_path, **change)))
    assert message in str(error.value) and "docs/evaluation.md" in str(error.value)


def test_the_reference_names_every_key():
    table = benchmark_reference()
    for part, about in Benchmark.model_fields.items():
        inner = about.annotation if isinstance(about.annotation, type) else None
        fields = getattr(inner, "model_fields", None)
        for key in fields or ():
            assert f"| `{part}.{key}` |" in table
    for part in ("photos.side_px", "motion.tremor", "stored.split"):
        assert f"| `{part}` |" in table
    assert "| `cases.NAME.focal_error` | 0.0 |" in table
    assert "None" not in table


def test_the_documentation_lists_all_keys_and_benchmarks():
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert benchmark_reference() in page, "paste gyrosharp.evaluation.definition.benchmark_reference()"
    for name in benchmarks():
        assert f"| `{name}` | {load_benchmark(name).description} |" in page
    for example in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        Benchmark.model_validate(yaml.safe_load(example))
