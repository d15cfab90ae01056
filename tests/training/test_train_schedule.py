"""Learning rate and curriculum, by hand."""

import pytest

from gyrosharp.training.config import CurriculumPart, SchedulePart
from gyrosharp.training.curriculum import alpha_at
from gyrosharp.training.schedule import rate_at


def test_cosine_begins_at_the_peak_is_half_way_in_the_middle_and_ends_at_the_final_rate():
    schedule = SchedulePart(steps=1000, final_rate=1e-7)
    assert rate_at(schedule, 1e-4, 0.0) == pytest.approx(1e-4, rel=1e-12)
    assert rate_at(schedule, 1e-4, 0.5) == pytest.approx((1e-4 + 1e-7) / 2, rel=1e-12)
    # cos(60 degrees) = 1 / 2: three quarters of the way down remain at a third of the run.
    assert rate_at(schedule, 1e-4, 1 / 3) == pytest.approx(1e-7 + 0.75 * (1e-4 - 1e-7), rel=1e-12)
    assert rate_at(schedule, 1e-4, 1.0) == pytest.approx(1e-7, rel=1e-12)


def test_warm_up_rises_in_equal_steps_and_keeps_its_share_in_a_run_of_another_length():
    schedule = SchedulePart(steps=100, warmup=4, kind="constant")
    rates = [rate_at(schedule, 1.0, step / 100) for step in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    # Of 50 steps the first two are the same 4 % of the run.
    assert [rate_at(schedule, 1.0, step / 50) for step in range(3)] == pytest.approx([0.25, 0.75, 1.0])


def test_cosine_after_a_warm_up_begins_at_the_peak():
    schedule = SchedulePart(steps=100, warmup=20, final_rate=0.0)
    assert rate_at(schedule, 1.0, 0.2) == pytest.approx(1.0)
    assert rate_at(schedule, 1.0, 0.6) == pytest.approx(0.5)


def test_a_run_may_be_all_warm_up():
    assert rate_at(SchedulePart(steps=10, warmup=20, final_rate=0.0), 1.0, 1.0) == 0.0


def test_steps_drop_at_their_milestones():
    schedule = SchedulePart(steps=100, kind="step", milestones=(0.5, 0.75), factor=0.1)
    found = [rate_at(schedule, 1.0, progress) for progress in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_default_curriculum_is_gyrodeblurnets():
    # alpha = 0.1 floor(epoch / 10) of 300 epochs, 1 from epoch 100 on; here with 7 steps per epoch.
    part, per_epoch = CurriculumPart(), 7
    for epoch in range(300):
        wanted = min(epoch // 10, 10) / 10
        for step in (epoch * per_epoch, epoch * per_epoch + per_epoch - 1):
            assert alpha_at(part, step / (300 * per_epoch)) == pytest.approx(wanted), epoch


def test_a_linear_curriculum_joins_its_points():
    part = CurriculumPart(kind="linear", points=((0.2, 0.0), (0.6, 0.8)))
    assert [alpha_at(part, p) for p in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([0.0, 0.0, 0.4, 0.8, 0.8])


def test_stairs_hold():
    part = CurriculumPart(points=((0.2, 0.3), (0.6, 0.8)))
    assert [alpha_at(part, p) for p in (0.0, 0.2, 0.59, 0.6, 1.0)] == [0.3, 0.3, 0.3, 0.8, 0.8]
