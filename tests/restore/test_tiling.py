import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gyrosharp.blur.operator import blur_operator
from gyrosharp.errors import UsageError
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore import tiling
from gyrosharp.restore.deblur import deblur, deblurrer
from gyrosharp.restore.tiling import LEAST_TILE_PX, RAMP_PX, margin_px, require_tile, tile_size, tiles
from shots import photo, shake_photo

sides = st.integers(1, 3000)
tile_sizes = st.integers(LEAST_TILE_PX, 1500)
margins = st.integers(0, 400)


def columns(width, tile_px, margin):
    return [tile.columns for tile in tiles((1, width), tile_px, margin)]


@given(sides, tile_sizes, margins)
def test_spans_cover_every_pixel_with_weights_of_sum_1(width, tile_px, margin):
    total = np.zeros(width)
    for span in columns(width, tile_px, margin):
        assert span.weights.min() >= 0
        total[span.core_start : span.core_stop] += span.weights
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


@given(sides, tile_sizes, margins)
def test_spans_stay_within_the_image_and_their_size(width, tile_px, margin):
    for span in columns(width, tile_px, margin):
        assert 0 <= span.start <= span.core_start < span.core_stop <= span.stop <= width
        assert span.core_stop - span.core_start <= tile_px + RAMP_PX
        assert span.stop - span.start <= tile_px + RAMP_PX + 2 * margin
        # What is thrown away is a whole margin, except where the image ends.
        assert span.core_start - span.start == min(margin, span.core_start)
        assert span.stop - span.core_stop == min(margin, width - span.core_stop)


@given(sides, tile_sizes, margins)
def test_neighbouring_spans_share_a_ramp_and_no_more(width, tile_px, margin):
    spans = columns(width, tile_px, margin)
    assert len(spans) == max(-(-width // tile_px), 1)
    for left, right in pairwise(spans):
        assert left.core_stop - right.core_start == RAMP_PX
        assert (np.diff(left.weights[-RAMP_PX:]) < 0).all()
    for first, third in zip(spans, spans[2:], strict=False):
        assert first.core_stop <= third.core_start


@given(st.integers(1, 1200), st.integers(1, 1200), tile_sizes, st.integers(0, 100))
def test_tiles_put_an_image_together_again(height, width, tile_px, margin):
    image = np.arange(height * width, dtype=np.float32).reshape(height, width, 1) / (height * width)
    total = np.zeros_like(image)
    for tile in tiles((height, width), tile_px, margin):
        x0, y0, box_width, box_height = tile.box
        assert image[tile.solved].shape == (box_height, box_width, 1)
        np.testing.assert_array_equal(image[tile.solved], image[y0 : y0 + box_height, x0 : x0 + box_width])
        tile.add_to(total, image[tile.solved])
    np.testing.assert_allclose(total, image, atol=1e-6)


def test_the_margin_grows_with_the_reach():
    assert margin_px(0.0) == tiling.LEAST_MARGIN_PX
    assert margin_px(30.0) == 30 * tiling.MARGIN_REACHES
    assert margin_px(30.1) == np.ceil(30.1 * tiling.MARGIN_REACHES)


@pytest.mark.parametrize("given_tile, expected", [("auto", "auto"), ("off", "off"), (256, 256), ("512", 512)])
def test_tile_settings(given_tile, expected):
    assert require_tile(given_tile) == expected


@pytest.mark.parametrize("bad", ["big", "", "-300", "300.5", "²", 255, 0, -1, "255"])
def test_bad_tile_settings(bad):
    with pytest.raises(UsageError, match="tile: expected auto, off or a size of at least 256 px, got"):
        require_tile(bad)
    with pytest.raises(UsageError, match="tile: expected"):
        tile_size(bad, (4000, 3000), 100.0, 50)


def test_sizes_asked_for():
    assert tile_size("off", (10**6, 10**6), 100.0, 50) is None
    assert tile_size(512, (400, 600), 100.0, 50) == 512
    assert tile_size(600, (400, 600), 100.0, 50) is None


@given(st.integers(1, 40_000), st.integers(1, 40_000), st.floats(4.0, 400.0), st.integers(48, 400))
def test_automatic_tiles_keep_within_the_budget(height, width, bytes_per_pixel, margin):
    size = tile_size("auto", (height, width), bytes_per_pixel, margin)
    if size is None:
        assert height * width * bytes_per_pixel <= tiling.MOST_BYTES
        return
    assert height * width * bytes_per_pixel > min(tiling.MOST_BYTES, tiling.FREE_SHARE * tiling.free_bytes()) * 0.5
    if size > LEAST_TILE_PX:
        assert largest_px((height, width), size, margin) * bytes_per_pixel <= tiling.MOST_BYTES


def largest_px(shape, size, margin):
    return max(math.prod(part.box[2:]) for part in tiles(shape, size, margin))


def test_automatic_tiles_are_as_few_as_fit(monkeypatch):
    monkeypatch.setattr(tiling, "free_bytes", lambda: 1e10)
    size = tile_size("auto", (3000, 4000), 260.0, 91)
    assert len(tiles((3000, 4000), size, 91)) == 4
    assert 2 * largest_px((3000, 4000), size, 91) * 260.0 > tiling.MOST_BYTES, "two would not fit"


def test_automatic_tiles_shrink_with_the_free_memory(monkeypatch):
    plenty = tile_size("auto", (6000, 8000), 100.0, 100)
    monkeypatch.setattr(tiling, "free_bytes", lambda: 4e8)
    scarce = tile_size("auto", (6000, 8000), 100.0, 100)
    assert LEAST_TILE_PX < scarce < plenty
    assert largest_px((6000, 8000), scarce, 100) * 100.0 <= 2e8
    monkeypatch.setattr(tiling, "free_bytes", lambda: 1e6)
    assert tile_size("auto", (6000, 8000), 100.0, 100) == LEAST_TILE_PX


def test_free_memory_has_a_value_where_the_system_does_not_tell(monkeypatch, tmp_path):
    assert tiling.free_bytes() > 1e6
    monkeypatch.setattr(tiling, "Path", lambda _: tmp_path / "absent")
    assert tiling.free_bytes() == tiling.UNKNOWN_FREE_BYTES


def encoded(image_linear):
    return SRGB.encode(np.clip(image_linear, 0, 1))


def large(width, height):
    """A picture larger than any that is at hand: a photo and its mirror images."""
    part = photo("astronaut", 512, 512)
    row = np.concatenate([part, part[:, ::-1], part], axis=1)
    return np.concatenate([row, row[::-1]])[:height, :width]


@pytest.mark.parametrize(
    "trail_px, shutter",
    [(12.0, Shutter.TOP_TO_BOTTOM), (12.0, Shutter.RIGHT_TO_LEFT), (30.0, Shutter.TOP_TO_BOTTOM)],
)
def test_tiles_leave_no_seams(trail_px, shutter):
    """Tiled and whole differ by less than a code of 8 bit anywhere."""
    shot = shake_photo(large(900, 640), seed=1, trail_px=trail_px)
    capture = replace(shot.capture, exposure=replace(shot.capture.exposure, shutter=shutter))
    observed = blur_operator(capture, 96).forward(shot.sharp_linear) if shutter != Shutter.TOP_TO_BOTTOM else None
    picture = shot.blurred_linear if observed is None else observed
    whole = deblur(capture, "rl", image=picture, tile="off")
    tiled = deblur(capture, "rl", image=picture, tile=320)
    assert whole.diagnostics.tiles == 1
    assert tiled.diagnostics.tiles in (6, 9, 12), "as many as the frame asks for"
    assert tiled.diagnostics.reblur_residual.after == pytest.approx(whole.diagnostics.reblur_residual.after, rel=0.05)
    assert np.abs(encoded(tiled.image) - encoded(whole.image)).max() < 1 / 255


@pytest.mark.parametrize("method", ["wiener", "map"])
def test_methods_that_see_the_whole_photo_refuse_tiles(method):
    with pytest.raises(UsageError, match=f"tile: expected auto or off, got 512; {method} solves the photo as a whole"):
        deblurrer(method, tile=512)
    assert deblurrer(method, tile="auto").name == method
