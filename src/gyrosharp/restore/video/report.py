"""VideoReport: what was done to a clip, frame by frame."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gyrosharp.restore.video.clip_calibration import ClipCalibration
from gyrosharp.restore.video.deblurrer import VideoDeblurrer
from gyrosharp.restore.video.stream import FrameResult

PROCESSED, PASSED, BROKEN, EARLIER = "deblurred", "passed through", "broken", "done in an earlier run"
NEIGHBOURS = "faded towards its neighbours"
MOST_REASONS = 3


@dataclass(frozen=True)
class FrameRow:
    """One frame of the table.

    Attributes
    ----------
    frame : int
        Number in the movie or folder, from 0.
    extent_px : float or None
        Median predicted trail; None where it cannot be told.
    strength : float
        Share of the deblurred frame that is shown, 0 to 1.
    decision : str
        ``deblurred``, ``passed through``, ``broken`` (and passed through), or ``done in an earlier run``.
    reason : str
        Why it was not deblurred, or not in full; empty otherwise.
    residual_ratio : float or None
        Reblur residual of the result over that of the frame itself; None where nothing was solved.
    agreement : float or None
        How far the frame shows the blur that the gyro recorded; None where that was not asked.
    """

    frame: int
    extent_px: float | None
    strength: float
    decision: str
    reason: str = ""
    residual_ratio: float | None = None
    agreement: float | None = None


@dataclass(frozen=True, eq=False)
class VideoReport:
    """What was done to a clip.

    Attributes
    ----------
    method : str
        Solver, or ``auto``.
    rows : tuple of FrameRow
        One per frame, in their order.
    calibration : ClipCalibration or None
        What was corrected, with uncertainties.
    decision : str
        What was decided for the clip, in plain words.
    seconds : float
        Wall-clock time.
    notes : tuple of str
        What was assumed or could not be kept.
    """

    method: str
    rows: tuple[FrameRow, ...]
    calibration: ClipCalibration | None
    decision: str
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.rows)

    def count(self, decision: str) -> int:
        """Return the number of frames with a decision."""
        return sum(row.decision == decision for row in self.rows)

    @property
    def processed(self) -> int:
        """Number of frames that were deblurred in this run."""
        return self.count(PROCESSED)

    @property
    def passed(self) -> int:
        """Number of frames that were passed through, broken ones included."""
        return self.count(PASSED) + self.count(BROKEN)

    @property
    def mean_strength(self) -> float:
        """Mean strength of the deblurred frames; 0 if there are none."""
        strengths = [row.strength for row in self.rows if row.decision == PROCESSED]
        return float(np.mean(strengths)) if strengths else 0.0

    @property
    def frames_per_second(self) -> float:
        """Frames of this run, processed or not, per second."""
        return (self.frames - self.count(EARLIER)) / max(self.seconds, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain numbers, text and lists."""
        return {
            "method": self.method,
            "decision": self.decision,
            "frames": self.frames,
            "processed": self.processed,
            "passed": self.passed,
            "broken": [row.frame for row in self.rows if row.decision == BROKEN],
            "mean_strength": self.mean_strength,
            "seconds": self.seconds,
            "frames_per_second": self.frames_per_second,
            "calibration": None if self.calibration is None else self.calibration.as_json(),
            "notes": list(self.notes),
            "table": [asdict(row) for row in self.rows],
        }

    def summary(self) -> str:
        """Return a few plain sentences."""
        sentences = [
            f"{self.processed} of {_counted(self.frames, 'frame')} deblurred ({self.method}): {self.decision}.",
            self._passed_sentence(),
            self._blur_sentence(),
            self._aligned_sentence(),
            self._broken_sentence(),
        ]
        earlier = self.count(EARLIER)
        if earlier:
            sentences.append(f"{_counted(earlier, 'frame was', 'frames were')} done in an earlier run.")
        return " ".join(filter(None, sentences))

    def _passed_sentence(self) -> str:
        """Why frames were passed through, the commonest reasons first; the decision says it where no frame was done."""
        reasons = Counter(row.reason or NEIGHBOURS for row in self.rows if row.decision == PASSED)
        if not self.processed or not reasons:
            return ""
        named = ", ".join(f"{count} ({reason})" for reason, count in reasons.most_common(MOST_REASONS))
        return f"Frames passed through: {named}{', ...' if len(reasons) > MOST_REASONS else ''}."

    def _blur_sentence(self) -> str:
        known = [row.extent_px for row in self.rows if row.extent_px is not None]
        if not known:
            return ""
        return f"Points are smeared over {np.median(known):.1f} px in the median frame (up to {max(known):.1f} px)."

    def _aligned_sentence(self) -> str:
        if self.calibration is None or not self.processed:
            return ""
        found = self.calibration.refined
        return (
            f"Gyro and camera were aligned: offset {found.time_offset_s * 1e3:+.1f} ms "
            f"(give or take {found.time_offset_std_s * 1e3:.1f}), "
            f"focal length x {found.focal_factor:.3f} ({found.focal_factor_std:.3f})."
        )

    def _broken_sentence(self) -> str:
        broken = [row.frame for row in self.rows if row.decision == BROKEN]
        if not broken:
            return ""
        named = ", ".join(str(frame) for frame in broken[:10]) + (", ..." if len(broken) > 10 else "")
        return f"{_counted(len(broken), 'broken frame was', 'broken frames were')} passed through: {named}."


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def clip_decision(deblurrer: VideoDeblurrer) -> str:
    """Return what was decided for a clip before its frames were restored, in plain words."""
    if deblurrer.calibration is not None:
        return deblurrer.calibration.verdict.reason
    if deblurrer.plan.processed:
        return "as asked"
    reasons = [reason for reason in deblurrer.plan.reasons if reason]
    commonest = max(sorted(set(reasons)), key=reasons.count)
    return f"{commonest} ({reasons.count(commonest)} of {len(reasons)} frames)"


def row_of(deblurrer: VideoDeblurrer, number: int, result: FrameResult) -> FrameRow:
    """Return the table's row of a frame that was streamed; `number` is its place in the movie or folder."""
    decision = BROKEN if result.broken else PASSED if result.image is None else PROCESSED
    diagnostics = None if result.restoration is None else result.restoration.diagnostics
    residual = None if diagnostics is None else diagnostics.reblur_residual
    return FrameRow(
        number,
        _extent(deblurrer, result.index),
        result.strength,
        decision,
        result.reason,
        None if residual is None else residual.after / max(residual.before, 1e-9),
        None if diagnostics is None else diagnostics.gyro_agreement,
    )


def untouched_row(deblurrer: VideoDeblurrer, number: int, index: int | None, *, earlier: bool) -> FrameRow:
    """Return the row of a frame that this run did not decode: done earlier, or in a clip that is left alone."""
    planned = 0.0 if index is None else float(deblurrer.plan.strength[index])
    if earlier:
        return FrameRow(number, _extent(deblurrer, index), planned, EARLIER)
    reason = "" if index is None else deblurrer.plan.reasons[index]
    return FrameRow(number, _extent(deblurrer, index), 0.0, PASSED, reason)


def _extent(deblurrer: VideoDeblurrer, index: int | None) -> float | None:
    extent_px = np.nan if index is None else deblurrer.plan.extent_px[index]
    return None if np.isnan(extent_px) else float(extent_px)
