"""Moving objects: signs and numbers by hand, brute-force rendering, and what has to stay the same."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.datasets.synthesis.moving_layers import (
    MovingObject,
    ObjectSettings,
    blur_with_objects,
    draw_object,
)
from gyrosharp.datasets.synthesis.object_shapes import rasterised
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry import Shutter
from shaken import psnr, shake, texture, trajectory

SHAPE = (72, 96)
SHUTTERS = [Shutter.TOP_TO_BOTTOM, Shutter.LEFT_TO_RIGHT]


def still(readout_s=0.0, shutter=Shutter.TOP_TO_BOTTOM):
    """A camera at rest: 50 ms from 50 ms on."""
    motion = shake(readout_s=readout_s, shutter=shutter)
    return replace(motion, trajectory=trajectory(lambda t: np.zeros((*np.shape(t), 3))))


def box(path_px=(0.0, 0.0), x=40, y=30, width=8, height=6, colour=(1.0, 1.0, 1.0)):
    opacity = np.zeros(SHAPE, np.float32)
    opacity[y : y + height, x : x + width] = 1
    return MovingObject(opacity[..., None] * np.array(colour, np.float32), opacity, path_px)


def soft_object(path_px, seed=3):
    return replace(draw_object(np.random.default_rng(seed), texture(72, 96, seed=9), SHAPE, ObjectSettings((0.4, 0.4))),
                   path_px=path_px)  # fmt: skip


def centre(light):
    total = light.sum()
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    return (x * light).sum() / total, (y * light).sum() / total


class TestByHand:
    def test_a_bar_that_moves_right_is_a_box_filter(self):
        """Path 4 px in 4 poses, at -1.5, -0.5, 0.5 and 1.5 px: each edge becomes a ramp over 4 px."""
        result = blur_with_objects(ExactOperator(still(), 4), np.zeros((*SHAPE, 3), np.float32), [box((4, 0))])
        row = result.blurred_linear[32, :, 0]
        # Left edge at 39.5: pixel 38 is covered by half at the pose that lies 1.5 px to the left, and so on.
        np.testing.assert_allclose(row[37:43], [0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1], atol=1e-6)
        np.testing.assert_allclose(row[45:52], [1, 7 / 8, 5 / 8, 3 / 8, 1 / 8, 0, 0], atol=1e-6)
        np.testing.assert_allclose(result.static_mask, 1 - result.blurred_linear[..., 0], atol=1e-6)
        np.testing.assert_array_equal(result.sharp_linear, box().light)

    @pytest.mark.parametrize("path", [(6.0, 0.0), (0.0, -6.0)])
    def test_reference_at_the_start_puts_the_trail_ahead(self, path):
        """The truth shows the start, so the middle of the trail is half a path further on, right or up."""
        motion = still()
        motion = replace(motion, reference_ns=motion.exposure.start_ns)
        result = blur_with_objects(ExactOperator(motion, 12), np.zeros((*SHAPE, 3), np.float32), [box(path)])
        before, after = centre(result.sharp_linear[..., 0]), centre(result.blurred_linear[..., 0])
        np.testing.assert_allclose(np.subtract(after, before), np.array(path) / 2, atol=1e-4)

    def test_rolling_shutter_leans_an_object(self):
        """The row y is exposed readout * (y - 35.5) / 72 later than the middle row: 3 px over 12 rows at this speed."""
        motion = still(readout_s=0.05)
        thing = box((18.0, 0.0), x=44, y=24, width=6, height=24)
        result = blur_with_objects(ExactOperator(motion, 16), np.zeros((*SHAPE, 3), np.float32), [thing])
        light = result.blurred_linear[24:48, :, 0].astype(float)
        middle = (np.arange(96) * light).sum(axis=1) / light.sum(axis=1)
        np.testing.assert_allclose(middle, 46.5 + 18 * (np.arange(24, 48) - 35.5) / 72, atol=2e-3)

    def test_sideways_shutter_stretches_an_object_along_it(self):
        """Columns are exposed one after the other, so what runs with them at 24 px per readout is 96 / 72 as wide."""
        motion = still(readout_s=0.05, shutter=Shutter.LEFT_TO_RIGHT)
        result = blur_with_objects(ExactOperator(motion, 16), np.zeros((*SHAPE, 3), np.float32), [box((24.0, 0.0))])
        assert result.blurred_linear[32, :, 0].sum() == pytest.approx(8 * 96 / 72, rel=0.02)

    def test_two_objects_lie_back_to_front(self):
        red, blue = box(colour=(1, 0, 0)), box(x=44, colour=(0, 0, 1))
        result = blur_with_objects(ExactOperator(still(), 3), np.full((*SHAPE, 3), 0.5, np.float32), [red, blue])
        assert result.sharp_linear[32, 42].tolist() == [1, 0, 0]
        assert result.sharp_linear[32, 45].tolist() == [0, 0, 1]
        np.testing.assert_allclose(result.blurred_linear, result.sharp_linear, atol=1e-6)


class TestPhysics:
    @pytest.mark.parametrize("shutter", SHUTTERS)
    @pytest.mark.parametrize("scene_level", [1.0, 3.0])
    def test_brute_force_rendering(self, shutter, scene_level):
        """Against 8 times as many moments, rendered point by point in float64 without the operator."""
        motion = shake(shutter=shutter, strength=0.7)
        scene = scene_level * texture(*SHAPE)
        things = [soft_object((9.0, -7.0)), soft_object((-6.0, 2.0), seed=8)]
        result = blur_with_objects(ExactOperator(motion, 40), scene, things)
        blurred, static = brute_force(motion, scene, things, 320)
        assert psnr(result.blurred_linear / scene_level, blurred / scene_level) > 60
        assert psnr(result.static_mask, static) > 60
        assert static.min() < 0.05

    @pytest.mark.parametrize("shutter", SHUTTERS)
    def test_without_the_kernel(self, shutter, monkeypatch):
        """The NumPy fallback gives the same picture."""
        motion, scene, thing = shake(shutter=shutter), texture(*SHAPE), soft_object((5.0, 8.0))
        native = blur_with_objects(ExactOperator(motion, 6), scene, [thing])
        monkeypatch.setattr("gyrosharp.blur.exact.native_kernel_available", lambda: False)
        plain = blur_with_objects(ExactOperator(motion, 6), scene, [thing])
        np.testing.assert_allclose(plain.blurred_linear, native.blurred_linear, atol=2e-4)
        np.testing.assert_allclose(plain.static_mask, native.static_mask, atol=2e-4)

    def test_at_rest_an_object_is_part_of_the_scene(self):
        """With a still camera exactly; with a shaking one but for sampling twice at soft edges."""
        scene, thing = texture(*SHAPE), soft_object((0.0, 0.0))
        rest = blur_with_objects(ExactOperator(still(), 5), scene, [thing])
        np.testing.assert_allclose(rest.blurred_linear, rest.sharp_linear, atol=1e-6)
        operator = ExactOperator(shake(), 24)
        shaken = blur_with_objects(operator, scene, [thing])
        painted = operator.forward(shaken.sharp_linear)
        assert psnr(shaken.blurred_linear, painted) > 40
        clear = operator.forward(np.dstack([thing.opacity] * 3))[..., 0]
        inside = (clear > 0.9999) | (clear < 0.0001)
        assert (clear > 0.9999).sum() > 20
        np.testing.assert_allclose(shaken.blurred_linear[inside], painted[inside], atol=2e-4)

    def test_light_is_conserved(self):
        thing, dark = soft_object((7.3, 4.1)), np.zeros((*SHAPE, 3), np.float32)
        result = blur_with_objects(ExactOperator(still(), 15), dark, [thing])
        assert result.blurred_linear.sum(dtype=float) == pytest.approx(thing.light.sum(dtype=float), rel=1e-5)
        assert (1 - result.static_mask).sum(dtype=float) == pytest.approx(thing.opacity.sum(dtype=float), rel=1e-4)

    def test_an_object_of_the_scene_s_colour_is_not_seen(self):
        grey = np.full((*SHAPE, 3), 0.4, np.float32)
        result = blur_with_objects(ExactOperator(shake(), 9), grey, [box((9, 3), colour=(0.4, 0.4, 0.4))])
        np.testing.assert_allclose(result.blurred_linear, grey, atol=1e-5)
        assert result.static_mask.min() < 0.8

    def test_no_object(self):
        operator, scene = ExactOperator(shake(), 9), texture(*SHAPE)
        result = blur_with_objects(operator, scene, [])
        np.testing.assert_allclose(result.blurred_linear, operator.forward(scene), atol=1e-6)
        np.testing.assert_array_equal(result.sharp_linear, scene)
        assert (result.static_mask == 1).all()

    def test_an_object_that_leaves_the_picture(self):
        """It comes in at the left and is gone at the right: 96 of 200 px of its path lie in the picture."""
        scene, thing = texture(*SHAPE), box((200.0, 0.0), x=80)
        result = blur_with_objects(ExactOperator(still(), 100), scene, [thing])
        assert (1 - result.static_mask[32]).sum() == pytest.approx(8 * 96 / 200, rel=0.02)
        assert (result.static_mask[:29] == 1).all()


def brute_force(motion, scene, things, moments):
    """Average of `moments` composites, each pixel's light fetched along its own line of sight."""
    height, width = SHAPE
    y, x = np.mgrid[:height, :width].astype(float)
    total, static = np.zeros((height, width, 3)), np.zeros((height, width))
    for moment in range(moments):
        times = motion.line_times_ns(np.stack([x, y], -1), [(moment + 0.5) / moments])
        at = motion.sources(np.stack([x, y], -1), times)[..., 0, :]
        since = (times[..., 0] - motion.reference_ns) * 1e-9 / motion.exposure.duration_s
        frame, clear = bilinear(scene, at), np.ones((height, width))
        for thing in things:
            where = at - since[..., None] * np.array(thing.path_px)
            cover = bilinear(thing.opacity[..., None], where)
            frame = frame * (1 - cover) + bilinear(thing.light, where)
            clear = clear * (1 - cover[..., 0])
        total, static = total + frame / moments, static + clear / moments
    return total, static


def bilinear(image, at):
    height, width = image.shape[:2]
    x, y = np.clip(at[..., 0], 0, width - 1), np.clip(at[..., 1], 0, height - 1)
    x0, y0 = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    picture = image.astype(float)
    upper = picture[y0, x0] * (1 - fx) + picture[y0, x0 + 1] * fx
    lower = picture[y0 + 1, x0] * (1 - fx) + picture[y0 + 1, x0 + 1] * fx
    return upper * (1 - fy) + lower * fy


class TestDrawing:
    def test_drawn_objects_keep_the_rules(self):
        picture = texture(60, 70)
        settings = ObjectSettings((0.1, 0.75), (5.0, 9.0))
        places = []
        for seed in range(80):
            thing = draw_object(np.random.default_rng(seed), picture, (48, 64), settings)
            assert thing.light.shape == (48, 64, 3)
            assert 5 <= np.hypot(*thing.path_px) <= 9
            assert thing.opacity.max() == 1
            assert (thing.light <= thing.opacity[..., None] * picture.max() + 1e-6).all()
            places.append(centre(thing.opacity))
        assert (np.ptp(places, axis=0) > (20, 12)).all()

    def test_same_state_same_object(self):
        first, second = (
            draw_object(np.random.default_rng(4), texture(60, 70), (48, 64), ObjectSettings()) for _ in range(2)
        )
        assert first.light.tobytes() == second.light.tobytes()
        assert first.path_px == second.path_px

    def test_area_of_a_disc_and_edge_of_a_square(self):
        angle = np.arange(200) * 2 * np.pi / 200
        disc = rasterised(10.3 * np.stack([np.cos(angle), np.sin(angle)], -1))
        assert disc.sum() == pytest.approx(np.pi * 10.3**2, rel=0.02)
        np.testing.assert_allclose(centre(disc), (disc.shape[0] - 1) / 2, atol=0.1)
        square = rasterised(np.array([[-2.5, -2.5], [2.5, -2.5], [2.5, 2.5], [-2.5, 2.5]]))
        assert square.shape == (8, 8)
        np.testing.assert_allclose(square[4], [0, 0.5, 1, 1, 1, 1, 0.5, 0], atol=0.13)

    def test_smallest_view_and_largest_object(self):
        for seed in range(30):
            draw_object(np.random.default_rng(seed), texture(40, 40), (16, 16), ObjectSettings((0.75, 0.75)))


class TestErrors:
    def test_objects(self):
        opacity = np.zeros((8, 9), np.float32)
        with pytest.raises(ImageError, match="as its opacity"):
            MovingObject(np.zeros((9, 8, 3), np.float32), opacity, (1, 0))
        for bad in (255.0, -0.1, np.nan):
            wrong = opacity.copy()
            wrong[4, 4] = bad
            with pytest.raises(ImageError, match="opacities from 0 to 1"):
                MovingObject(np.zeros((8, 9, 3), np.float32), wrong, (1, 0))
        opacity[3, 0] = 1
        with pytest.raises(ImageError, match="at its border"):
            MovingObject(np.zeros((8, 9, 3), np.float32), opacity, (1, 0))

    @pytest.mark.parametrize("values", [{"size": (0, 0.5)}, {"size": (0.2, 0.8)}, {"path_px": (9, 5)}])
    def test_settings(self, values):
        with pytest.raises(UsageError, match="moving object"):
            ObjectSettings(**values)

    def test_drawing(self):
        rng = np.random.default_rng(0)
        with pytest.raises(ImageError, match="at least 16 x 16"):
            draw_object(rng, texture(60, 70), (12, 64), ObjectSettings())
        with pytest.raises(ImageError, match="to cut from"):
            draw_object(rng, texture(10, 70), (48, 64), ObjectSettings((0.7, 0.7)))
        with pytest.raises(ImageError, match="to cut from"):
            draw_object(rng, texture(60, 70, 1), (48, 64), ObjectSettings())

    def test_sizes(self):
        operator = ExactOperator(still(), 2)
        with pytest.raises(ImageError, match="moving objects: expected pictures"):
            blur_with_objects(operator, texture(60, 96), [])
        small = MovingObject(np.zeros((60, 96, 3), np.float32), np.zeros((60, 96), np.float32), (0, 0))
        with pytest.raises(ImageError, match="moving objects: expected pictures"):
            blur_with_objects(operator, texture(*SHAPE), [small])
