"""The stream with stand-ins for the solver: order, fading, failures, memory."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from gyrosharp.errors import ImageError
from gyrosharp.restore.auto import Verdict
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, Restoration
from gyrosharp.restore.video.plan import MOST_CHANGE, SHARP, VideoPlan
from gyrosharp.restore.video.settings import VideoSettings
from gyrosharp.restore.video.stream import LOOK_AHEAD, NO_STAMP, restored_frames

SHAPE = (4, 5, 3)


@dataclass(eq=False)
class Plain:
    """A frame of one grey value."""

    value: float
    broken: str | None = None
    unreadable: bool = False

    def linear(self):
        if self.unreadable:
            raise ImageError("frame: expected a picture, got none")
        return np.full(SHAPE, self.value, dtype=np.float32)


@dataclass
class Size:
    size_px: tuple[int, int] = (5, 4)


@dataclass(eq=False)
class Stub:
    """Adds 1 to every frame; trusts each as told; takes longer for even ones."""

    plan: VideoPlan
    trusts: dict[int, float] = field(default_factory=dict)
    settings: VideoSettings = field(default_factory=VideoSettings)
    recording: Size = field(default_factory=Size)
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def restore(self, index, picture):
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        time.sleep(0.004 * (index % 2 == 0))
        with self.lock:
            self.running -= 1
        diagnostics = Diagnostics("auto", "deblurred", str(index), BlurExtent(1, 1), 0.01, 8)
        return Restoration(picture + 1, diagnostics)

    def trust(self, diagnostics):
        share = self.trusts.get(int(diagnostics.reason), 1.0)
        return Verdict(share, "" if share == 1.0 else "doubtful")


def stub(strengths, **changes):
    strengths = np.array(strengths, dtype=float)
    reasons = tuple(SHARP if strength == 0.0 else "" for strength in strengths)
    return Stub(
        VideoPlan(np.full(len(strengths), 9.0), strengths, reasons, MOST_CHANGE * np.arange(len(strengths))), **changes
    )


def numbered(count, **special):
    return [(k, special.get(f"f{k}", Plain(float(k)))) for k in range(count)]


def strengths(results):
    return [result.strength for result in results]


def test_frames_come_in_order_mixed_as_planned():
    deblurrer = stub([0.0, 0.3, 0.6, 0.9, 1.0])
    results = list(restored_frames(deblurrer, numbered(5)))
    assert [result.index for result in results] == list(range(5))
    assert strengths(results) == pytest.approx([0.0, 0.3, 0.6, 0.9, 1.0])
    assert results[0].image is None
    assert results[0].reason == SHARP
    for k in range(1, 5):
        np.testing.assert_allclose(results[k].image, k + results[k].strength, rtol=1e-6)


def test_a_frame_that_fails_fades_both_neighbours():
    results = list(restored_frames(stub([1.0] * 7, trusts={3: 0.0}), numbered(7)))
    expected = np.minimum(1.0, MOST_CHANGE * np.abs(np.arange(7) - 3))
    assert strengths(results) == pytest.approx(expected)
    assert results[3].image is None
    assert results[3].reason == "doubtful"


def test_half_trust_is_half_strength():
    results = list(restored_frames(stub([1.0] * 5, trusts={2: 0.5}), numbered(5)))
    assert strengths(results) == pytest.approx([1.0, 0.84, 0.5, 0.84, 1.0])


@pytest.mark.parametrize("seed", range(5))
def test_strength_never_jumps(seed):
    rng = np.random.default_rng(seed)
    trusts = {k: float(rng.choice([0.0, 0.4, 1.0], p=[0.1, 0.2, 0.7])) for k in range(40)}
    found = strengths(restored_frames(stub([1.0] * 40, trusts=trusts), numbered(40)))
    assert np.abs(np.diff(found)).max() <= MOST_CHANGE + 1e-9


def test_broken_and_unreadable_frames_are_passed_through_with_the_reason():
    special = {"f1": Plain(1.0, broken="cut short"), "f6": Plain(6.0, unreadable=True)}
    results = list(restored_frames(stub([1.0] * 9), numbered(9, **special)))
    assert results[1].image is None
    assert results[1].reason == "cut short"
    assert results[6].image is None
    assert "expected a picture" in results[6].reason
    assert strengths(results)[2] == pytest.approx(MOST_CHANGE)


def test_frames_that_the_recording_does_not_know_are_passed_through():
    frames = [(0, Plain(0.0)), (None, Plain(5.0))]
    results = list(restored_frames(stub([1.0]), frames))
    assert results[1].image is None
    assert results[1].reason == NO_STAMP
    assert results[0].strength == 1.0


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_workers_changes_nothing(workers):
    trusts = {5: 0.0, 11: 0.3}
    settings = VideoSettings(workers=workers)
    deblurrer = stub([1.0] * 20, trusts=trusts, settings=settings)
    results = list(restored_frames(deblurrer, numbered(20)))
    reference = list(restored_frames(stub([1.0] * 20, trusts=trusts), numbered(20)))
    assert strengths(results) == strengths(reference)
    for one, other in zip(results, reference, strict=True):
        assert (one.image is None) == (other.image is None)
        if one.image is not None:
            np.testing.assert_array_equal(one.image, other.image)
    assert deblurrer.most_running <= workers


def test_a_late_start_gives_the_same_frames():
    """A resumed run begins LOOK_AHEAD frames early and comes to the same strengths."""
    trusts = {4: 0.0, 9: 0.2}
    whole = strengths(restored_frames(stub([1.0] * 15, trusts=trusts), numbered(15)))
    for start in range(LOOK_AHEAD, 15):
        late = strengths(restored_frames(stub([1.0] * 15, trusts=trusts), numbered(15)[start - LOOK_AHEAD :]))
        assert late[LOOK_AHEAD:] == whole[start:]


def test_only_a_few_frames_are_held():
    taken = []

    def endless():
        for k in range(100):
            taken.append(k)
            yield k, Plain(0.0)

    for done, _ in enumerate(restored_frames(stub([1.0] * 100), endless())):
        assert len(taken) - done <= LOOK_AHEAD + 3


def test_leaving_early_stops_the_work():
    results = restored_frames(stub([1.0] * 50), numbered(50))
    next(results)
    results.close()


def test_other_errors_are_not_hidden():
    deblurrer = stub([1.0] * 3)

    def fail(*_):
        raise RuntimeError("a bug")

    deblurrer.restore = fail
    with pytest.raises(RuntimeError, match="a bug"):
        list(restored_frames(deblurrer, numbered(3)))
