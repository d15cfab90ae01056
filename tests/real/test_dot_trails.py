"""GAMD's trajectory check on the dot chart: predicted against measured trails, px (they report 2 px for laser dots)."""

import json

import numpy as np
import pytest
from dot_trails import PHASES, distances, dot_patches, draw, measure_trails, ridge
from scipy.optimize import minimize_scalar

from gyrosharp.blur.field import point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.imu import parse_axes, read_imu
from gyrosharp.media.image_file import read_image

pytestmark = pytest.mark.shared_data

WIDTH, HEIGHT = 2048, 1536
FOCAL_PX = 2091.0


def tracks(folder, notes, delay_s):
    """Row exposure starts at capture - exposure - readout + delay + readout row / H (the authors' formula)."""
    exposure_s, readout_s = notes["exposure_s"], notes["author_constants"]["readout_s"]
    start_ns = 683163086 - round((exposure_s + readout_s - delay_s) * 1e9)
    camera = CameraModel(WIDTH, HEIGHT, FOCAL_PX, FOCAL_PX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    capture = Capture(
        camera,
        Exposure(start_ns, exposure_s, readout_s),
        imu=read_imu(folder / "giro_data.txt"),
        R_cam_imu=parse_axes("android-landscape"),
    )
    return point_tracks(CameraMotion.from_capture(capture), np.array(notes["dots_px"], dtype=np.float64), PHASES)[0]


def rms(values):
    return float(np.sqrt(np.mean(np.asarray(values) ** 2)))


DOCUMENTED_DELAY_S = -0.020


@pytest.fixture(scope="module")
def chart(shared_data):
    folder = shared_data / "realblur" / "galaxynexus_chart"
    notes = json.loads((folder / "NOTES.json").read_text())
    image = read_image(folder / "giro_data_image.jpg").pixels_linear.mean(axis=-1)
    patches = dot_patches(image, notes["dots_px"])
    return folder, notes, patches, measure_trails(patches)


def centred(chart, delay_s=DOCUMENTED_DELAY_S):
    """Predicted trails (13, T, 2) about their middles: where a dot lies on the chart is not known, only its trail."""
    track = tracks(*chart[:2], delay_s)
    return track - track.mean(axis=1, keepdims=True)


def pictures(trails, track):
    """What the dots would look like, had they moved along these tracks: brightest point 1."""
    disc = (trails.disc_radius_px, trails.softness_px)
    drawn = [draw(t, c, *disc) for t, c in zip(track, trails.centres, strict=True)]
    return np.array([d / d.max() for d in drawn])


def likeness(patches, drawn):
    return (patches * drawn).sum((1, 2)) / np.sqrt((patches**2).sum((1, 2)) * (drawn**2).sum((1, 2)))


def test_trails_lie_where_the_gyro_says(chart, record_property):
    """Seven numbers per dot and one disc are fitted to the picture alone; the gyro's side has no free number.

    Measured: 0.53 px mean (0.88 px at the ends, 0.90 px worst dot) over trails of about 11 px.
    """
    *_, trails = chart
    track = centred(chart)
    error = distances(trails.points, track)
    ends = error[:, [0, -1]]
    figures = {
        "mean": error.mean(),
        "rms": rms(error),
        "max": error.max(),
        "ends": ends.mean(),
        "worst dot": error.mean(axis=1).max(),
        "still camera": distances(trails.points, 0 * track).mean(),
        "authors' delay": distances(trails.points, centred(chart, -0.0056838)).mean(),
        "mirrored in x": distances(trails.points, track * (-1, 1)).mean(),
        "mirrored in y": distances(trails.points, track * (1, -1)).mean(),
        "all rates negated": distances(trails.points, -track).mean(),
    }
    for name, value in figures.items():
        record_property(f"trail_error_px, {name}", float(value))
    assert figures["mean"] < 0.7
    assert figures["ends"] < 1.2
    assert figures["worst dot"] < 1.2
    # None of these may be half as good.
    for wrong in ("still camera", "authors' delay", "mirrored in x", "mirrored in y", "all rates negated"):
        assert figures[wrong] > 2 * figures["mean"], wrong


def test_a_delay_from_one_half_of_the_dots_serves_the_other(chart, record_property):
    """The one constant that was fitted on this photo is no more than that: a number per camera, not per dot."""
    *_, trails = chart
    halves = np.arange(len(trails.points)) % 2 == 0
    for half in (halves, ~halves):
        fit = minimize_scalar(
            lambda delay_s, half=half: rms(distances(trails.points, centred(chart, delay_s))[half]),
            bounds=(-0.035, 0.0),
            method="bounded",
            options={"xatol": 1e-4},
        )
        unseen = distances(trails.points, centred(chart, fit.x))[~half].mean()
        record_property("delay_s", float(fit.x))
        record_property("unseen_dots_trail_error_px", float(unseen))
        assert fit.x == pytest.approx(DOCUMENTED_DELAY_S, abs=0.004)
        assert unseen < 0.7


def test_dots_are_drawn_as_they_were_seen(chart, record_property):
    """The pictures' own centre lines (no curve fitted to them) and their correlation; the disc is 11 px wide."""
    *_, patches, trails = chart
    track = centred(chart)
    drawn = pictures(trails, track)
    offsets, lengths = [], []
    for seen, made, way in zip(patches, drawn, track[:, -1] - track[:, 0], strict=True):
        a, b = (ridge(patch, way / np.linalg.norm(way)) for patch in (seen, made))
        offsets.append(np.abs(a[0] - b[0])[np.minimum(a[1], b[1]) > 0.3])
        lengths.append(a[2] - b[2])
    offset = np.concatenate(offsets)
    alike = likeness(patches, drawn)
    still = likeness(patches, pictures(trails, 0 * track))
    mirrored = likeness(patches, pictures(trails, track * (-1, 1)))
    record_property("ridge_px_mean_max", (float(offset.mean()), float(offset.max())))
    record_property("half_height_length_error_px_rms", rms(lengths))
    record_property("correlation, still, mirrored", [float(c.mean()) for c in (alike, still, mirrored)])
    assert offset.mean() < 0.25
    assert offset.max() < 1.0
    assert rms(lengths) < 0.8
    assert alike.min() > max(still.max(), mirrored.max())
    # What is left of the picture shrinks to less than a third of a still camera's (measured 0.0071 against 0.028).
    assert 1 - alike.mean() < 0.33 * (1 - still.mean())


def test_the_measurement_finds_known_trails(chart, record_property):
    """The ruler's own error: dots drawn along known tracks, with noise as strong as the photo's whole residual."""
    *_, trails = chart
    track = centred(chart)
    drawn = pictures(trails, track)
    noise = np.random.default_rng(0).normal(0.0, trails.rms, drawn.shape)
    error = distances(measure_trails(drawn + noise).points, track)
    record_property("ruler_error_px", float(error.mean()))
    assert error.mean() < 0.45
