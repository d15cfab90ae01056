"""Metrics of image quality: one module per metric, found by looking into this package.

A metric is a module with

- ``NAME``, ``DESCRIPTION`` (one line) and ``PAPER`` (where it comes from);
- ``UNIT``: "dB", or "" for a pure number;
- ``BETTER``: ``"higher"`` or ``"lower"``;
- ``REFERENCE``: whether it needs the true picture;
- ``MASKED``: whether it takes weights;
- ``NEEDS``: the package it needs beyond gyrosharp's own, "" for none; such a metric is in no table unless asked for;
- ``score(image, truth=None, mask=None)``: the value. Pictures are (H, W) or (H, W, C) floats, sRGB-encoded, clipped to
  [0, 1] inside, as a file would hold them; masks are weights (H, W) within [0, 1]. Metrics without reference do not
  look at the truth.

Adding a metric is adding such a file; modules whose name starts with an underscore are not metrics.
"""

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Protocol

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics.peak_signal_to_noise import psnr, psnr_srgb
from gyrosharp.registry import modules_by_name

__all__ = ["Metric", "all_metrics", "find_metric", "metrics", "psnr", "psnr_srgb", "table"]


class Metric(Protocol):
    """What a metric module offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    PAPER: str
    UNIT: str
    BETTER: str
    REFERENCE: bool
    MASKED: bool
    NEEDS: str

    score: Callable[..., float]


@cache
def all_metrics() -> MappingProxyType[str, Metric]:
    """Return the metrics of this package by name, sorted, those that need an optional package included."""
    return modules_by_name(__name__)


@cache
def metrics() -> MappingProxyType[str, Metric]:
    """Return the metrics that work with gyrosharp alone by name, sorted."""
    return MappingProxyType({name: metric for name, metric in all_metrics().items() if not metric.NEEDS})


def find_metric(name: str) -> Metric:
    """Return a metric, one that needs an optional package included.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    metric = all_metrics().get(name)
    if metric is None:
        raise UsageError(f"metric: expected one of {', '.join(all_metrics())}, got {name!r}")
    return metric


def table() -> str:
    """Return the Markdown table of all metrics for docs/metrics.md."""
    rows = ["| metric | what | better | truth | mask | needs | paper |", "|---|---|---|---|---|---|---|"]
    for name, metric in all_metrics().items():
        unit = f", {metric.UNIT}" if metric.UNIT else ""
        truth, mask = ("yes" if flag else "no" for flag in (metric.REFERENCE, metric.MASKED))
        cells = (f"`{name}`", metric.DESCRIPTION, metric.BETTER + unit, truth, mask, metric.NEEDS, metric.PAPER)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
