"""Each stage of the sensor alone and all together: hand-worked numbers, noise statistics, colours, determinism."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.datasets.synthesis.bayer import PATTERNS
from gyrosharp.datasets.synthesis.colour import CAMERA_FROM_XYZ, XYZ_FROM_SRGB, camera_from_srgb, tone_curve
from gyrosharp.datasets.synthesis.saturation import CLIPPED_LINEAR, saturated, saturated_anywhere, saturation_mask
from gyrosharp.datasets.synthesis.sensor import Sensor, draw_sensor, through_jpeg
from gyrosharp.datasets.synthesis.sensor_settings import PRESETS, SensorSettings, sensor_settings
from gyrosharp.datasets.synthesis.shot_noise import iso_noise, with_shot_and_read_noise
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.transfer import SRGB, decode_codes
from shaken import shake

COLOUR = {"camera_mix": (0.1, 0.5, 0.3, 0.1), "red_gain": 2.1, "blue_gain": 1.7}


def rng(seed=0):
    return np.random.default_rng(seed)


def linear(name="astronaut"):
    return SRGB.decode(getattr(data, name)() / 255).astype(np.float32)


def flat(colour, side=400):
    return np.broadcast_to(np.array(colour, np.float32), (side, side, 3))


def developed(sensor, light, seed=0):
    """The photograph back in linear light; take 16 bit, so that rounding stays out of it."""
    return decode_codes(sensor.photograph(light, rng(seed)), sensor.curve).astype(np.float64)


class TestNothing:
    def test_all_off_gives_back_the_photo_s_codes(self):
        codes = data.astronaut()
        light = SRGB.decode(codes / 255).astype(np.float32)
        np.testing.assert_array_equal(Sensor().photograph(light, rng()), codes)
        np.testing.assert_array_equal(Sensor().target(light), codes)

    def test_codes_worked_by_hand(self):
        # IEC 61966-2-1: 0.001 -> 12.92 * 0.001 = 0.01292; 0.213 -> 1.055 * 0.213^(1/2.4) - 0.055 = 0.498875
        light = flat([0.001, 0.2130, 7.0], 2)
        assert Sensor().photograph(light, rng())[0, 0].tolist() == [3, 127, 255]
        assert Sensor(bits=16).target(light)[0, 0].tolist() == [847, 32694, 65535]

    def test_input_is_not_changed(self):
        light = linear()
        before = light.copy()
        draw_sensor(rng(), PRESETS["phone"]).photograph(light, rng())
        draw_sensor(rng(), replace(PRESETS["none"], noise_on_saturated=False)).photograph(light, rng())
        np.testing.assert_array_equal(light, before)


class TestNoise:
    def test_iso_law_worked_by_hand(self):
        # ISO 100: 7.2001e-5 + 1.2589e-5 = 8.459e-5; ln = -9.37766; 1.4141 * that - 2.0269 = -15.28785
        assert iso_noise(100) == (pytest.approx(8.459e-5), pytest.approx(np.exp(-15.28785), rel=1e-4))
        shot, read = iso_noise(1600)
        assert 1 / shot == pytest.approx(858.7, rel=1e-3)  # electrons at white
        assert np.sqrt(read) / shot == pytest.approx(2.63, rel=1e-2)  # electrons of read noise

    @pytest.mark.parametrize("electrons", [0.3, 4.0, 60.0, 3000.0])
    def test_counts_have_poisson_s_moments(self, electrons):
        """Mean m, variance m, skewness 1 / sqrt(m)."""
        shot = 1e-4
        raw = np.full(1_000_000, electrons * shot, np.float32)
        counts = with_shot_and_read_noise(raw, shot, 0.0, rng()).astype(np.float64) / shot
        off = counts - counts.mean()
        assert counts.mean() == pytest.approx(electrons, rel=0.005)
        assert counts.var() == pytest.approx(electrons, rel=0.005)
        assert (off**3).mean() / counts.var() ** 1.5 == pytest.approx(electrons**-0.5, abs=0.015)
        assert counts.min() >= 0

    def test_few_electrons_are_counted_one_by_one(self):
        counts = with_shot_and_read_noise(np.full(1000, 0.02, np.float32), 0.01, 0.0, rng()) / np.float32(0.01)
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-4)
        assert set(np.rint(counts)) >= {0, 1, 2, 3, 4}

    @pytest.mark.parametrize("level", [0.02, 0.1, 0.4, 0.8])
    def test_photograph_follows_the_model(self, level):
        """var = s x + r at each grey level, through storing and reading back."""
        sensor = Sensor(shot_variance=4e-4, read_variance=9e-6, bits=16)
        seen = developed(sensor, flat([level] * 3))
        assert seen.mean() == pytest.approx(level, rel=2e-3)
        assert seen.var() == pytest.approx(4e-4 * level + 9e-6, rel=0.02)

    def test_gains_weaken_the_light_of_red_and_blue(self):
        """A site sees x / g, so after white balance var = g^2 (s x / g + r): worked out for g = 2 and 1.5."""
        sensor = Sensor(shot_variance=1e-3, read_variance=1e-5, red_gain=2.0, blue_gain=1.5, bits=16)
        variance = developed(sensor, flat([0.4] * 3)).var(axis=(0, 1))
        np.testing.assert_allclose(variance, [8.4e-4, 4.1e-4, 6.225e-4], rtol=0.03)

    def test_camera_colours_couple_the_channels(self):
        """var = (M^-1)^2 var_camera."""
        sensor = Sensor(shot_variance=1e-3, camera_mix=(1, 1, 1, 1), bits=16)
        light = np.array([0.5, 0.3, 0.2])
        matrix = camera_from_srgb(np.ones(4))
        seen = developed(sensor, flat(light))
        np.testing.assert_allclose(
            seen.var(axis=(0, 1)), np.linalg.inv(matrix) ** 2 @ (1e-3 * matrix @ light), rtol=0.03
        )
        np.testing.assert_allclose(seen.mean(axis=(0, 1)), light, rtol=5e-3)

    def test_clipped_pixels(self):
        light = flat([1.8, 0.5, 1.0], 64)
        noisy = Sensor(shot_variance=1e-2, read_variance=1e-4)
        calm = replace(noisy, noise_on_saturated=False)
        assert noisy.photograph(light, rng())[..., 0].min() < 255
        codes = calm.photograph(light, rng())
        assert codes[..., [0, 2]].min() == 255
        assert codes[..., 1].std() > 1

    def test_gaussian_noise_of_the_stored_image(self):
        dark = SRGB.decode(0.3)
        for bits in (8, 16):
            codes = Sensor(encoded_std=0.01, bits=bits).photograph(flat([dark] * 3), rng()) / (2**bits - 1)
            assert codes.mean() == pytest.approx(0.3, abs=2e-4)
            assert codes.std() == pytest.approx(np.hypot(0.01, 12**-0.5 / (2**bits - 1)), rel=0.01)

    def test_photons(self):
        sensor = draw_sensor(rng(), SensorSettings(photons=(500, 500), bits=(16,)))
        assert developed(sensor, flat([0.5] * 3)).var() == pytest.approx(0.5 / 500, rel=0.02)


class TestColour:
    def test_matrix_by_an_independent_route(self):
        mix = np.array([0.2, 0.3, 0.4, 0.1])
        rows = np.zeros((3, 3))
        for weight, matrix in zip(mix, CAMERA_FROM_XYZ, strict=True):
            rows += weight * (matrix @ XYZ_FROM_SRGB)
        expected = (rows.T / rows.sum(axis=1)).T
        np.testing.assert_allclose(camera_from_srgb(7 * mix), expected)
        np.testing.assert_allclose(camera_from_srgb(mix) @ np.ones(3), 1)

    def test_every_mix_is_a_tame_camera(self):
        """Hardly any negative light, and an inverse that at most triples the noise."""
        for seed in range(50):
            matrix = camera_from_srgb(rng(seed).random(4))
            assert matrix.min() > -0.13
            assert np.linalg.cond(matrix) < 3

    @pytest.mark.parametrize("pattern", ["", *PATTERNS])
    def test_colours_survive_the_way_through_the_camera(self, pattern):
        """White stays white, and so does every other colour: the sRGB corners among them."""
        sensor = Sensor(bayer=pattern, read_variance=1e-14, **COLOUR)
        for colour in ([1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.9, 0.4, 0.1]):
            light = flat(colour, 12)
            # Black next to full red is 1e-7 of rounding, which a steep curve could show.
            assert np.abs(sensor.photograph(light, rng()).astype(int) - Sensor().target(light)).max() <= 1

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_mosaic_alone_keeps_the_photo(self, pattern):
        """What goes in is blurred, and a mosaic does little to blurred pictures."""
        for light, least_db in ((linear(), 29), (cv2.GaussianBlur(linear(), (0, 0), 1.5), 40)):
            codes = Sensor(bayer=pattern, **COLOUR).photograph(light, rng()) / 255
            error = codes - Sensor().target(light) / 255
            assert -10 * np.log10(np.mean(error**2)) > least_db
            assert np.abs(error.mean(axis=(0, 1))).max() < 0.002  # no colour cast

    def test_contrast_worked_by_hand(self):
        # c = 0.4 at x = 0.25: 0.6 * 0.25 + 0.4 * (3 / 16 - 2 / 64) = 0.2125; middle grey and the ends stay.
        light = SRGB.decode(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
        np.testing.assert_allclose(tone_curve("s_curve", 0.4).encode(light), [0, 0.2125, 0.5, 0.7875, 1], atol=1e-6)

    @pytest.mark.parametrize("value", [0.1, 0.5, 0.8])
    def test_contrast_curve_everywhere(self, value):
        x = np.linspace(0, 1, 5001)
        expected = (1 - value) * x + value * (3 * x**2 - 2 * x**3)
        np.testing.assert_allclose(tone_curve("s_curve", value).encode(SRGB.decode(x)), expected, atol=3e-5)

    def test_power(self):
        assert tone_curve("power", 2.0).encode(0.25) == pytest.approx(0.5)
        assert tone_curve("srgb") is tone_curve("s_curve", 0.0) is SRGB

    def test_truth_and_observation_share_the_curve(self):
        light = linear()
        for tone, value in (("power", 1.8), ("s_curve", 0.5)):
            sensor = Sensor(tone=tone, tone_value=value)
            np.testing.assert_array_equal(sensor.target(light), sensor.photograph(light, rng()))
            assert np.abs(decode_codes(sensor.target(light), sensor.curve) - light).max() < 0.01
            assert not np.array_equal(sensor.target(light), Sensor().target(light))


class TestFinish:
    """What a phone does to a photo after the blur: smoothing and sharpening."""

    @staticmethod
    def step(dark=0.2, bright=0.8, side=64):
        encoded = np.full((side, side, 3), dark)
        encoded[:, side // 2 :] = bright
        return SRGB.decode(encoded).astype(np.float32)

    def test_sharpening_worked_by_hand(self):
        """Half a pixel from the edge G e is 0.2 + 0.6 Phi(0.5 / 2) = 0.55922: half of 0.8 - 0.55922 is added."""
        row = Sensor(sharpening=0.5, sharpening_px=2.0, bits=16).photograph(self.step(), rng())[32, :, 1] / 65535
        np.testing.assert_allclose(row[31:33], [0.2 - 0.12039, 0.8 + 0.12039], atol=2e-3)
        np.testing.assert_allclose(row[[10, 53]], [0.2, 0.8], atol=1e-4)

    def test_smoothing_takes_noise_and_leaves_edges(self):
        noisy = Sensor(shot_variance=1e-3, bits=16)
        smooth = replace(noisy, smoothing=0.06)
        before, after = (sensor.photograph(self.step(), rng()) / 65535 for sensor in (noisy, smooth))
        flat_part = np.s_[8:56, 4:28]
        assert after[flat_part].std() < 0.4 * before[flat_part].std()
        np.testing.assert_allclose(after[8:56, 31:33].mean(axis=(0, 2)), [0.2, 0.8], atol=0.01)

    def test_the_truth_is_sharpened_and_not_smoothed(self):
        """A camera would have stored the sharp picture so; blurred by nothing, a photo is its own truth."""
        light = linear()
        sharpened = Sensor(sharpening=1.0, sharpening_px=1.5)
        np.testing.assert_array_equal(sharpened.target(light), sharpened.photograph(light, rng()))
        np.testing.assert_array_equal(replace(sharpened, smoothing=0.05).target(light), sharpened.target(light))
        np.testing.assert_array_equal(Sensor(smoothing=0.05).target(light), Sensor().target(light))
        assert np.abs(sharpened.target(light) - Sensor().target(light).astype(float)).mean() > 1

    def test_half_of_a_phone_s_photos(self):
        sensors = [draw_sensor(rng(seed), PRESETS["phone"]) for seed in range(400)]
        finished = np.array([sensor.sharpening > 0 for sensor in sensors])
        assert finished.mean() == pytest.approx(0.5, abs=0.08)
        assert (finished == [sensor.smoothing > 0 for sensor in sensors]).all()
        assert draw_sensor(rng(1), replace(PRESETS["phone"], finish_share=0.0)).smoothing == 0


class TestSaturation:
    def test_only_clipped_channels_get_light(self):
        sharp = SRGB.decode(np.array([[[255, 254, 0]]]) / 255).astype(np.float32)
        np.testing.assert_allclose(saturated(sharp, 0.5)[0, 0] - sharp[0, 0], [0.5, 0, 0])
        assert saturation_mask(sharp)[0, 0].tolist() == [1, 0, 0]
        assert SRGB.encode(CLIPPED_LINEAR) * 255 == pytest.approx(254.5)
        assert saturated(sharp, 0.0) is sharp

    def test_before_the_blur_is_rsblur_s_after_it(self):
        """A (I + alpha M) = A I + alpha A M."""
        sharp = np.ascontiguousarray(linear("coffee")[:72, 100:196] * 1.6).clip(0, 1)
        operator = ExactOperator(shake(), 24)
        mask = saturation_mask(sharp)
        assert 0.01 < mask.mean() < 0.9
        theirs = operator.forward(sharp) + np.float32(1.5) * operator.forward(mask)
        np.testing.assert_allclose(operator.forward(saturated(sharp, 1.5)), theirs, atol=2e-6)

    def test_trails_of_highlights_stay_bright(self):
        sharp = np.full((72, 96, 3), 0.05, np.float32)
        sharp[36, 48] = 1.0
        operator = ExactOperator(shake(), 24)
        sensor = Sensor(saturation_alpha=20.0)
        bright = sensor.photograph(operator.forward(sensor.saturate(sharp)), rng())
        dull = Sensor().photograph(operator.forward(sharp), rng())
        assert (bright == 255).any()
        assert (bright > 200).sum() > 2 * (dull > 200).sum()
        np.testing.assert_array_equal(sensor.target(sensor.saturate(sharp)), sensor.target(sharp))


class TestFile:
    def test_jpeg_error_falls_with_quality(self):
        light = linear()
        truth = Sensor().target(light).astype(float)
        errors = [np.mean((Sensor(jpeg_quality=q).photograph(light, rng()) - truth) ** 2) for q in (30, 60, 75, 90, 98)]
        assert errors == sorted(errors, reverse=True)
        assert errors[0] > 3 * errors[-1] > 0

    def test_a_grey_photo_becomes_a_grey_jpeg(self):
        codes = data.camera()[:64, :96, None]
        stored = through_jpeg(codes, 95)
        assert stored.shape == codes.shape and stored.dtype == np.uint8
        assert 0 < np.abs(stored.astype(int) - codes).mean() < 3

    def test_jpeg_keeps_the_order_of_colours(self):
        codes = Sensor(jpeg_quality=95).photograph(flat([1, 0, 0], 16), rng())
        np.testing.assert_allclose(codes.mean(axis=(0, 1)), [255, 0, 0], atol=3)

    def test_sixteen_bits_keep_what_eight_lose(self):
        light = flat([0.5, 0.5002, 0.5004], 4)
        codes = Sensor(bits=16).photograph(light, rng())
        assert codes.dtype == np.uint16
        assert np.ptp(Sensor().photograph(light, rng())[0, 0]) == 0
        assert (np.diff(codes[0, 0].astype(int)) > 5).all()
        np.testing.assert_allclose(decode_codes(codes, SRGB), light, atol=2e-5)


class TestDrawing:
    @pytest.mark.parametrize("name", sorted(PRESETS))
    def test_same_state_same_bytes(self, name):
        light = linear()[:64, :80]
        results = []
        for _ in range(2):
            source = rng(5)
            sensor = draw_sensor(source, PRESETS[name])
            results.append((sensor, sensor.photograph(light, source).tobytes()))
        assert results[0] == results[1]
        if name != "none":
            assert sensor.photograph(light, rng(5)).tobytes() != sensor.photograph(light, rng(6)).tobytes()

    @pytest.mark.parametrize("name", sorted(PRESETS))
    def test_sensor_as_json_rebuilds_it(self, name):
        for seed in range(5):
            sensor = draw_sensor(rng(seed), PRESETS[name])
            numbers = json.loads(json.dumps(sensor.as_json()))
            assert Sensor(**numbers | {"camera_mix": tuple(numbers["camera_mix"])}) == sensor

    def test_draws_stay_in_range_and_fill_it(self):
        settings = PRESETS["phone"]
        sensors = [draw_sensor(rng(seed), settings) for seed in range(600)]
        for name in ("saturation_alpha", "red_gain", "blue_gain", "iso", "tone_value"):
            low, high = getattr(settings, name)
            values = np.array([getattr(sensor, name) for sensor in sensors])
            assert low <= values.min() < values.max() <= high
            assert np.ptp(values) > 0.9 * (high - low)
        assert np.median([sensor.iso for sensor in sensors]) == pytest.approx(np.sqrt(50 * 1600), rel=0.15)
        assert np.mean([sensor.jpeg_quality > 0 for sensor in sensors]) == pytest.approx(0.5, abs=0.07)
        assert {sensor.jpeg_quality for sensor in sensors} == {0, *range(75, 99)}
        assert all(sensor.bits == 8 for sensor in sensors if sensor.jpeg_quality)
        assert np.mean([sensor.bits == 16 for sensor in sensors]) == pytest.approx(0.25, abs=0.06)
        assert {sensor.bayer for sensor in sensors} == set(PATTERNS)
        assert {sensor.tone_value for sensor in sensors} == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5}

    def test_switching_a_stage_off_leaves_the_others(self):
        full = draw_sensor(rng(3), PRESETS["phone"])
        less = draw_sensor(rng(3), sensor_settings("phone", {"bayer": [], "saturation_alpha": [0, 0], "jpeg_share": 0}))
        assert (less.bayer, less.saturation_alpha, less.jpeg_quality) == ("", 0, 0)
        kept = ("camera_mix", "red_gain", "blue_gain", "iso", "tone_value")
        assert [getattr(less, name) for name in kept] == [getattr(full, name) for name in kept]

    def test_rsblur_s_figures(self):
        sensor = draw_sensor(rng(1), PRESETS["rsblur"])
        assert 0.5 <= sensor.shot_variance / 8.8915e-5 <= 1.5
        assert 0.5 <= np.sqrt(sensor.read_variance) / 2.9430e-5 <= 1.5


BAD_SETTINGS = [
    ({"iso": (1600, 50)}, "iso: expected"),
    ({"iso": (0, 50)}, "iso: expected"),
    ({"red_gain": (0.0, 2.0)}, "red_gain: expected"),
    ({"jpeg_quality": (75, 101)}, "jpeg_quality: expected"),
    ({"encoded_std": (float("nan"), 0.1)}, "encoded_std: expected"),
    ({"encoded_std": 0.1}, "a range"),
    ({"encoded_std": ("0", "1")}, "a range"),
    ({"bayer": ("RGBG",)}, "bayer: expected"),
    ({"bayer": "RGGB"}, "bayer: expected"),
    ({"bits": (12,)}, "bits: expected"),
    ({"bits": ()}, "bits: expected"),
    ({"jpeg_share": 1.5}, "jpeg_share: expected"),
    ({"finish_share": -0.1}, "finish_share: expected"),
    ({"sharpening": (0.0, 9.0)}, "sharpening: expected"),
    ({"sharpening_px": (0.0, 1.0)}, "sharpening_px: expected"),
    ({"smoothing": (0.2, 0.1)}, "smoothing: expected"),
    ({"tone": "log"}, "tone: expected"),
    ({"tone": "power", "tone_value": (0.5, 2)}, "exponent from 1 to 3"),
    ({"tone": "s_curve", "tone_value": (0.2, 0.9)}, "contrast from 0"),
    ({"tone": "s_curve", "tone_value": (0.5, 0.2)}, "tone_value: expected"),
    ({"iso": (50, 100), "photons": (10, 20)}, "more than one"),
    ({"iso": (50, 100), "read_std": (0, 0.1)}, "more than one"),
]


class TestErrors:
    @pytest.mark.parametrize(("values", "message"), BAD_SETTINGS)
    def test_settings(self, values, message):
        with pytest.raises(UsageError, match=message):
            SensorSettings(**values)

    def test_names(self):
        with pytest.raises(UsageError, match="expected one of none, gaussian"):
            sensor_settings("dslr")
        with pytest.raises(UsageError, match="got 'gain'"):
            sensor_settings("phone", {"gain": 2})

    def test_sensor(self):
        with pytest.raises(UsageError, match="expected 8 or 16, got 12"):
            Sensor(bits=12)
        with pytest.raises(UsageError, match="8 bit for a JPEG"):
            Sensor(bits=16, jpeg_quality=90)

    @pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 4), (0, 8, 3)])
    def test_shape(self, shape):
        with pytest.raises(ImageError, match="expected a picture"):
            Sensor().photograph(np.zeros(shape, np.float32), rng())
        with pytest.raises(ImageError, match="expected a picture"):
            Sensor().target(np.zeros(shape, np.float32))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value):
        light = np.zeros((8, 8, 3), np.float32)
        light[3, 4, 1] = value
        with pytest.raises(ImageError, match="finite"):
            Sensor().photograph(light, rng())

    @pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
    def test_alpha(self, value):
        with pytest.raises(UsageError, match="alpha"):
            saturated(np.ones((2, 2, 3), np.float32), value)

    def test_iso(self):
        with pytest.raises(UsageError, match="iso"):
            iso_noise(0)


def test_one_clipped_channel_marks_a_pixel():
    light = np.array([[[0.2, 1.0, 0.1], [0.9, 0.9, 0.9], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]], np.float32)
    np.testing.assert_array_equal(saturated_anywhere(light)[..., 0], [[1, 0, 1, 1]])
    np.testing.assert_array_equal(saturated_anywhere(light)[..., 0], saturation_mask(light).max(axis=2))
