"""`gyrosharp evaluate`: methods on a benchmark, and the table."""

import json
import sys

import typer

from gyrosharp.cli.evaluate_options import EvaluateOptions
from gyrosharp.cli.failures import FAILED
from gyrosharp.cli.progress import Told, progress
from gyrosharp.errors import UsageError
from gyrosharp.evaluation.report_files import write_report
from gyrosharp.evaluation.runner import Progress, evaluate
from gyrosharp.evaluation.sources import Selection
from gyrosharp.evaluation.table import Table
from gyrosharp.evaluation.table_text import as_json, cells, failure_lines, heads, notes, order_line

# Console without a terminal (a pipe, a log): rows are not wrapped below this.
LEAST_COLUMNS = 160


def run(subject: str, options: EvaluateOptions) -> int:
    """Run the methods, write the report, print the table, and return the exit code."""
    methods = _names("--methods", options.methods) or ()
    selection = Selection(
        options.data, options.limit, _names("--cases", options.cases), _names("--metrics", options.metrics)
    )
    with progress(_told, quiet=options.json, transient=True) as show:
        report = evaluate(subject, methods, options.output, selection, show, force=options.force)
    table = write_report(report)
    if options.json:
        typer.echo(json.dumps(as_json(table)))
    else:
        _tell(table)
    return FAILED if report.failures else 0


def _names(flag: str, given: str | None) -> tuple[str, ...] | None:
    """Names with commas between them."""
    if given is None:
        return None
    names = tuple(name.strip() for name in given.split(","))
    if not all(names):
        raise UsageError(f"{flag}: expected names with commas between, got {given!r}")
    return names


def _told(state: Progress) -> Told:
    return Told(state.done, state.total, state.doing, f"{state.done} of {state.total} results; {state.doing}")


def _tell(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    report = table.report
    console = Console(width=None if sys.stdout.isatty() else LEAST_COLUMNS, highlight=False)
    for case in table.cases:
        title = Text(f"{report.benchmark.name}, {table.title(case)}")  # not markup: folders may be named a[b]
        grid = Grid(title=title, title_justify="left", box=None, pad_edge=False)
        for place, head in enumerate(heads(table)):
            grid.add_column(head, justify="left" if place == 0 else "right", no_wrap=place == 0)
        for row in table.of_case(case):
            grid.add_row(*cells(table, row))
        console.print(grid, markup=False)
        console.print(order_line(table, case), markup=False, soft_wrap=True)
        console.print()
    for line in notes(table):
        console.print(line, markup=False, soft_wrap=True)
    if report.resumed:
        console.print(f"{report.resumed} of {len(report.results)} results are from earlier runs.")
    console.print(f"Open {report.output / 'report.html'} in a browser; tables are in {report.output}.", soft_wrap=True)
    for line in failure_lines(table):
        typer.echo(line, err=True)
