import csv
import html.parser
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

import bench_inputs
from bench_inputs import scaled
from gyrosharp.evaluation.contenders import Contender
from gyrosharp.evaluation.definition import Benchmark, MeasurePart
from gyrosharp.evaluation.plots import gain_plot
from gyrosharp.evaluation.report_files import write_report
from gyrosharp.evaluation.results import Result
from gyrosharp.evaluation.runner import Failure, Report, evaluate
from gyrosharp.evaluation.sources import Selection
from gyrosharp.evaluation.table import Table
from gyrosharp.evaluation.table_text import (
    as_json,
    cells,
    heads,
    markdown,
    notes,
    parameters_text,
    shots_csv,
    table_csv,
)

BLURRED = (20.0, 24.0, 28.0)
METHODS = {"good": (23.0, 27.1, 30.9), "twin": (23.1, 27.0, 30.9), "bad": (19.0, 23.95, 27.0)}


def report(tmp_path, metrics=("psnr",), sign=1.0, **changes):
    """A report of three photos with known scores, in one metric."""
    (metric,) = metrics
    methods = (Contender("blurred", None, "nothing"), *(scaled(label) for label in METHODS))
    results = []
    for label, values in {"blurred": BLURRED, **METHODS}.items():
        done = "left unchanged" if label == "blurred" else "deblurred"
        for n, value in enumerate(values):
            seconds = None if label == "blurred" else (1.0, 2.0, 9.0)[n]
            scores = {metric: sign * value}
            fingerprint, shot = f"{label}{n}", f"k{n}"
            results.append(
                Result(
                    fingerprint,
                    label,
                    "exact",
                    shot,
                    shot,
                    f"i{n}",
                    scores,
                    seconds,
                    0.5,
                    done,
                    machine="abacus, 1 thread",
                )
            )
    folder = bench_inputs.photos(tmp_path / "photos", 3)
    benchmark = bench_inputs.benchmark(
        folder, measure={"metrics": list(metrics)}, cases={"exact": {"description": "a|b"}}
    )
    machine = {"gyrosharp": "0"}
    facts = {"results": tuple(results), "left_out": {}, "failures": (), "resumed": 0, "output": tmp_path}
    return Report(benchmark=benchmark, methods=methods, machine=machine, **{**facts, **changes})


def row(table, method):
    return next(row for row in table.rows if row.method == method)


def test_gains_are_paired_with_the_same_shot(tmp_path):
    table = Table(report(tmp_path))
    good = row(table, "good")
    assert [gain.value for gain in good.gains] == pytest.approx([3.0, 3.1, 2.9])
    # Mean 3, s = 0.1: 4.302653 * 0.1 / sqrt(3) = 0.248414.
    assert good.gain.mean == pytest.approx(3.0)
    assert good.gain.half == pytest.approx(0.248414, abs=1e-5)
    assert good.scores["psnr"] == pytest.approx(27.0)
    assert (good.worst.shot, good.worst.value) == ("k2", pytest.approx(2.9))
    assert good.seconds_per_mp == 4.0  # the median of 2, 4 and 18
    assert row(table, "blurred").gain is None and row(table, "blurred").seconds_per_mp is None


def test_a_shot_counts_as_worse_from_a_tenth_of_a_decibel(tmp_path):
    table = Table(report(tmp_path))
    assert row(table, "bad").worse_share == pytest.approx(2 / 3)  # -1, -0.05, -1
    assert row(table, "good").worse_share == 0.0
    assert row(table, "good").touched_share == 1.0 and row(table, "blurred").touched_share == 0.0


def test_methods_are_ordered_where_their_difference_is_resolved(tmp_path):
    assert Table(report(tmp_path)).order("exact") in ("good ~ twin > blurred ~ bad", "twin ~ good > blurred ~ bad")


def test_gains_of_a_metric_where_lower_is_better_are_positive(tmp_path):
    table = Table(report(tmp_path, ("gmsd",), sign=-1.0))
    assert row(table, "good").gain.mean == pytest.approx(3.0)
    assert row(table, "bad").worse_share == 1.0
    assert table.order("exact").endswith("> blurred ~ bad")
    assert heads(table)[1:4] == ["GMSD (lower is better)", "gain [95 %]", "worse"]


def test_cells(tmp_path):
    table = Table(report(tmp_path))
    assert heads(table) == [
        "method",
        "PSNR, dB",
        "gain [95 %], dB",
        "worse by > 0.1 dB",
        "worst photo",
        "s per MP",
        "parameters",
    ]
    assert cells(table, row(table, "good")) == ["good", "27.00", "+3.00 [+2.75, +3.25]", "0%", "k2 +2.90", "4", "1 k"]
    assert cells(table, row(table, "blurred")) == ["blurred", "24.00", "-", "-", "-", "-", "-"]
    assert parameters_text(17_111_907) == "17.11 M"


def test_one_photo_has_no_interval(tmp_path):
    found = evaluate(report(tmp_path).benchmark, [scaled()], tmp_path / "out", Selection(limit=1))
    table = Table(found)
    assert "[one photo]" in cells(table, row(table, "scaled"))[2]
    assert as_json(table)["rows"][1]["gain"]["low"] is None
    json.dumps(as_json(table), allow_nan=False)


def test_notes_say_what_was_left_out(tmp_path):
    table = Table(report(tmp_path, left_out={"rl": "rl needs a gyro"}))
    text = " ".join(notes(table))
    assert (
        "3 shots of 3 photos." in text
        and "abacus, 1 thread; gyrosharp 0." in text
        and "Left out: rl needs a gyro." in text
    )


def test_notes_say_which_rows_rest_on_fewer_shots(tmp_path):
    found = report(tmp_path)
    fewer = tuple(result for result in found.results if (result.method, result.shot) != ("good", "k0"))
    table = Table(replace(found, results=fewer))
    text = " ".join(notes(table))
    assert "good, exact: 2 of 3 shots; its means are of those alone, its gain is over the same shots." in text
    assert row(table, "good").gain.mean == pytest.approx(3.0)  # of 3.1 and 2.9
    assert text.count(" of 3 shots") == 1


def test_markdown(tmp_path):
    text = markdown(Table(report(tmp_path, failures=(Failure("rl", "exact/k1", "no memory"),))))
    assert "| good | 27.00 | +3.00 [+2.75, +3.25] |" in text
    assert "## exact: a|b" in text and "failed: rl, exact/k1: no memory" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_csv_holds_numbers_unrounded(tmp_path):
    table = Table(report(tmp_path))
    rows = list(csv.DictReader(io.StringIO(table_csv(table))))
    good = next(row for row in rows if row["method"] == "good")
    assert float(good["gain_high"]) == pytest.approx(3.248414, abs=1e-6)
    assert (good["parameters"], good["worst_shot"], good["case"]) == ("1234", "k2", "exact")
    shots = list(csv.DictReader(io.StringIO(shots_csv(table))))
    assert len(shots) == 12
    assert float(next(s for s in shots if (s["method"], s["shot"]) == ("bad", "k1"))["gain"]) == pytest.approx(-0.05)


def test_a_table_without_results_is_a_table(tmp_path):
    table = write_report(report(tmp_path, results=()))
    assert table.rows == ()
    assert (tmp_path / "table.csv").read_text() == "method\n"
    assert "small" in (tmp_path / "report.html").read_text()


def test_the_page_is_whole_and_needs_no_other_file(tmp_path):
    found = evaluate(report(tmp_path).benchmark, [scaled("<b>")], tmp_path / "out")
    write_report(found)
    names = {"results.jsonl", "table.md", "table.csv", "shots.csv", "benchmark.json", "report.html", "pictures"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    page = (tmp_path / "out" / "report.html").read_text()
    _Balanced().feed(page)
    assert "<b></b>" not in page and "&lt;b&gt;" in page
    assert page.count("data:image/jpeg;base64,") == 3 * 3  # blurred, method and truth of three shots
    assert re.search(r'src="(?!data:)|href=', page) is None
    stated = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert Benchmark.model_validate(stated["benchmark"]) == found.benchmark
    assert stated["shots"]["exact/a"] == found.results[0].inputs_sha256


class _Balanced(html.parser.HTMLParser):
    """Refuses a page whose elements do not close in order."""

    SINGLE = ("meta", "img", "line", "circle")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        if tag not in self.SINGLE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.SINGLE:
            assert self.open.pop() == tag


def test_the_plot_has_a_dot_per_shot_at_its_gain(tmp_path):
    table = Table(report(tmp_path))
    root = ElementTree.fromstring(gain_plot(table.rows, "dB"))
    space = "{http://www.w3.org/2000/svg}"
    dots = root.findall(f"{space}circle")
    assert len(dots) == 9
    titles = [dot.find(f"{space}title").text for dot in dots]
    heights = {title: float(dot.get("cy")) for title, dot in zip(titles, dots, strict=True)}
    zero = next(float(line.get("y1")) for line in root.findall(f"{space}line") if line.get("stroke") == "currentColor")
    # A dB is as high everywhere, and gains lie above the zero line.
    scale = (zero - heights["good, k0: +3.00"]) / 3.0
    assert scale > 0
    assert (zero - heights["bad, k0: -1.00"]) / -1.0 == pytest.approx(scale, abs=0.1)
    assert len({dot.get("fill") for dot in dots}) == 3
    assert gain_plot([row(table, "blurred")], "dB") == ""


def test_metrics_that_no_shot_has_are_no_columns(tmp_path):
    found = report(tmp_path)
    both = MeasurePart(metrics=("ssim", "psnr"))
    table = Table(Report(**{**vars(found), "benchmark": found.benchmark.model_copy(update={"measure": both})}))
    assert table.metrics == ("psnr",)
    assert np.isfinite([row.scores["psnr"] for row in table.rows]).all()
