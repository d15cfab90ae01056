"""Codes survive decoding and encoding exactly, for every curve a file can carry."""

import numpy as np
import pytest

from gyrosharp.media.transfer import (
    LINEAR,
    SRGB,
    TransferCurve,
    decode_codes,
    decode_light,
    encode_codes,
    encode_light,
    power_curve,
)


def sampled(function, count):
    return TransferCurve("icc", samples=tuple(np.round(function(np.linspace(0, 1, count)) * 65535) / 65535))


CURVES = {
    "srgb": SRGB,
    "linear": LINEAR,
    "gamma 1.8": power_curve(1.8),
    "gamma 2.2": power_curve(2.2),
    "gamma 2.6": power_curve(2.6),
    "gamma 2.2 as 1024 samples with a plateau at black": sampled(lambda x: x**2.2, 1024),
    "sRGB as 4096 samples": sampled(SRGB.decode, 4096),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", CURVES)
def test_every_code_survives(name, dtype):
    codes = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    linear = decode_codes(codes, CURVES[name])
    assert linear.dtype == np.float32
    np.testing.assert_array_equal(encode_codes(linear, CURVES[name], dtype), codes)


@pytest.mark.parametrize(("dtype", "slack"), [(np.uint8, 0.001), (np.uint16, 0.15)])
@pytest.mark.parametrize("name", CURVES)
def test_nearest_code(name, dtype, slack):
    rng = np.random.default_rng(1)
    linear = np.concatenate([rng.random(200_000), 10 ** rng.uniform(-9, 0, 200_000)]).astype(np.float32)
    exact = CURVES[name].encode(linear) * np.iinfo(dtype).max
    assert np.abs(encode_codes(linear, CURVES[name], dtype) - exact).max() < 0.5 + slack


@pytest.mark.parametrize("name", CURVES)
def test_light_is_encoded_and_decoded_as_the_curve_says(name):
    rng = np.random.default_rng(2)
    linear = np.concatenate([rng.random(200_000), 10 ** rng.uniform(-9, 0, 200_000), [-1.0, 0.0, 1.0, 7.0]])
    linear = linear.astype(np.float32)
    slack = 2e-5 if CURVES[name].samples else 1e-6
    np.testing.assert_allclose(encode_light(linear, CURVES[name]), CURVES[name].encode(linear), atol=slack)
    np.testing.assert_allclose(decode_light(linear, CURVES[name]), CURVES[name].decode(linear), atol=slack)


def test_srgb_by_hand():
    # IEC 61966-2-1: code 0.5 is ((0.5 + 0.055) / 1.055)^2.4, code 0.04 lies on the straight piece
    np.testing.assert_allclose(SRGB.decode([0.04, 0.5]), [0.04 / 12.92, 0.21404114], rtol=1e-7)
    np.testing.assert_allclose(SRGB.encode([0.04 / 12.92, 0.21404114]), [0.04, 0.5], rtol=1e-7)


def test_out_of_range_is_clipped():
    linear = np.array([-1.0, -0.0, 0.0, 1.0, 7.0], np.float32)
    np.testing.assert_array_equal(encode_codes(linear, SRGB, np.uint8), [0, 0, 0, 255, 255])


def test_floating_point_codes_are_linear_light():
    values = np.array([[-0.25, 0.5, 3.0]], np.float32)
    np.testing.assert_array_equal(decode_codes(values, SRGB), values)
    np.testing.assert_array_equal(encode_codes(values, SRGB, np.float32), values)


def test_shape_and_strides():
    codes = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)[::-1, ::2]
    linear = decode_codes(codes, SRGB)
    assert linear.shape == codes.shape
    np.testing.assert_array_equal(encode_codes(linear, SRGB, np.uint8), codes)


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="int32"):
        decode_codes(np.zeros(3, np.int32), SRGB)
