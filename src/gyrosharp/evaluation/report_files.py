"""The files of a report: tables as Markdown and CSV, the benchmark as it was run, and a page to look at."""

import json
from pathlib import Path

from gyrosharp.evaluation.report_page import page
from gyrosharp.evaluation.runner import Report
from gyrosharp.evaluation.table import Table
from gyrosharp.evaluation.table_text import markdown, shots_csv, table_csv
from gyrosharp.media.atomic import atomic_write

BENCHMARK = "benchmark.json"


def write_report(report: Report) -> Table:
    """Write ``table.md``, ``table.csv``, ``shots.csv``, ``benchmark.json`` and ``report.html`` beside the results.

    Raises
    ------
    OutputError
        If one of them cannot be written.
    """
    table = Table(report)
    _write(report.output / "table.md", markdown(table))
    _write(report.output / "table.csv", table_csv(table))
    _write(report.output / "shots.csv", shots_csv(table))
    _write(report.output / BENCHMARK, _as_run(report))
    _write(report.output / "report.html", page(table))
    return table


def _as_run(report: Report) -> str:
    """What was run: definition, shots by their inputs, methods by their identity, machine."""
    shots = {result.key: result.inputs_sha256 for result in report.results}
    methods = {method.label: method.identity for method in report.methods}
    content = {
        "benchmark": report.benchmark.model_dump(mode="json"),
        "shots": shots,
        "methods": methods,
        "machine": report.machine,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
