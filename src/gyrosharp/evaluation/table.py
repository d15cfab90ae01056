"""The table of a benchmark: one row per case and method."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from gyrosharp.evaluation.contenders import Contender
from gyrosharp.evaluation.metrics import Metric, find_metric
from gyrosharp.evaluation.results import Result
from gyrosharp.evaluation.runner import Report
from gyrosharp.evaluation.statistics import Interval, mean_interval, ordering

# A change that nobody sees: PSNR may fall by that much before a shot counts as worse. Other metrics have no such unit.
WORSE_DB = 0.1


@dataclass(frozen=True)
class Gain:
    """One shot's gain over the picture as it was, in the ranking metric; positive is better."""

    photo: str
    shot: str
    value: float


@dataclass(frozen=True)
class Row:
    """What a method did in one case.

    Attributes
    ----------
    case, method : str
        Which.
    shots : int
        Results behind it.
    scores : dict of str to float
        Mean by metric.
    gain : Interval or None
        Mean gain of the first metric over `blurred` on the same shots; None for `blurred` itself.
    gains : tuple of Gain
        Shot by shot.
    worse_share : float or None
        Share of shots that lost more than `WORSE_DB`.
    touched_share : float
        Share of shots that the method did not leave as they were.
    seconds_per_mp : float or None
        Median over the shots.
    parameters : int or None
        Trained values.
    """

    case: str
    method: str
    shots: int
    scores: dict[str, float]
    gain: Interval | None
    gains: tuple[Gain, ...]
    worse_share: float | None
    touched_share: float
    seconds_per_mp: float | None
    parameters: int | None

    @property
    def worst(self) -> Gain | None:
        """The shot that gained least."""
        return min(self.gains, key=lambda gain: gain.value, default=None)


@dataclass(frozen=True)
class Table:
    """Rows of a report, case by case, in the order of the methods."""

    report: Report

    @property
    def ranking(self) -> Metric:
        """The metric that gains are taken in: the first that was scored."""
        return find_metric(self.metrics[0])

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that were scored, in the benchmark's order."""
        wanted = self.report.benchmark.measure.metrics
        scored = {name for result in self.report.results for name in result.scores}
        return tuple(name for name in wanted if name in scored) or wanted

    @cached_property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases, in the order of the results."""
        return tuple(dict.fromkeys(result.case for result in self.report.results))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows."""
        rows = []
        for case in self.cases:
            for method in self.report.methods:
                own = tuple(self.by_shot(case, method.label).values())
                if own:
                    rows.append(self._row(case, method, own))
        return tuple(rows)

    def of_case(self, case: str) -> tuple[Row, ...]:
        """Return the rows of one case."""
        return tuple(row for row in self.rows if row.case == case)

    def title(self, case: str) -> str:
        """Return what a case is called over its rows."""
        about = self.report.benchmark.cases.get(case)
        return f"{case}: {about.description}" if about is not None and about.description else case

    def order(self, case: str) -> str:
        """Return the methods of a case from best to worst: ``a > b ~ c``.

        ``>`` where the paired difference of neighbours is resolved at 95 %, ``~`` where it is not. Methods that failed
        on shots that their neighbour did are compared on those both did.
        """
        results = {
            label: self.by_shot(case, label) for label in dict.fromkeys(row.method for row in self.of_case(case))
        }
        sign = 1.0 if self.ranking.BETTER == "higher" else -1.0
        means = {
            label: sign * np.mean([r.scores[self.ranking.NAME] for r in own.values()]) for label, own in results.items()
        }
        labels = sorted(results, key=lambda label: -means[label])
        text = labels[0]
        for better, worse in pairwise(labels):
            text += f" {self._relation(results[better], results[worse], sign)} {worse}"
        return text

    def _relation(self, first: dict[str, Result], second: dict[str, Result], sign: float) -> str:
        name = self.ranking.NAME
        shared = [shot for shot in first if shot in second]
        if not shared:
            return "~"
        a, b = ([sign * own[shot].scores[name] for shot in shared] for own in (first, second))
        return ">" if ordering(a, b, [first[shot].photo for shot in shared]) == "better" else "~"

    def by_shot(self, case: str, label: str) -> dict[str, Result]:
        """Return a method's results in one case by the name of their shot."""
        return {r.shot: r for r in self.report.results if r.case == case and r.method == label}

    def _row(self, case: str, method: Contender, own: Sequence[Result]) -> Row:
        untouched = method.worker is None
        gains = () if untouched else self._gains(case, own)
        values = [gain.value for gain in gains]
        least = -WORSE_DB if self.ranking.UNIT == "dB" else 0.0
        speeds = [result.seconds / result.megapixels for result in own if result.seconds is not None]
        return Row(
            case=case,
            method=method.label,
            shots=len(own),
            scores={name: float(np.mean([result.scores[name] for result in own])) for name in self.metrics},
            gain=mean_interval(values, [gain.photo for gain in gains]) if gains else None,
            gains=gains,
            worse_share=float(np.mean([value < least for value in values])) if gains else None,
            touched_share=float(np.mean([result.decision == "deblurred" for result in own])),
            seconds_per_mp=float(np.median(speeds)) if speeds else None,
            parameters=method.parameters,
        )

    def _gains(self, case: str, own: Sequence[Result]) -> tuple[Gain, ...]:
        base = self._untouched(case)
        sign = 1.0 if self.ranking.BETTER == "higher" else -1.0
        name = self.ranking.NAME
        return tuple(
            Gain(result.photo, result.shot, sign * (result.scores[name] - base[result.shot].scores[name]))
            for result in own
            if result.shot in base
        )

    def _untouched(self, case: str) -> dict[str, Result]:
        return self.by_shot(case, next(method.label for method in self.report.methods if method.worker is None))
