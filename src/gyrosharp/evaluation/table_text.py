"""The table as text: cells for people, Markdown, CSV and JSON."""

import csv
import io
from dataclasses import asdict
from typing import Any

import numpy as np

from gyrosharp.evaluation.metrics import find_metric
from gyrosharp.evaluation.statistics import Interval
from gyrosharp.evaluation.table import WORSE_DB, Row, Table

# What a cell says where there is nothing to say.
NONE = "-"
NAME_LETTERS = 20


def heads(table: Table) -> list[str]:
    """Return the heads of the columns."""
    unit = table.ranking.UNIT
    gain = f"gain [95 %]{', ' + unit if unit else ''}"
    worse = f"worse by > {WORSE_DB:g} dB" if unit == "dB" else "worse"
    return ["method", *map(_head, table.metrics), gain, worse, "worst photo", "s per MP", "parameters"]


def cells(table: Table, row: Row) -> list[str]:
    """Return the cells of a row."""
    scores = [_score(name, row.scores[name]) for name in table.metrics]
    worse = NONE if row.worse_share is None else f"{row.worse_share:.0%}"
    worst = NONE if row.worst is None else f"{_short(row.worst.shot)} {row.worst.value:+.2f}"
    speed = NONE if row.seconds_per_mp is None else f"{row.seconds_per_mp:.3g}"
    return [row.method, *scores, _gain(row.gain), worse, worst, speed, parameters_text(row.parameters)]


def parameters_text(parameters: int | None) -> str:
    """Return a number of parameters as people write it."""
    if parameters is None:
        return NONE
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e6 else f"{parameters / 1e3:.0f} k"


def order_line(table: Table, case: str) -> str:
    """Return the order of the methods in a case as a sentence."""
    return f"Order by {table.ranking.NAME.upper()}: {table.order(case)} (~: not resolved at 95 %)."


def notes(table: Table) -> list[str]:
    """Return what a reader must know of the numbers, as sentences."""
    report = table.report
    photos = len({result.photo for result in report.results})
    shots = len({result.shot for result in report.results})
    every = " in every case" if len(table.cases) > 1 else ""
    machines = sorted({result.machine for result in report.results if result.seconds is not None})
    lines = [
        f"{_counted(shots, 'shot')} of {_counted(photos, 'photo')}{every}. Gain: over `blurred` on the same shots, in "
        f"{table.ranking.NAME.upper()}; in brackets a 95 % interval of the mean (Student's t over photos).",
    ]
    if machines:
        lines.append(
            "Time: median over the shots of the method's whole call, after one warm-up, reading excluded; "
            f"{'; '.join(machines)}; gyrosharp {report.machine['gyrosharp']}."
        )
    return lines + _gaps(table) + [f"Left out: {reason}." for reason in dict.fromkeys(report.left_out.values())]


def _gaps(table: Table) -> list[str]:
    """Rows that rest on fewer shots than others of their case, as sentences."""
    lines = []
    for case in table.cases:
        rows = table.of_case(case)
        most = max(row.shots for row in rows)
        lines += [
            f"{row.method}, {case}: {row.shots} of {_counted(most, 'shot')}; its means are of those alone, its gain "
            "is over the same shots."
            for row in rows
            if row.shots < most
        ]
    return lines


def failure_lines(table: Table) -> list[str]:
    """Return what failed, a line each."""
    return [f"failed: {one.method or 'shot'}, {one.shot}: {one.reason}" for one in table.report.failures]


def markdown(table: Table) -> str:
    """Return the tables of all cases in Markdown."""
    benchmark = table.report.benchmark
    parts = [f"# {benchmark.name}", benchmark.description, *notes(table), *failure_lines(table)]
    for case in table.cases:
        lines = [f"## {table.title(case)}", "", _line(heads(table)), "|---" * len(heads(table)) + "|"]
        lines += [_line(cells(table, row)) for row in table.of_case(case)]
        parts.append("\n".join([*lines, "", order_line(table, case)]))
    return "\n\n".join(filter(None, parts)) + "\n"


def table_csv(table: Table) -> str:
    """Return the rows as CSV, numbers unrounded."""
    rows = []
    for row in table.rows:
        gain = row.gain or Interval(np.nan, np.nan, np.nan, 0)
        worst = row.worst
        rows.append(
            {
                "case": row.case,
                "method": row.method,
                "shots": row.shots,
                **row.scores,
                "gain": gain.mean,
                "gain_low": gain.low,
                "gain_high": gain.high,
                "worse_share": row.worse_share,
                "touched_share": row.touched_share,
                "worst_shot": None if worst is None else worst.shot,
                "worst_gain": None if worst is None else worst.value,
                "seconds_per_mp": row.seconds_per_mp,
                "parameters": row.parameters,
            }
        )
    return _csv(rows)


def shots_csv(table: Table) -> str:
    """Return one line per method and shot as CSV."""
    gains = {(row.case, row.method, gain.shot): gain.value for row in table.rows for gain in row.gains}
    return _csv(
        [
            {
                "case": result.case,
                "shot": result.shot,
                "photo": result.photo,
                "method": result.method,
                **{name: result.scores[name] for name in table.metrics},
                "gain": gains.get((result.case, result.method, result.shot)),
                "decision": result.decision,
                "seconds": result.seconds,
                "megapixels": result.megapixels,
                "trail_px": result.facts.get("trail_px"),
                "exposure_s": result.facts.get("exposure_s"),
                "inputs_sha256": result.inputs_sha256,
            }
            for result in table.report.results
        ]
    )


def as_json(table: Table) -> dict[str, Any]:
    """Return rows, failures and machine as JSON values; what is not finite becomes None."""
    rows = []
    for row in table.rows:
        plain = {key: value for key, value in asdict(row).items() if key != "gains"}
        if row.gain is not None:
            plain["gain"] = {key: value if np.isfinite(value) else None for key, value in asdict(row.gain).items()}
        plain["worst"] = None if row.worst is None else asdict(row.worst)
        rows.append(plain)
    report = table.report
    return {
        "benchmark": report.benchmark.name,
        "folder": str(report.output),
        "rows": rows,
        "left_out": report.left_out,
        "failures": [asdict(failure) for failure in report.failures],
        "resumed": report.resumed,
        "machine": report.machine,
    }


def _short(name: str) -> str:
    """A shot's name with its end, which tells it from others, in a column that is not too wide."""
    return name if len(name) <= NAME_LETTERS else "..." + name[3 - NAME_LETTERS :]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def _head(name: str) -> str:
    metric = find_metric(name)
    unit = f", {metric.UNIT}" if metric.UNIT else ""
    return name.upper().replace("_", "-") + unit + (" (lower is better)" if metric.BETTER == "lower" else "")


def _score(metric: str, value: float) -> str:
    return f"{value:.2f}" if find_metric(metric).UNIT == "dB" else f"{value:.4f}"


def _gain(gain: Interval | None) -> str:
    if gain is None:
        return NONE
    if not np.isfinite(gain.half):
        return f"{gain.mean:+.2f} [one photo]"
    return f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"


def _line(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "/") for text in texts) + " |"


def _csv(rows: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["method"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
