"""Running a benchmark: every method on every shot, kept as it goes, so that the same command goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gyrosharp.errors import GyrosharpError, InputError, MissingComponentError, UsageError
from gyrosharp.evaluation.contenders import Contender, Outcome, contender, contenders
from gyrosharp.evaluation.definition import Benchmark
from gyrosharp.evaluation.kept_pictures import TRUTH, KeptPictures, keep_picture, shown_shots
from gyrosharp.evaluation.machine import machine, machine_name, opencv_threads
from gyrosharp.evaluation.results import Result, ResultsFile
from gyrosharp.evaluation.scoring import scores
from gyrosharp.evaluation.shots import BenchmarkShot, Entry, digest_of
from gyrosharp.evaluation.sources import Selection, Source, source_of
from gyrosharp.media.atomic import make_folder
from gyrosharp.version import __version__

RESULTS = "results.jsonl"
EVERYTHING = Selection()
ALL_SHOTS = "all shots"


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Attributes
    ----------
    method : str
        Whose run it was; "" where the shot could not be made.
    shot : str
        Case and shot; `ALL_SHOTS` where the method could not be loaded.
    reason : str
        One line.
    """

    method: str
    shot: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, total : int
        Results, earlier ones included.
    doing : str
        What is next.
    """

    done: int
    total: int
    doing: str


@dataclass(frozen=True)
class Report:
    """What a run found.

    Attributes
    ----------
    benchmark : Benchmark
        With the cases and metrics that were run.
    methods : tuple of Contender
        Those that could be loaded, the untouched picture first.
    results : tuple of Result
        All that succeeded, shot by shot.
    left_out : dict of str to str
        Methods that these shots do not suit, and why.
    failures : tuple of Failure
        What went wrong.
    resumed : int
        Results from an earlier run.
    machine : dict
        Where this run took place; earlier results name their own.
    output : Path
        Folder of the results.
    """

    benchmark: Benchmark
    methods: tuple[Contender, ...]
    results: tuple[Result, ...]
    left_out: dict[str, str]
    failures: tuple[Failure, ...]
    resumed: int
    machine: dict[str, Any]
    output: Path


def evaluate(
    subject: str | Path | Benchmark,
    methods: Sequence[str | Contender],
    output: str | Path,
    selection: Selection = EVERYTHING,
    progress: Callable[[Progress], None] | None = None,
    *,
    force: bool = False,
) -> Report:
    """Run methods on a benchmark.

    Results are kept in ``OUTPUT/results.jsonl`` under a fingerprint of shot, measure, method (the SHA-256 of a model's
    weights) and version; a second call makes only what is missing. What fails is named in the report and does not stop
    the rest, and is tried again by the next call. ``blurred`` is always among the methods.

    Parameters
    ----------
    subject : str, Path or Benchmark
        See `gyrosharp.evaluation.sources.source_of`.
    methods : sequence of str or Contender
        See `gyrosharp.evaluation.contenders.contender`.
    output : str or Path
        Folder; made where it is missing.
    selection : Selection
        Which part of the benchmark.
    progress : callable or None
        Told a `Progress` before every run.
    force : bool
        Forget earlier results.

    Raises
    ------
    UsageError
        If benchmark, case, metric or method are not known, data is not there, or no metric suits shots without truth.
    MissingComponentError
        If a metric needs a package that is not installed.
    OutputError
        If the folder cannot be written, or holds a results file that is none.
    """
    source = source_of(subject, selection)
    named, failures = _loaded(methods)
    output = Path(output)
    make_folder(output)
    if force:
        (output / RESULTS).unlink(missing_ok=True)
    run = _Run(source, named, ResultsFile(output / RESULTS), KeptPictures(output), progress)
    run.failures += failures
    with opencv_threads():
        run.all_shots()
    return Report(
        benchmark=source.benchmark,
        methods=tuple(named),
        results=tuple(run.results),
        left_out=run.left_out,
        failures=tuple(run.failures),
        resumed=run.resumed,
        machine=machine(),
        output=output,
    )


def _loaded(methods: Sequence[str | Contender]) -> tuple[list[Contender], list[Failure]]:
    """Load the methods; a misspelt name stops the run, a broken model does not."""
    found: list[Contender] = []
    failures = []
    for method in methods:
        try:
            found.append(method if isinstance(method, Contender) else contender(method))
        except UsageError:
            raise
        except (InputError, MissingComponentError) as error:
            failures.append(Failure(str(method), ALL_SHOTS, str(error)))
    return contenders(found), failures


class _Run:
    """One call of `evaluate`."""

    def __init__(
        self,
        source: Source,
        methods: list[Contender],
        kept: ResultsFile,
        pictures: KeptPictures,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.results: list[Result] = []
        self.failures: list[Failure] = []
        self.left_out: dict[str, str] = {}
        self.resumed = 0
        self._source, self._methods, self._kept, self._pictures = source, methods, kept, pictures
        self._progress = progress
        self._warm: set[str] = set()
        self._machine = machine_name()
        self._measure = source.benchmark.measure.model_dump(mode="json")

    def all_shots(self) -> None:
        shown = shown_shots(self._source.entries)
        for entry in self._source.entries:
            missing = []
            for method in self._methods:
                digest = self._fingerprint(entry, method)
                old = self._kept.get(digest)
                lacks = entry.key in shown and not self._pictures.path(entry.key, method.label, digest).is_file()
                if old is None or lacks:
                    missing.append(method)
                else:
                    self.resumed += 1
                    self.results.append(
                        replace(old, method=method.label, case=entry.case, shot=entry.name, photo=entry.photo)
                    )
            if missing:
                self._one_shot(entry, missing, keep=entry.key in shown)

    def _one_shot(self, entry: Entry, methods: list[Contender], *, keep: bool) -> None:
        try:
            shot = self._source.shots.shot(entry)
        except GyrosharpError as error:
            self.failures.append(Failure("", entry.key, str(error)))
            return
        if keep and shot.truth_linear is not None:
            keep_picture(self._pictures.path(entry.key, TRUTH, entry.inputs_sha256), shot.truth_linear)
        for method in methods:
            reason = method.missing(shot)
            if reason is not None:
                self.left_out[method.label] = reason
                continue
            self._tell(entry, method)
            self._one_result(entry, shot, method, keep=keep)

    def _one_result(self, entry: Entry, shot: BenchmarkShot, method: Contender, *, keep: bool) -> None:
        height, width = shot.blurred_linear.shape[:2]
        blank = Result(
            fingerprint=self._fingerprint(entry, method),
            method=method.label,
            case=entry.case,
            shot=entry.name,
            photo=entry.photo,
            inputs_sha256=entry.inputs_sha256,
            megapixels=width * height / 1e6,
            facts=shot.facts,
            machine=self._machine,
        )
        try:
            outcome = self._restored(shot, method)
        except Exception as error:  # a method may be anyone's model: whatever it does must not stop the others
            self._fail(blank, error if isinstance(error, GyrosharpError) else f"{type(error).__name__}: {error}")
            return
        try:
            found = scores(outcome.image_linear, shot, self._source.benchmark.measure)
        except InputError as error:  # this result cannot be measured; a metric that is missing stops the run
            self._fail(blank, error)
            return
        result = replace(blank, scores=found, seconds=outcome.seconds, decision=outcome.decision)
        if keep:
            path = self._pictures.path(entry.key, method.label, result.fingerprint)
            keep_picture(path, outcome.image_linear)
        self._kept.add(result)
        self.results.append(result)

    def _restored(self, shot: BenchmarkShot, method: Contender) -> Outcome:
        if method.label not in self._warm:
            method.restore(shot)  # once for nothing: sessions, buffers and plans are made here
            self._warm.add(method.label)
        return method.restore(shot)

    def _fail(self, blank: Result, reason: object) -> None:
        line = " ".join(str(reason).split())
        self.failures.append(Failure(blank.method, blank.key, line))
        self._kept.add(replace(blank, error=line))

    def _fingerprint(self, entry: Entry, method: Contender) -> str:
        return digest_of([entry.inputs_sha256, self._measure, method.identity, __version__])

    def _tell(self, entry: Entry, method: Contender) -> None:
        if self._progress is not None:
            total = len(self._source.entries) * len(self._methods)
            self._progress(Progress(len(self.results), total, f"{method.label}, {entry.key}"))
