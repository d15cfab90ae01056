"""Facts as rows of a table for people: labels, units, folding."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Facts = dict[str, Any]

WIDTH = 80
LABEL_WIDTH = 18
# More frames than these are summed up.
LISTED_FRAMES = 12
_LABELS = {
    "frame_count": "frames",
    "frame_rate_hz": "frame rate",
    "variable_frame_rate": "frame intervals",
    "exposure_range_s": "exposure",
    "iso_range": "ISO",
    "iso": "ISO",
    "time_offset_std_s": "offset known to",
    "electronic_stabilisation": "EIS recorded",
    "optical_stabilisation": "OIS recorded",
    "frames_over_1_px": "blurred frames",
    "blur_range_px": "trails",
    "still_bias_rad_s": "still bias",
    "largest_gap_s": "largest gap",
}
_ONLY_IF_TRUE = {"electronic_stabilisation", "optical_stabilisation", "variable_frame_rate"}
_MILLISECONDS = {"exposure_s", "readout_s", "time_offset_s", "time_offset_std_s", "largest_gap_s"}
_UNIT_ENDING = re.compile(r" (rad s|s|px|ns|hz)$")


def rows_of(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield (label, text) for people; what is not known, or goes without saying, is left out."""
    for key, value in facts.items():
        label = _LABELS.get(key, key.replace("_", " "))
        match key:
            case "frames":
                yield from _frame_rows(value)
            case "log":
                yield from (("log" if label == "source" else f"log {label}", text) for label, text in rows_of(value))
            case "streams" | "lacks" if value:
                yield from ((label if k == 0 else "", line) for k, line in enumerate(value))
            case "notes":
                yield from ((label if k == 0 else "", f"- {note}") for k, note in enumerate(value))
            case "image" | "source":
                yield label, Path(value).name if value else "none"
            case _ if value in (None, [], "", "none") or (value is False and key in _ONLY_IF_TRUE):
                continue
            case _:
                yield _UNIT_ENDING.sub("", label).removeprefix("has "), _text(key, value)


def _text(key: str, value: object) -> str:
    """Return a value with its unit, which the key's ending tells."""
    if key == "covered":
        return f"{value:.0%} by the gyro log"
    if key == "frames_over_1_px":
        return f"{value} with trails over 1 px"
    if key == "variable_frame_rate":
        return "vary"
    if key == "exposure_range_s" and isinstance(value, dict):
        return ", ".join(f"{name} {number * 1e3:.4g}" for name, number in value.items()) + " ms"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:g}" for name, number in value.items()) + _unit(key)
    if isinstance(value, list):
        return (" x " if key.endswith("px") else ", ").join(f"{number:g}" for number in value) + _unit(key)
    if key in _MILLISECONDS and isinstance(value, float):
        return f"{value * 1e3:.4g} ms" if abs(value) < 10.0 else f"{value:.4f} s"
    return f"{value}{_unit(key)}"


def _unit(key: str) -> str:
    units = {"_rad_s": " rad/s", "_px": " px", "_ns": " ns", "_hz": " Hz", "_s": " s", "_35mm": " mm"}
    return next((unit for ending, unit in units.items() if key.endswith(ending)), "")


def _frame_rows(frames: list[Facts]) -> Iterator[tuple[str, str]]:
    """Yield one short row per frame of a short recording, what was noticed, and the full text of the first failure."""
    if len(frames) <= LISTED_FRAMES:
        for k, frame in enumerate(frames):
            yield "frames" if k == 0 else "", _frame_row(frame)
    for note, count in Counter(note for frame in frames for note in frame["notes"]).items():
        yield "", f"* {note}" + (f" ({count} frames)" if count > 1 else "")
    failed = [frame for frame in frames if "missing" in frame]
    if failed:
        yield "missing", f"{len(failed)} of {len(frames)} frames cannot be deblurred; the first: {failed[0]['missing']}"


def _frame_row(frame: Facts) -> str:
    name = Path(str(frame["image"])).name
    exposure = "exposure unknown" if frame["exposure_s"] is None else f"{frame['exposure_s'] * 1e3:.4g} ms"
    covered = frame.get("covered")
    if "blur_px" in frame:
        state = f", blur {_text('blur', frame['blur_px'])} px"
    elif covered is not None and covered <= 0.999:
        state = f", only {covered:.0%} covered by the gyro log"
    else:
        state = ", not usable" if "missing" in frame else ""
    return f"{name}: {exposure}{state}{' *' if frame['notes'] else ''}"


def wrapped(label: str, text: str) -> str:
    """Return a row of the table, folded so that it fits a terminal of 80 columns."""
    later = " " * LABEL_WIDTH
    first = f"{label:<{LABEL_WIDTH - 1}} "
    if len(first) > LABEL_WIDTH:
        return f"{label}\n" + wrapped("", text)
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
