"""What physics tells a network: solutions, residual, noise, trails, saturation; by hand where that can be done."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.network_input import PHYSICS, NetworkInput, input_planes
from gyrosharp.errors import UsageError
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore import network
from gyrosharp.restore.classical import ClassicalDeblurrer, survey
from gyrosharp.restore.model_card import CardInputs
from gyrosharp.restore.models import Model
from gyrosharp.restore.network import NetworkDeblurrer, passes_of
from gyrosharp.restore.physics import LONGEST_PX, RESIDUAL_GAIN, encoded, physics_of, solve_physics
from gyrosharp.restore.solvers.richardson_lucy import MOST_NOISE, Settings, plan, solve, visible_noise
from onnx_files import card_of, conv_graph
from shots import photo, shake_photo

ALL = tuple(PHYSICS)


@pytest.fixture(scope="module")
def shot():
    return shake_photo(photo(width=200, height=170), seed=2)


@pytest.fixture(scope="module")
def surveyed(shot):
    return survey(shot.capture, shot.blurred_linear)


@pytest.fixture(scope="module")
def physics(surveyed):
    return solve_physics(surveyed[0], ALL, tile="off")


def plane(physics, name):
    """Planes (H, W, C) of one name, of the whole photo."""
    height, width = physics.scene.picture.shape[:2]
    start = sum(PHYSICS[other] for other in ALL[: ALL.index(name)])
    return physics.planes((0, 0, width, height))[start : start + PHYSICS[name]].transpose(1, 2, 0)


def test_all_planes_lie_between_zero_and_one(physics):
    planes = physics.planes((0, 0, 200, 170))
    assert planes.shape == (sum(PHYSICS.values()), 170, 200) and planes.dtype == np.float32
    assert planes.min() >= 0 and planes.max() <= 1


def test_the_first_estimate_is_the_solvers(physics, surveyed):
    solved = ClassicalDeblurrer("rl").restore(*surveyed).image
    np.testing.assert_allclose(plane(physics, "estimate"), SRGB.encode(np.clip(solved, 0, 1)), atol=1e-6)


def test_the_consistent_estimate_takes_a_few_steps_back_to_the_photo(physics, surveyed):
    scene = surveyed[0]
    settings = Settings(3, 0.1 * plan(scene.facts).tv_strength)
    wide, estimate = scene.framed(), physics.pictures["estimate"]
    frame = (wide.picture.shape[0] - estimate.shape[0]) // 2
    start = np.maximum(np.pad(estimate, ((frame, frame), (frame, frame), (0, 0)), mode="edge"), 1e-4)
    by_hand = solve(wide.problem(None), None, settings, start)[frame:-frame, frame:-frame]
    np.testing.assert_allclose(plane(physics, "consistent"), SRGB.encode(np.clip(by_hand, 0, 1)), atol=1e-4)
    rough = {name: float(np.abs(np.diff(plane(physics, name), axis=0)).mean()) for name in ("estimate", "consistent")}
    assert rough["consistent"] > 1.05 * rough["estimate"], "what total variation held back comes up again"


def test_a_further_pass_begins_with_any_estimate_and_leaves_it_as_it_is(surveyed, shot):
    scene = surveyed[0]
    estimate = np.ascontiguousarray(shot.sharp_linear, dtype=np.float32)
    before = estimate.copy()
    physics = physics_of(scene, ALL, estimate)
    np.testing.assert_array_equal(estimate, before)
    np.testing.assert_allclose(plane(physics, "estimate"), SRGB.encode(np.clip(estimate, 0, 1)), atol=1e-6)
    still = physics_of(scene, ALL, np.full_like(estimate, 0.5))
    blurred, inner = scene.problem(None).operator.forward, np.s_[20:-20, 20:-20]
    pictures = [physics.pictures["consistent"], still.pictures["consistent"], still.pictures["estimate"]]
    errors = [np.abs(blurred(picture) - scene.picture)[inner].mean() for picture in pictures]
    assert errors[0] < errors[1] < 0.5 * errors[2]


def test_the_residual_is_what_the_motion_does_not_explain(physics, surveyed):
    scene = surveyed[0]
    predicted = scene.problem(None).operator.forward(physics.pictures["estimate"])
    by_hand = 0.5 + RESIDUAL_GAIN * (SRGB.encode(np.clip(predicted, 0, 1)) - SRGB.encode(scene.picture))
    np.testing.assert_allclose(plane(physics, "residual"), np.clip(by_hand, 0, 1), atol=1e-5)


def test_the_residual_grows_with_a_wrong_motion(shot, physics):
    late = replace(shot.capture, time_offset_s=shot.capture.time_offset_s + 0.01)
    other = solve_physics(survey(late, shot.blurred_linear)[0], ALL, tile="off")
    spread = [float(plane(each, "residual")[24:-24, 24:-24].std()) for each in (physics, other)]
    assert spread[1] > 1.2 * spread[0]


def test_facts_are_shown_as_numbers(physics, surveyed):
    facts = surveyed[0].facts
    assert np.unique(plane(physics, "noise")) == pytest.approx([visible_noise(facts) / MOST_NOISE])
    assert np.unique(plane(physics, "extent")) == pytest.approx([facts.trail_px / LONGEST_PX])


def test_clipped_pixels_are_marked(shot):
    bright = shot.blurred_linear.copy()
    bright[40:60, 50:80] = 1.0
    marked = plane(solve_physics(survey(shot.capture, bright)[0], ALL, tile="off"), "saturation")[..., 0]
    assert marked[45:55, 55:75].min() > 0.9 and marked[100:140, 100:160].max() < 0.5


def test_what_was_seen_of_the_outside_is_marked(physics, surveyed):
    outside = plane(physics, "outside")[..., 0]
    reach = surveyed[0].problem(None).operator.reach_px
    assert reach > 4 and not outside[int(reach) + 2 : -int(reach) - 2, int(reach) + 2 : -int(reach) - 2].any()
    assert outside[0].max() > 0.2 or outside[-1].max() > 0.2 or outside[:, 0].max() > 0.2


def test_parts_are_those_of_the_whole(physics):
    """A box whose edges are left out by the margin."""
    margin = physics.margin_px
    assert margin >= 4
    whole, box = physics.planes((0, 0, 200, 170)), (40, 24, 120, 112)
    part = physics.planes(box)[:, margin:-margin, margin:-margin]
    cut = whole[:, 24 + margin : 136 - margin, 40 + margin : 160 - margin]
    np.testing.assert_allclose(part, cut, atol=2e-4)


def test_grey_photos_are_shown_three_times():
    np.testing.assert_array_equal(
        encoded(np.full((2, 2, 1), 0.5, np.float32)), encoded(np.full((2, 2, 3), 0.5, np.float32))
    )


def test_only_what_is_wanted_is_solved(surveyed):
    assert set(solve_physics(surveyed[0], ("noise",)).pictures) == set()
    assert set(solve_physics(surveyed[0], ("residual",)).pictures) == {"estimate"}
    assert set(solve_physics(surveyed[0], ("residual", "consistent")).pictures) == {"estimate", "consistent"}
    assert solve_physics(surveyed[0], ("noise",)).margin_px == 0


class Keeps:
    """A session that keeps its planes and returns the solution, the third to fifth plane."""

    backend = "keeps"

    def __init__(self):
        self.given = []

    def run(self, _image, planes):
        self.given.append(planes)
        return planes[:, 2:5].copy()


class Darkens(Keeps):
    """Returns nine tenths of the estimate."""

    def run(self, image, planes):
        return np.float32(0.9) * super().run(image, planes)


def refiner(tmp_path, tile="auto", session=None, **repeated):
    names = ("estimate", "residual", "noise")
    inputs = CardInputs(encoding="linear_kernel", options={"form": "vector"}, physics=names, **repeated)
    session = session or Keeps()
    model = Model(card_of(conv_graph(np.ones((1, 1))), inputs=inputs, size_multiple=8, tile_margin_px=16), tmp_path)
    return NetworkDeblurrer(model, tile, session), session


def test_networks_are_given_motion_and_then_physics(tmp_path, surveyed):
    deblurrer, session = refiner(tmp_path, tile="off")
    result = deblurrer.restore(*surveyed)
    (planes,) = session.given
    assert planes.shape == (1, 2 + 7, 176, 200)
    wanted = solve_physics(surveyed[0], ("estimate", "residual", "noise")).planes((0, 0, 200, 170))
    np.testing.assert_allclose(planes[0, 2:, :170, :200], wanted, atol=1e-6)
    assert deblurrer.needs_motion
    np.testing.assert_allclose(result.image, ClassicalDeblurrer("rl").restore(*surveyed).image.clip(0, 1), atol=1e-5)


def test_tiles_equal_the_whole(tmp_path):
    shot = shake_photo(photo(width=420, height=300), seed=3)
    surveyed = survey(shot.capture, shot.blurred_linear)
    whole, tiled = (refiner(tmp_path, tile)[0].restore(*surveyed).image for tile in ("off", 256))
    # Solvers in tiles differ by half a code of 8 bit at most: see tests/restore/test_tiling.py.
    assert np.abs(SRGB.encode(whole) - SRGB.encode(tiled)).max() < 1.5 / 255


def test_every_pass_begins_with_the_result_before(tmp_path, surveyed):
    told = []
    deblurrer, session = refiner(tmp_path, tile="off", passes=3, session=Darkens())
    result = deblurrer.restore(*surveyed, lambda done, total: told.append(done / total)).image
    first, second, third = (planes[0, 2:5, :170, :200] for planes in session.given)
    np.testing.assert_allclose(second, 0.9 * first, atol=1e-5)
    np.testing.assert_allclose(third, 0.81 * first, atol=1e-5)
    np.testing.assert_allclose(SRGB.encode(result), (0.729 * first).transpose(1, 2, 0), atol=1e-5)
    residuals = [planes[0, 5:8, 20:150, 20:180].mean() for planes in session.given]
    assert residuals[2] < residuals[1] < residuals[0], "blurred again, a darker estimate is darker than the photo"
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize(
    ("most_px", "wanted", "runs"), [(4 * 34_000, 4, 4), (4 * 34_000 - 1, 4, 3), (1, 4, 2), (1, 1, 1)]
)
def test_large_photos_take_fewer_passes(tmp_path, surveyed, monkeypatch, most_px, wanted, runs):
    """Of a photo of 200 x 170 px."""
    monkeypatch.setattr(network, "MOST_RUN_PX", most_px)
    deblurrer, session = refiner(tmp_path, tile="off", passes=wanted)
    deblurrer.restore(*surveyed)
    assert len(session.given) == runs


class Leans(Keeps):
    """Returns the estimate, brighter to the right by a level, and by the motion along x over 100 px."""

    def run(self, image, planes):
        ramp = np.linspace(0, 0.05, image.shape[3], dtype=np.float32)
        return super().run(image, planes) + ramp + planes[:, :1] / 100


def test_opposite_orientations_cancel_what_leans(tmp_path, surveyed):
    """Upside down a picture's right is its left, and its motion runs the other way."""
    deblurrer, session = refiner(tmp_path, tile="off", session=Leans(), orientations=2)
    image = SRGB.encode(deblurrer.restore(*surveyed).image)
    first, second = session.given
    np.testing.assert_array_equal(second[0, 2:], first[0, 2:, ::-1, ::-1])
    np.testing.assert_allclose(second[0, :2], -first[0, :2, ::-1, ::-1], atol=1e-6)
    estimate = first[0, 2:5, :170, :200].transpose(1, 2, 0)
    inside = (estimate > 0.1) & (estimate < 0.9)
    np.testing.assert_allclose(image[inside], estimate[inside] + 0.025, atol=1e-5)


def test_passes_look_in_turn_from_all_sides(tmp_path, surveyed):
    deblurrer, session = refiner(tmp_path, tile="off", passes=2, orientations=4)
    result = deblurrer.restore(*surveyed)
    assert "tiny: 2 passes over the photo, each in 4 orientations" in result.diagnostics.notes
    assert [planes.shape[2:] for planes in session.given] == 2 * ([(176, 200)] * 2 + [(200, 176)] * 2)
    up, *_, mirrored = session.given[:1] + session.given[4:5]
    # Keeps returns the estimate, which the second pass begins with.
    np.testing.assert_allclose(mirrored[0, 2:5], up[0, 2:5, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(mirrored[0, 0], -up[0, 0, :, ::-1], atol=1e-6)
    np.testing.assert_allclose(mirrored[0, 1], up[0, 1, :, ::-1], atol=1e-6)


def test_tiles_that_lie_another_way_equal_the_whole(tmp_path):
    shot = shake_photo(photo(width=423, height=301), seed=3)
    surveyed = survey(shot.capture, shot.blurred_linear)
    more = {"passes": 2, "orientations": 8}
    whole, tiled = (refiner(tmp_path, tile, **more)[0].restore(*surveyed).image for tile in ("off", 256))
    assert np.abs(SRGB.encode(whole) - SRGB.encode(tiled)).max() < 1.5 / 255


@pytest.mark.parametrize(
    ("megapixels", "passes", "orientations", "counts"),
    [
        (0.3, 4, 4, (4, 4, 4, 4)),
        (1.5, 4, 4, (4, 4, 4, 4)),
        (2.0, 4, 4, (3, 3, 3, 3)),
        (3.0, 4, 4, (2, 2, 2, 2)),
        (3.1, 4, 4, (2, 2, 2)),
        (4.0, 4, 4, (2, 2, 2)),
        (4.1, 4, 4, (1, 1, 1, 1)),
        (8.0, 4, 4, (1, 1, 1)),
        (8.1, 4, 4, (1, 1)),
        (48.0, 4, 4, (1, 1)),
        (4.1, 4, 1, (1, 1, 1, 1)),
        (3.5, 4, 1, (1, 1, 1, 1)),
        (2.0, 3, 4, (4, 4, 4)),
        (0.3, 2, 1, (1, 1)),
        (48.0, 1, 4, (1,)),
    ],
)
def test_what_a_photo_of_some_size_is_worth(megapixels, passes, orientations, counts):
    wanted = NetworkInput(physics=("estimate",), passes=passes, orientations=orientations)
    seen = passes_of(wanted, round(megapixels * 1e6))
    assert tuple(len(ways) for ways in seen) == counts
    every = [way for ways in seen for way in ways]
    assert len(set(every)) == min(len(every), 8 if orientations > 1 else 1)


@pytest.mark.parametrize("given", [{"passes": 0}, {"passes": 2}, {"passes": 2, "physics": ("noise",)}])
def test_passes_need_an_estimate(given):
    with pytest.raises(UsageError, match=r"expected passes >= 1, and 1 without physics of an estimate, got [02]"):
        NetworkInput("linear_kernel", **given)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("estimate", "fog"), r"physics: expected names out of estimate, .*, each once, got 'fog'"),
        (("estimate", "estimate"), r"physics: expected names out of .*, got one of them twice"),
    ],
)
def test_unknown_names_are_refused(surveyed, names, message):
    for ask in (lambda: solve_physics(surveyed[0], names), lambda: NetworkInput(physics=names)):
        with pytest.raises(UsageError, match=message):
            ask()


def test_planes_of_another_size_are_refused():
    wanted = NetworkInput(physics=("estimate", "noise"))
    assert wanted.channels == 4 and wanted.needs_motion
    with pytest.raises(
        UsageError, match=r"expected planes \(4, 8, 9\) of estimate, noise, got \(3, 8, 9\); make them with"
    ):
        input_planes(wanted, None, (8, 9), None, np.zeros((3, 8, 9), np.float32))
    with pytest.raises(UsageError, match=r"expected planes .* got None"):
        input_planes(wanted, None, (8, 9))
    with pytest.raises(UsageError, match=r"expected stride >= 1, and 1 with depth or physics, got 2"):
        NetworkInput(stride=2, physics=("estimate",))
