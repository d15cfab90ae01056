import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gyrosharp.errors import UsageError
from gyrosharp.restore.video.extents import FrameExtents
from gyrosharp.restore.video.plan import MOST_CHANGE, SHARP, VideoPlan, faded_in, gradual, plan_of_extents
from gyrosharp.restore.video.settings import VideoSettings

STRENGTHS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40).map(np.array)
CHANGES = st.floats(0.01, 1.0)


def test_the_fade_starts_at_the_least_blur_and_ends_a_pixel_and_a_half_above():
    found = faded_in(np.array([0.0, 0.9, 1.0, 1.75, 2.5, 30.0, np.nan]), 1.0)
    np.testing.assert_allclose(found, [0, 0, 0, 0.5, 1, 1, 0])


def test_a_frame_left_alone_fades_its_neighbours():
    found = gradual(np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0]), 0.4 * np.arange(6))
    np.testing.assert_allclose(found, [1.0, 0.8, 0.4, 0.0, 0.4, 0.8])


def test_a_short_burst_stays_low():
    np.testing.assert_allclose(gradual(np.array([0.0, 1.0, 0.0]), 0.3 * np.arange(3)), [0.0, 0.3, 0.0])


@given(STRENGTHS, CHANGES)
def test_neighbours_differ_by_little_and_nothing_is_raised(strength, change):
    found = gradual(strength, change * np.arange(len(strength)))
    assert (found <= strength).all()
    assert (found >= 0.0).all()
    assert (np.abs(np.diff(found)) <= change + 1e-9).all()
    assert (found[strength == 0.0] == 0.0).all()


@given(STRENGTHS, CHANGES)
def test_no_more_is_taken_away_than_that_needs(strength, change):
    """The largest such sequence is the lower envelope of cones, written out."""
    places = np.arange(len(strength))
    cones = strength[None, :] + change * np.abs(places[:, None] - places)
    np.testing.assert_allclose(gradual(strength, change * places), cones.min(axis=1), atol=1e-9)


def test_a_plan_says_why_frames_are_passed_through():
    extents = FrameExtents(np.array([8.0, 8.0, 0.4, np.nan, 8.0]), ("", "", "", "no log", ""))
    plan = plan_of_extents(extents, np.full(4, 0.033), 1.5)
    assert plan.strength[2] == plan.strength[3] == 0.0
    assert plan.reasons == ("", "", SHARP, "no log", "")
    assert plan.processed == 3
    assert len(plan) == 5


def test_frames_under_the_least_blur_are_never_touched():
    extent_px = np.random.default_rng(0).uniform(0.0, 6.0, 200)
    plan = plan_of_extents(FrameExtents(extent_px, ("",) * 200), np.full(199, 0.04), 1.5)
    assert (plan.strength[extent_px < 1.5] == 0.0).all()
    assert (plan.strength[extent_px > 1.5] > 0.0).all()


def test_pictures_far_apart_are_no_neighbours():
    extents = FrameExtents(np.array([9.0, 0.2, 9.0, 9.0]), ("",) * 4)
    plan = plan_of_extents(extents, np.array([0.033, 0.1, 2.0]), 1.5)
    np.testing.assert_allclose(plan.strength, [MOST_CHANGE, 0.0, 2 * MOST_CHANGE, 1.0])
    np.testing.assert_allclose(np.diff(plan.ramp), [MOST_CHANGE, 2 * MOST_CHANGE, 1.0])


def test_levels_scale_the_plan():
    plan = VideoPlan(np.array([9.0, 0.1]), np.array([1.0, 0.0]), ("", SHARP), np.array([0.0, 0.34]))
    np.testing.assert_allclose(plan.at_level(0.5).strength, [0.5, 0.0])
    off = plan.at_level(0.0, "disagree")
    assert off.processed == 0
    assert off.reasons == ("disagree", SHARP)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strength": 1.5}, "strength"),
        ({"min_blur_px": -1.0}, "min blur"),
        ({"min_blur_px": float("nan")}, "min blur"),
        ({"workers": 0}, "workers"),
        ({"method": "magic"}, "method"),
        ({"tile": 3}, "tile"),
    ],
)
def test_settings_are_checked(changed, message):
    with pytest.raises(UsageError, match=message):
        VideoSettings(**changed)
