import numpy as np
import pytest

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.statistics import crossed_interval, mean_interval, ordering, paired_interval


def test_interval_of_three_values_by_hand():
    # Mean 2, s = 1, t(0.975, 2) = 4.302653: half width 4.302653 / sqrt(3) = 2.484138.
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.high - found.mean == pytest.approx(2.484138, abs=1e-6)
    assert found.low == pytest.approx(2.0 - 2.484138, abs=1e-6)
    assert (found.count, found.half) == (3, pytest.approx(2.484138, abs=1e-6))


def test_shots_of_one_photo_count_as_one_value():
    # Groups' sums about the mean 2: -2, 2, 0. s^2 = 3/2 * 8 / 36 = 1/3, so half = 4.302653 / sqrt(3).
    found = mean_interval([1.0, 1.0, 3.0, 3.0, 2.0, 2.0], ["a", "a", "b", "b", "c", "c"])
    assert found.count == 3
    assert found.half == pytest.approx(2.484138, abs=1e-6)
    assert found.half > mean_interval([1.0, 1.0, 3.0, 3.0, 2.0, 2.0]).half


def test_groups_of_different_sizes_keep_the_mean_of_all_values():
    # Sums about 2: (1 - 2) * 3 = -3 and (5 - 2) = 3. s^2 = 2/1 * 18 / 16 = 9/4; t(0.975, 1) = 12.7062.
    found = mean_interval([1.0, 1.0, 1.0, 5.0], ["a", "a", "a", "b"])
    assert found.mean == 2.0
    assert found.half == pytest.approx(12.7062 * 1.5, abs=1e-3)


def test_one_value_says_nothing_of_its_spread():
    found = mean_interval([3.0])
    assert (found.mean, found.low, found.high, found.order) == (3.0, -np.inf, np.inf, "unresolved")


def test_pairing_takes_out_what_shots_have_in_common():
    hard = np.array([20.0, 25.0, 30.0, 35.0])
    a, b = hard + np.array([0.5, 0.4, 0.6, 0.5]), hard
    assert ordering(a, b) == "better"
    assert ordering(b, a) == "worse"
    assert ordering(a, a + np.array([0.1, -0.1, 0.1, -0.1])) == "unresolved"
    assert paired_interval(a, b).mean == pytest.approx(0.5)


def test_equal_scores_are_not_ordered():
    assert ordering([1.0, 2.0], [1.0, 2.0]) == "unresolved"


def test_crossed_interval_by_hand():
    # Differences [[0, 2], [2, 4]]: mean 2. Run means and photo means are 1 and 3, there is no rest.
    # MS_runs = MS_photos = 2 (1 + 1) = 4, MS_rest = 0; Var = 8 / 4 = 2.
    # Satterthwaite: 8^2 / (4^2 + 4^2) = 2 degrees, where t = 4.302653.
    found = crossed_interval([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [1.0, 0.0]])
    assert (found.mean, found.count) == (2.0, 4)
    assert found.half == pytest.approx(4.302653 * np.sqrt(2.0), abs=1e-5)


def test_noise_alone_leaves_no_less_than_its_largest_part():
    # Differences [[1, -1], [-1, 1]]: no runs, no photos, MS_rest = 4: their sum less the rest would be negative.
    found = crossed_interval([[1.0, -1.0], [-1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]])
    assert (found.low, found.high, found.order) == (0.0, 0.0, "unresolved")


def test_crossed_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        runs, photos = rng.normal(0, 0.5, (4, 1)), rng.normal(0, 0.5, (1, 12))
        table = 1.0 + runs + photos + rng.normal(0, 0.3, (4, 12))
        found = crossed_interval(table, np.zeros((4, 12)))
        inside += found.low <= 1.0 <= found.high
    assert 0.93 <= inside / 400 <= 0.995


def test_runs_that_differ_by_chance_do_not_order_methods():
    # Every photo agrees within a run, but runs do not: one more run could turn the order around.
    scores = np.array([[1.0], [-0.8], [0.9]]) + np.zeros((3, 50))
    assert ordering(scores, np.zeros((3, 50))) == "unresolved"
    # The same with photos alone would be sure of itself.
    assert ordering(scores[0] + np.linspace(0, 0.01, 50), np.zeros(50)) == "better"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([]), "expected values along 1 axes, got an array (0,)"),
        (lambda: mean_interval([1.0, np.inf]), "expected finite values, got NaN or infinity"),
        (lambda: mean_interval([1.0, 2.0], ["a"]), "expected a group for each of 2 values, got 1"),
        (lambda: paired_interval([1.0], [1.0, 2.0]), "expected scores of the same shots, got arrays (1,) and (2,)"),
        (lambda: crossed_interval([[1.0, 2.0]], [[0.0, 0.0]]), "expected at least 2 runs and 2 photos, got 1 and 2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(UsageError) as error:
        call()
    assert message in str(error.value)
