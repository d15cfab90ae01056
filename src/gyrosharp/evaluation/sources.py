"""From what a user names - a benchmark, a YAML file, a folder of shots - to a benchmark and its shots."""

from dataclasses import dataclass
from pathlib import Path

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.definition import Benchmark, MeasurePart, StoredPart, benchmarks, load_benchmark
from gyrosharp.evaluation.made_shots import MadeShots
from gyrosharp.evaluation.metrics import find_metric
from gyrosharp.evaluation.shots import Entry, ShotSet
from gyrosharp.evaluation.stored_shots import stored_shots

# Without a truth: how natural a picture looks.
NO_TRUTH_METRICS = ("niqe",)


@dataclass(frozen=True)
class Selection:
    """Which part of a benchmark is run.

    Attributes
    ----------
    data : Path or None
        Where a benchmark's relative paths begin; None: the shared data beside a checkout for bundled benchmarks, the
        file's own folder for others.
    limit : int or None
        Photos, or stored shots, to take: the first ones.
    cases : tuple of str or None
        Names; None takes all.
    metrics : tuple of str or None
        Names; None takes the benchmark's.
    """

    data: Path | None = None
    limit: int | None = None
    cases: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """A benchmark and the shots of it that are run.

    Attributes
    ----------
    benchmark : Benchmark
        With the selected cases and metrics only.
    shots : ShotSet
        Makes or reads them.
    entries : tuple of Entry
        The shots.
    """

    benchmark: Benchmark
    shots: ShotSet
    entries: tuple[Entry, ...]


def source_of(subject: str | Path | Benchmark, selection: Selection) -> Source:
    """Return benchmark and shots.

    Parameters
    ----------
    subject : str, Path or Benchmark
        Name of a bundled benchmark, path of a YAML file, folder of shots (a data set with blurred pictures, or
        ``*.capture.json`` files), or a benchmark itself.
    selection : Selection
        Part of it.

    Raises
    ------
    UsageError
        If there is no such benchmark, case, metric or data, or the limit is below 1.
    ImageError
        If a folder holds no shots.
    """
    if selection.limit is not None and selection.limit < 1:
        raise UsageError(f"limit: expected at least 1, got {selection.limit}")
    benchmark, root = _benchmark(subject, selection.data)
    benchmark = _selected(benchmark, selection)
    shots: ShotSet
    if benchmark.stored is None:
        shots = MadeShots(benchmark, root, selection.limit)
        return Source(benchmark, shots, tuple(shots.entries))
    shots = stored_shots(benchmark, root, selection.limit)
    if selection.metrics is None and not any(item.sharp is not None for item in shots.items):
        benchmark = _measured(benchmark, NO_TRUTH_METRICS)
    return Source(benchmark, shots, tuple(shots.entries))


def _benchmark(subject: str | Path | Benchmark, data: Path | None) -> tuple[Benchmark, Path | None]:
    if isinstance(subject, Benchmark):
        return subject, data
    if str(subject) in benchmarks():
        return load_benchmark(str(subject)), data
    path = Path(subject)
    if path.is_dir():
        stored = StoredPart(folder=str(path.absolute()))
        return Benchmark(name=path.absolute().name, stored=stored), data
    if not path.is_file():
        raise UsageError(
            f"evaluate: expected {', '.join(benchmarks())}, a YAML file or a folder of shots, got {str(subject)!r}"
        )
    return load_benchmark(str(path)), path.parent if data is None else data


def _selected(benchmark: Benchmark, selection: Selection) -> Benchmark:
    if selection.cases is not None:
        if benchmark.stored is not None:
            raise UsageError(f"cases: expected none for stored shots, got {', '.join(selection.cases)}; leave them out")
        unknown = [case for case in selection.cases if case not in benchmark.cases]
        if unknown or not selection.cases:
            raise UsageError(
                f"cases: expected some of {', '.join(benchmark.cases)}, got {', '.join(unknown) or 'none'}"
            )
        kept = {name: benchmark.cases[name] for name in selection.cases}
        benchmark = benchmark.model_copy(update={"cases": kept})
    if selection.metrics is not None:
        benchmark = _measured(benchmark, selection.metrics)
    for name in benchmark.measure.metrics:
        find_metric(name)
    return benchmark


def _measured(benchmark: Benchmark, metrics: tuple[str, ...]) -> Benchmark:
    if not metrics:
        raise UsageError("metrics: expected at least one, got none")
    measure = MeasurePart(**{**benchmark.measure.model_dump(), "metrics": metrics})
    return benchmark.model_copy(update={"measure": measure})
