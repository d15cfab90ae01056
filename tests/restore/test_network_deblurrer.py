"""Networks without PyTorch: pictures and planes as in training, tiles without seams, refusals in one line."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import NetworkInput, input_field, input_planes
from gyrosharp.errors import ImageError, InputError, MissingComponentError, UsageError
from gyrosharp.geometry import PoseTrajectory, Shutter
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore import tiling
from gyrosharp.restore.backends import open_session
from gyrosharp.restore.deblur import deblur, deblur_unknown, deblurrer
from gyrosharp.restore.model_card import CardInputs
from gyrosharp.restore.models import Model, find_model
from gyrosharp.restore.network import HARDLY, NO_DEPTH, NetworkDeblurrer, grid_step, tile_planes
from gyrosharp.restore.onnx_session import OnnxSession
from gyrosharp.restore.video import VideoSettings, prepared
from made_clips import blurred, made_recording, reader_of
from onnx_files import (
    card_of,
    constant,
    conv_graph,
    graph_bytes,
    node,
    planes_graph,
    pooling_graph,
    stored_elsewhere,
    write_model,
)
from shots import photo, shake_photo

IDENTITY = conv_graph(np.ones((1, 1)))
SHARPEN = conv_graph(np.array([[0, -0.25, 0], [-0.25, 2, -0.25], [0, -0.25, 0]]))
ENCODED_ROUNDING = 2e-6  # of sRGB and back, in float32 and double
FIELDS = [
    NetworkInput("camera_motion_field"),
    NetworkInput("camera_motion_field", {"pairs": 2}, stride=2),
    NetworkInput("bezier_heatmap"),
    NetworkInput("vector_norm"),
    NetworkInput("linear_kernel", {"form": "canonical"}, stride=3),
    NetworkInput("mid_displacements", stride=4),
]


@pytest.fixture(scope="module")
def shot():
    return shake_photo(photo(width=317, height=291), seed=2)


class Watcher:
    """A session that keeps what it is given and returns the picture."""

    backend = "watcher"

    def __init__(self):
        self.given = []

    def run(self, image, planes):
        self.given.append((image, planes))
        return image


def watched(tmp_path, **changes):
    watcher = Watcher()
    return NetworkDeblurrer(Model(card_of(IDENTITY, **changes), tmp_path), session=watcher), watcher


def network(tmp_path, graph, tile="auto", **changes):
    return NetworkDeblurrer(find_model(str(write_model(tmp_path, graph, **changes))), tile)


def random_picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 3, 1), (33, 47, 3), (64, 64, 1)])
def test_an_identity_gives_back_any_size(tmp_path, shape):
    picture = random_picture(*shape)
    result = network(tmp_path, IDENTITY, size_multiple=16).deblur_unknown(picture)
    assert result.image.shape == shape and result.image.dtype == np.float32
    np.testing.assert_allclose(result.image, picture, atol=ENCODED_ROUNDING)


def test_the_network_sees_encoded_pictures_with_repeated_borders(tmp_path):
    picture = np.zeros((2, 3, 1), np.float32)
    picture[1, 2] = 0.5
    worker, watcher = watched(tmp_path)
    worker.deblur_unknown(picture)
    image, planes = watcher.given[0]
    assert image.shape == (1, 3, 4, 4) and planes is None
    # 1.055 * 0.5^(1 / 2.4) - 0.055
    expected = np.zeros((4, 4))
    expected[1:, 2:] = 0.735357
    np.testing.assert_allclose(image[0], [expected] * 3, atol=1e-6)


def test_light_above_one_is_put_back_and_below_zero_is_black(tmp_path):
    picture = np.array([[[-0.5, 0.25, 3.0], [1.0, 1.5, 0.0]]], np.float32)
    result = network(tmp_path, IDENTITY).deblur_unknown(picture)
    np.testing.assert_allclose(result.image, [[[0, 0.25, 3.0], [1.0, 1.5, 0.0]]], atol=ENCODED_ROUNDING)


def test_outputs_beyond_the_range_are_clipped(tmp_path):
    result = network(tmp_path, conv_graph(np.full((1, 1), 1.5))).deblur_unknown(np.full((4, 4, 3), 0.9, np.float32))
    assert float(result.image.max()) == 1.0


@pytest.mark.parametrize("wanted", FIELDS, ids=lambda wanted: f"{wanted.encoding}-{wanted.stride}")
@pytest.mark.parametrize("shutter", [Shutter.TOP_TO_BOTTOM, Shutter.RIGHT_TO_LEFT])
def test_planes_of_tiles_are_those_of_the_whole_picture(shot, wanted, shutter):
    capture = replace(shot.capture, exposure=replace(shot.capture.exposure, shutter=shutter))
    shape = (capture.camera.height, capture.camera.width)
    whole = input_planes(wanted, input_field(CameraMotion.from_capture(capture), wanted), shape)
    parts = tiling.tiles(shape, 100, 16, math.lcm(12, grid_step(wanted)))
    assert len(parts) == 12
    for part in parts:
        planes = tile_planes(wanted, capture, part.box)
        x, y = part.box[0] // wanted.stride, part.box[1] // wanted.stride
        assert planes.shape[1:] == tuple(-(-side // wanted.stride) for side in part.box[:1:-1])
        cut = whole[:, y : y + planes.shape[1], x : x + planes.shape[2]]
        np.testing.assert_allclose(planes, cut, atol=1e-4)


def test_planes_of_tiles_follow_depth(shot):
    """Where near things move more, the field is made at the planes' own stride, and depth is cut along."""
    poses = shot.capture.trajectory()
    positions = np.linspace([0, 0, 0], [0.05, 0.02, 0], len(poses.time_ns))
    moving = PoseTrajectory(poses.time_ns, poses.rotations, positions)
    shape = (shot.capture.camera.height, shot.capture.camera.width)
    depth_m = np.where(np.arange(shape[1]) < 150, 1.0, 6.0).astype(np.float32) * np.ones((shape[0], 1), np.float32)
    capture = replace(shot.capture, imu=None, time_offset_s=0.0, poses=moving, depth_m=depth_m)
    wanted = NetworkInput("linear_kernel", depth=True, depth_far_m=8.0)
    motion = CameraMotion.from_capture(capture)
    assert motion.moves_with_depth
    whole = input_planes(wanted, input_field(motion, wanted), shape, depth_m)
    assert set(np.unique(whole[-1])) == {0.125, 0.75}
    for part in tiling.tiles(shape, 128, 8, 8):
        np.testing.assert_allclose(tile_planes(wanted, capture, part.box), whole[:, *part.solved], atol=1e-4)


def test_planes_reach_the_network(tmp_path, shot):
    """sharp = image + W planes, worked out without the graph."""
    wanted = NetworkInput("linear_kernel")
    weights = 0.003 * np.arange(1, 1 + 3 * wanted.channels).reshape(3, wanted.channels)
    inputs = CardInputs(encoding="linear_kernel")
    worker = network(tmp_path, planes_graph(weights), inputs=inputs)
    assert worker.needs_motion
    picture = shot.blurred_linear
    field = input_field(CameraMotion.from_capture(shot.capture), wanted)
    planes = input_planes(wanted, field, picture.shape[:2])
    expected = SRGB.decode(SRGB.encode(picture) + np.einsum("oc,chw->hwo", weights, planes))
    result = worker.deblur(shot.capture, picture)
    np.testing.assert_allclose(result.image, expected, atol=1e-4)
    tiled = network(tmp_path, planes_graph(weights), 256, inputs=inputs).deblur(shot.capture, picture)
    assert (result.diagnostics.tiles, tiled.diagnostics.tiles) == (1, 4)
    np.testing.assert_allclose(tiled.image, result.image, atol=1e-5)


def test_planes_are_extended_with_their_picture(tmp_path, shot):
    inputs = CardInputs(encoding="camera_motion_field", stride=2)
    worker, watcher = watched(tmp_path, inputs=inputs, size_multiple=8)
    capture = shot.capture.cropped(0, 0, 45, 43)
    worker.deblur(capture, np.ascontiguousarray(shot.blurred_linear[:43, :45]))
    image, planes = watcher.given[0]
    assert image.shape == (1, 3, 48, 48) and planes.shape == (1, 16, 24, 24)
    np.testing.assert_array_equal(planes[..., 22:, :], np.repeat(planes[..., 21:22, :], 2, axis=2))
    np.testing.assert_array_equal(planes[..., 23], planes[..., 22])


def test_tiles_of_a_convolution_are_those_of_the_whole_picture(tmp_path):
    picture = photo(width=440, height=400)
    whole = network(tmp_path, SHARPEN, "off").deblur_unknown(picture)
    tiled = network(tmp_path, SHARPEN, 256, size_multiple=8).deblur_unknown(picture)
    assert (whole.diagnostics.tiles, tiled.diagnostics.tiles) == (1, 4)
    np.testing.assert_allclose(tiled.image, whole.image, atol=1e-6)
    assert np.abs(whole.image - picture).max() > 0.1


def test_the_ramp_hides_the_seams_of_a_network_that_pools_over_its_tile(tmp_path, record_property):
    """Tiles of other brightness get other results; a border must not show: no more gradient there than elsewhere."""
    picture = SRGB.decode(0.3 + 0.4 * SRGB.encode(photo(width=440, height=400))).astype(
        np.float32
    )  # nothing is clipped
    tiled = network(tmp_path, pooling_graph(0.3), 256).deblur_unknown(picture).image
    whole = network(tmp_path, pooling_graph(0.3), "off").deblur_unknown(picture).image
    changed = (SRGB.encode(tiled) - SRGB.encode(whole))[..., 1]
    left, right = changed[:150, :200].mean(), changed[:150, 240:].mean()
    steps = np.abs(np.diff(changed[:150], axis=1)).max()
    record_property("between_tiles", float(abs(left - right)))
    record_property("largest_step", float(steps))
    # What differs between tiles is spread along a cosine over 32 px, whose steepest step is pi / 2 / 32 of it.
    assert abs(left - right) > 0.005 and steps < 1.1 * abs(left - right) * np.pi / 2 / 32 + 1e-4
    energy = np.square(np.diff(SRGB.encode(tiled)[..., 1], axis=1)).mean(axis=0)
    before = np.square(np.diff(SRGB.encode(picture)[..., 1], axis=1)).mean(axis=0)
    border = slice(204, 236)
    ratio = (energy[border].sum() / energy.sum()) / (before[border].sum() / before.sum())
    record_property("border_energy_ratio", float(ratio))
    assert ratio < 1.05


def test_tiles_are_chosen_from_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tiling, "free_bytes", lambda: 2e8)
    picture = random_picture(600, 700)
    worker = network(tmp_path, IDENTITY, bytes_per_pixel=900.0)
    assert worker.deblur_unknown(picture).diagnostics.tiles == 6


def test_progress_counts_tiles(tmp_path):
    told = []
    network(tmp_path, IDENTITY, 256).deblur_unknown(random_picture(300, 500), lambda *step: told.append(step))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_diagnostics_of_a_shot(tmp_path, shot):
    found = network(tmp_path, IDENTITY).deblur(shot.capture, shot.blurred_linear).diagnostics
    assert (found.method, found.decision, found.tiles) == ("tiny", "deblurred", 1)
    assert found.blur_extent_px.median == pytest.approx(20, rel=0.2) and found.poses >= 8
    # An identity gains nothing, and residual and notes say so.
    assert found.reblur_residual.after == pytest.approx(found.reblur_residual.before, rel=1e-3)
    note, warning = found.notes
    assert warning == HARDLY
    assert note.startswith("tiny: size tiny, 8.1e-05 M parameters, trained 20 steps, 2 min on cpu (weights ")
    assert "run by onnxruntime" in note


def test_a_photo_without_blur_is_no_failure_of_the_network(tmp_path):
    still = shake_photo(photo(width=317, height=291), seed=2, trail_px=0.4)
    found = network(tmp_path, IDENTITY).deblur(still.capture, still.blurred_linear).diagnostics
    assert found.reblur_residual.after < 2 and HARDLY not in found.notes


def test_diagnostics_of_a_photo_alone(tmp_path):
    result = network(tmp_path, IDENTITY).deblur_unknown(photo())
    found = result.diagnostics
    assert found.blur_extent_px is None and found.reblur_residual is None and found.poses == 0
    assert found.summary().startswith("Deblurred (tiny): from the photo alone. 3.8% of the picture")
    assert found.as_json()["blur_extent_px"] is None


def test_a_network_with_depth_says_where_there_is_none(tmp_path, shot):
    inputs = CardInputs(encoding=None, depth=True)
    worker, watcher = watched(tmp_path, inputs=inputs)
    result = worker.deblur(shot.capture, shot.blurred_linear)
    assert NO_DEPTH in result.diagnostics.notes
    assert (watcher.given[0][1] == 1).all()


def test_methods_are_found_by_path(tmp_path, shot):
    path = write_model(tmp_path, SHARPEN)
    result = deblur(shot.capture, str(path), image=shot.blurred_linear)
    half = deblur(shot.capture, str(path), image=shot.blurred_linear, strength=0.5)
    np.testing.assert_allclose(half.image, (result.image + shot.blurred_linear) / 2, atol=1e-6)
    same = deblur_unknown(shot.blurred_linear, str(path.with_name("tiny.onnx")))
    np.testing.assert_array_equal(same.image, result.image)


def test_unknown_methods_are_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"expected one of auto, map, rl, .* or a model's .onnx file, got 'magic'"):
        deblurrer("magic")
    with pytest.raises(UsageError, match=r"expected one of auto, .*, got 'rl'"):
        deblur_unknown(photo(), "rl")


def test_a_network_that_needs_the_motion_says_so(tmp_path):
    worker = network(tmp_path, planes_graph(np.ones((3, 2))), inputs=CardInputs(encoding="linear_kernel"))
    with pytest.raises(UsageError, match="tiny: expected a gyro log, got none: this network sees the camera's motion"):
        worker.deblur_unknown(photo())


def test_bad_pictures_and_tiles_are_refused(tmp_path, shot):
    worker = network(tmp_path, IDENTITY)
    with pytest.raises(ImageError, match="as the camera says"):
        worker.deblur(shot.capture, random_picture(8, 8))
    with pytest.raises(ImageError, match="NaN or infinity; repair the file"):
        worker.deblur_unknown(np.full((4, 4, 3), np.nan, np.float32))
    with pytest.raises(UsageError, match="tile: expected auto, off or a size"):
        network(tmp_path, IDENTITY, 100)


def test_a_network_that_returns_nan_is_refused(tmp_path):
    worker = network(tmp_path, conv_graph(np.full((1, 1), np.nan)))
    with pytest.raises(InputError, match="tiny: expected finite pixels from the network, got NaN or infinity"):
        worker.deblur_unknown(photo())


@pytest.mark.parametrize("graph", [b"", b"no graph", IDENTITY[:40]])
def test_what_is_no_graph_is_refused(tmp_path, graph):
    with pytest.raises(InputError, match="tiny: expected an ONNX graph, got one that onnxruntime refuses"):
        network(tmp_path, graph)


@pytest.mark.parametrize(
    ("graph", "inputs"),
    [
        (planes_graph(np.ones((3, 2))), CardInputs(encoding=None)),
        (planes_graph(np.ones((3, 5))), CardInputs(encoding="linear_kernel")),
        (IDENTITY, CardInputs(encoding="linear_kernel")),
        (graph_bytes([node("Relu", ["image"], "blunt")], output="blunt"), CardInputs(encoding=None)),
    ],
)
def test_graphs_that_are_not_what_the_card_says_are_refused(tmp_path, graph, inputs):
    with pytest.raises(InputError, match=r"tiny: expected inputs image.* and output sharp, as its card says, got"):
        network(tmp_path, graph, inputs=inputs)


HALVING = graph_bytes([node("AveragePool", ["image"], "sharp", kernel_shape=[2, 2], strides=[2, 2])])
GREY = graph_bytes([node("Conv", ["image", "w"], "sharp")], [constant("w", np.full((1, 3, 1, 1), 1 / 3))])
BOUND = graph_bytes([node("Add", ["image", "w"], "sharp")], [constant("w", np.zeros((1, 3, 8, 8)))])


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (HALVING, r"tiny: expected an output \(1, 3, 12, 12\) like the picture, got \(1, 3, 6, 6\); export it again"),
        (GREY, r"tiny: expected an output .* like the picture, got \(1, 1, 12, 12\)"),
        (BOUND, r"tiny: expected a graph that runs on 12 x 12 px, got a failure \(.+\); try --tile 512, or export it"),
    ],
)
def test_graphs_that_give_no_picture_are_refused(tmp_path, monkeypatch, backend, graph, text):
    if backend == "openvino":
        pytest.importorskip("openvino", reason="openvino is not installed here")
    monkeypatch.setenv("GYROSHARP_BACKEND", backend)
    with pytest.raises(InputError, match=text) as caught:
        network(tmp_path, graph).deblur_unknown(random_picture(12, 12))
    assert "\n" not in str(caught.value)


def test_tampered_weights_do_not_run(tmp_path):
    path = write_model(tmp_path, IDENTITY)
    (tmp_path / "tiny.onnx").write_bytes(SHARPEN)
    with pytest.raises(InputError, match="the file is cut, tampered with, or of another model"):
        deblurrer(str(path))


def test_graphs_that_read_other_files_are_refused(tmp_path, monkeypatch):
    """No checksum covers such a file, and runtimes look for it in the user's own folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.eye(3, dtype=np.float32).tobytes())
    graph = graph_bytes([node("Conv", ["image", "w"], "sharp")], [stored_elsewhere("w", (3, 3, 1, 1), "weights.bin")])
    OnnxSession(graph, "tiny", 0)  # onnxruntime takes it
    with pytest.raises(InputError, match=r"tiny.onnx: expected a graph with all of its weights in it, got one that"):
        network(tmp_path, graph)


def test_results_do_not_depend_on_threads():
    picture = np.ascontiguousarray(photo().transpose(2, 0, 1)[None])
    one, two = (OnnxSession(SHARPEN, "tiny", 0, threads).run(picture, None) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_backends(tmp_path, monkeypatch):
    model = find_model(str(write_model(tmp_path, SHARPEN)))
    monkeypatch.setenv("GYROSHARP_BACKEND", "abacus")
    with pytest.raises(UsageError, match="GYROSHARP_BACKEND: expected one of onnxruntime, openvino, got 'abacus'"):
        open_session(model)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setenv("GYROSHARP_BACKEND", "openvino")
    with pytest.raises(MissingComponentError, match=r'pip install "gyrosharp\[openvino\]"'):
        open_session(model)
    for choice in ("onnxruntime", ""):
        monkeypatch.setenv("GYROSHARP_BACKEND", choice)
        assert open_session(model).backend.startswith("onnxruntime")
        assert open_session(model) is open_session(model)


def test_openvino_gives_the_same(tmp_path, monkeypatch):
    pytest.importorskip("openvino", reason="openvino is not installed here")
    monkeypatch.setenv("GYROSHARP_BACKEND", "openvino")
    fast = network(tmp_path, SHARPEN, "off")
    assert "OpenVINO" in fast.remarks[0] and "onnxruntime" not in fast.remarks[0]
    monkeypatch.setenv("GYROSHARP_BACKEND", "onnxruntime")
    picture = photo()
    expected = network(tmp_path, SHARPEN, "off").deblur_unknown(picture).image
    np.testing.assert_allclose(SRGB.encode(fast.deblur_unknown(picture).image), SRGB.encode(expected), atol=1e-3)


def test_a_film_is_deblurred_by_a_network(tmp_path):
    recording = made_recording(4)
    pictures = [blurred(recording, index) for index in range(4)]
    path = write_model(tmp_path, SHARPEN)
    worker = prepared(recording, VideoSettings(str(path)), reader_of(pictures))
    assert worker.plan.processed == 4 and not worker.checks
    result = worker.restore(1, pictures[1])
    expected = deblur_unknown(pictures[1], str(path)).image
    np.testing.assert_array_equal(result.image, expected)
    assert result.diagnostics.blur_extent_px is not None
    assert worker.worker is worker.worker and worker.worker.remarks[0].startswith("tiny: ")


def test_nothing_here_needs_torch():
    code = "import sys, gyrosharp.restore.network, gyrosharp.restore.onnx_memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
