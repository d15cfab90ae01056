"""The page of a report: tables, a plot of every shot's gain, and crops side by side; one file without others."""

import base64
import html
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from gyrosharp.evaluation.kept_pictures import TRUTH, KeptPictures
from gyrosharp.evaluation.plots import colour, gain_plot
from gyrosharp.evaluation.results import Result
from gyrosharp.evaluation.table import Row, Table
from gyrosharp.evaluation.table_text import cells, failure_lines, heads, notes, order_line

Codes = NDArray[np.uint8]

# Side of the crops: several fit beside each other, and a trail of 28 px can be seen in them.
CROP_PX = 224
JPEG_QUALITY = 92
# Places for a crop that are compared, along each side.
PLACES = 9


def page(table: Table) -> str:
    """Return the page as HTML."""
    benchmark = table.report.benchmark
    template = Template(
        (resources.files("gyrosharp.evaluation") / "assets" / "report.html").read_text(encoding="utf-8")
    )
    return template.substitute(
        title=html.escape(benchmark.name),
        description=html.escape(benchmark.description),
        notes="".join(f"<p>{html.escape(line)}</p>" for line in [*notes(table), *failure_lines(table)]),
        cases="".join(_case(table, case) for case in table.cases),
    )


def _case(table: Table, case: str) -> str:
    rows = table.of_case(case)
    plot = gain_plot(rows, table.ranking.UNIT)
    figure = f"<figure>{plot}<figcaption>{_legend(rows)}</figcaption></figure>" if plot else ""
    order = f"<p>{html.escape(order_line(table, case))}</p>"
    head = f"<h2>{html.escape(table.title(case))}</h2>"
    return f"<section>{head}{_table(table, rows)}{order}{figure}{_shots(table, case)}</section>"


def _table(table: Table, rows: tuple[Row, ...]) -> str:
    best = max((row.gain.mean for row in rows if row.gain is not None), default=None)
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads(table))
    lines = []
    for row in rows:
        mark = ' class="best"' if row.gain is not None and row.gain.mean == best else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{html.escape(text)}</td>" for text in cells(table, row)) + "</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _legend(rows: tuple[Row, ...]) -> str:
    shown = [row for row in rows if row.gains]
    marks = [f'<span style="color:{colour(n)}">&#9679;</span> {html.escape(row.method)}' for n, row in enumerate(shown)]
    return "Gain of every shot over its blurred picture: " + " &nbsp; ".join(marks)


def _shots(table: Table, case: str) -> str:
    """Crops of the shots whose pictures were kept."""
    kept = KeptPictures(table.report.output)
    shots: dict[str, list[Result]] = {}
    for result in table.report.results:
        if result.case == case:
            shots.setdefault(result.shot, []).append(result)
    return "".join(_shot(table, kept, results) for results in shots.values())


def _shot(table: Table, kept: KeptPictures, results: list[Result]) -> str:
    first = results[0]
    pictures = [(TRUTH, "", kept.path(first.key, TRUTH, first.inputs_sha256))]
    pictures += [(r.method, _caption(table, r), kept.path(r.key, r.method, r.fingerprint)) for r in results]
    pictures = [picture for picture in pictures if picture[2].is_file()]
    if not pictures:
        return ""
    # The first one is the truth, or the blurred picture: neither depends on which methods are shown.
    box = _place(_codes(pictures[0][2]))
    crops = "".join(
        f'<figure><img src="{_jpeg(_codes(path)[box])}" alt="{html.escape(name)}">'
        f"<figcaption><b>{html.escape(name)}</b> {html.escape(caption)}</figcaption></figure>"
        for name, caption, path in pictures
    )
    trail = first.facts.get("trail_px")
    about = f": trails of {trail:.0f} px, {first.facts['exposure_s'] * 1e3:.0f} ms" if trail is not None else ""
    return f'<h3>{html.escape(first.shot)}{about}</h3><div class="crops">{crops}</div>'


def _caption(table: Table, result: Result) -> str:
    metric = table.ranking
    return f"{result.scores[metric.NAME]:.2f} {metric.UNIT}".strip()


def _codes(path: Path) -> Codes:
    from gyrosharp.media.opencv import png_from

    return np.asarray(png_from(path.read_bytes()), dtype=np.uint8)


def _place(picture: Codes) -> tuple[slice, slice]:
    """The crop with the most detail: where the gradients' sum is largest."""
    grey = picture.mean(axis=2)
    detail = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    height, width = (min(CROP_PX, side) for side in grey.shape)
    tops = np.linspace(0, grey.shape[0] - height, PLACES).astype(int)
    lefts = np.linspace(0, grey.shape[1] - width, PLACES).astype(int)
    boxes = [(slice(top, top + height), slice(left, left + width)) for top in tops for left in lefts]
    return max(boxes, key=lambda box: float(detail[box].sum()))


def _jpeg(codes: Codes) -> str:
    import cv2

    done, data = cv2.imencode(".jpg", np.ascontiguousarray(codes[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
