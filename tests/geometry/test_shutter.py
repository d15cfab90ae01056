import numpy as np
import pytest

from gyrosharp.errors import CaptureError
from gyrosharp.geometry import Exposure, Shutter

# A frame of 10 columns x 5 rows, 20 ms readout, 8 ms exposure, started at 1 ms; the pixel (2, 1).
HAND_WORKED_START_MS = {
    Shutter.GLOBAL: 1.0,
    Shutter.TOP_TO_BOTTOM: 1.0 + 20 * 1 / 5,
    Shutter.BOTTOM_TO_TOP: 1.0 + 20 * 3 / 5,
    Shutter.LEFT_TO_RIGHT: 1.0 + 20 * 2 / 10,
    Shutter.RIGHT_TO_LEFT: 1.0 + 20 * 7 / 10,
}


@pytest.mark.parametrize("shutter", Shutter)
def test_hand_worked_line_times(shutter):
    exposure = Exposure(1_000_000, 0.008, 0.02, shutter)
    times = exposure.times_ns([2, 1], 10, 5, [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(
        times, np.array([0, 4_000_000, 8_000_000]) + round(HAND_WORKED_START_MS[shutter] * 1e6)
    )


@pytest.mark.parametrize("shutter", Shutter)
def test_reference_is_the_middle_of_the_middle_line(shutter):
    exposure = Exposure(1_000_000, 0.008, 0.02, shutter)
    # Lines 2 of 5, or 4.5 of 10: the middle (L - 1) / 2.
    readout_ms = {Shutter.GLOBAL: 0.0, Shutter.LEFT_TO_RIGHT: 9.0, Shutter.RIGHT_TO_LEFT: 9.0}.get(shutter, 8.0)
    assert exposure.reference_ns(10, 5) == 1_000_000 + 4_000_000 + round(readout_ms * 1e6)


@pytest.mark.parametrize("shutter", Shutter)
def test_zero_readout_is_a_global_shutter(shutter):
    points = np.random.default_rng(0).uniform(0, 9, (4, 6, 2))
    rolling, at_once = Exposure(7, 0.01, 0.0, shutter), Exposure(7, 0.01, 0.02, Shutter.GLOBAL)
    phases = [0.0, 0.3, 1.0]
    np.testing.assert_array_equal(rolling.times_ns(points, 10, 5, phases), at_once.times_ns(points, 10, 5, phases))
    assert rolling.span_ns == at_once.span_ns


@pytest.mark.parametrize("shutter", Shutter)
def test_span_holds_every_line(shutter):
    exposure = Exposure(123, 0.01, 0.02, shutter)
    points = np.stack(np.meshgrid(np.arange(10), np.arange(5)), axis=-1)
    times = exposure.times_ns(points, 10, 5, [0.0, 1.0])
    assert exposure.span_ns[0] == times.min() == 123
    assert times.max() <= exposure.span_ns[1]


def test_only_sideways_readouts_have_columns_as_lines():
    assert [s for s in Shutter if s.is_vertical] == [Shutter.LEFT_TO_RIGHT, Shutter.RIGHT_TO_LEFT]


def test_large_stamps_keep_their_nanoseconds():
    start = 1_700_000_000_123_456_789
    assert Exposure(start, 0.01).times_ns([0, 0], 4, 4, [0.0])[0] == start


def test_plain_text_names_a_shutter():
    assert Exposure(0, 0.01, 0.0, "global").shutter is Shutter.GLOBAL


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"duration_s": 0.0}, "exposure duration"),
        ({"duration_s": -0.01}, "exposure duration"),
        ({"duration_s": 61.0}, "exposure duration"),
        ({"duration_s": float("nan")}, "exposure duration"),
        ({"duration_s": 0.01, "readout_s": -0.01}, "readout"),
        ({"duration_s": 0.01, "readout_s": 1.5}, "readout"),
        ({"duration_s": 0.01, "readout_s": float("nan")}, "readout"),
        ({"duration_s": 0.01, "shutter": "rolling"}, "expected one of global, rolling_top_to_bottom"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(CaptureError, match=message):
        Exposure(0, **values)


@pytest.mark.parametrize("start_ns", [10**30, -(10**30), 2**62])
def test_stamps_fit_into_64_bits(start_ns):
    with pytest.raises(CaptureError, match="64-bit"):
        Exposure(start_ns, 0.01)
