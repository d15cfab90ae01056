"""Measure what methods gain, and whether they do harm; prints a Markdown table for RESULTS.md.

    python benchmarks/quality.py [--methods auto rl ...] [--cases exact errors ...] [--photos FOLDER] [-o FOLDER]

The benchmark `harm`, of scikit-image's photos unless a folder is given; a run that was stopped goes on.
"""

import argparse
from pathlib import Path

from gyrosharp.evaluation.definition import Benchmark, PhotoPart, load_benchmark
from gyrosharp.evaluation.runner import evaluate
from gyrosharp.evaluation.sources import Selection
from gyrosharp.evaluation.table import Row, Table


def benchmark_of(photos: Path | None) -> Benchmark:
    """The benchmark, with one shot of each photo where a folder is given."""
    harm = load_benchmark("harm")
    if photos is None:
        return harm
    part = PhotoPart(folder=str(photos.absolute()), side_px=512)
    return harm.model_copy(update={"photos": part})


def cell(row: Row) -> str:
    """Mean and worst gain of a method, and how many shots it touched."""
    assert row.gain is not None and row.worst is not None
    touched = round(row.touched_share * row.shots)
    return f"{row.gain.mean:+.2f} | {row.worst.value:+.2f} | {touched}/{row.shots}"


def main() -> None:
    """Measure the cases that were asked for, or all."""
    harm = load_benchmark("harm")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["auto", "rl"])
    parser.add_argument("--cases", nargs="+", default=list(harm.cases), choices=harm.cases)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("quality"))
    arguments = parser.parse_args()
    selection = Selection(cases=tuple(arguments.cases))
    table = Table(evaluate(benchmark_of(arguments.photos), arguments.methods, arguments.output, selection))
    print("| shots | " + " | ".join(f"{method}: mean dB | worst | touched" for method in arguments.methods) + " |")
    print("|---" * (1 + 3 * len(arguments.methods)) + "|")
    for case in table.cases:
        rows = [row for row in table.of_case(case) if row.gain is not None]
        print(f"| {harm.cases[case].description} | " + " | ".join(map(cell, rows)) + " |")


if __name__ == "__main__":
    main()
