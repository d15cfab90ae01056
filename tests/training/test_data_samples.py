from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.encodings import encode  # noqa: E402
from gyrosharp.blur.field import field_of_motion  # noqa: E402
from gyrosharp.blur.field_transforms import resampled  # noqa: E402
from gyrosharp.blur.network_input import NetworkInput, blended  # noqa: E402
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.media.transfer import SRGB  # noqa: E402
from gyrosharp.training.data.augment import Augmentation, centred, draw_augmentation, drawn_orientation  # noqa: E402
from gyrosharp.training.data.samples import batch_of, load_sample, pictures, sample_planes  # noqa: E402
from gyrosharp.training.data.shards import shard_records  # noqa: E402
from shaken import psnr  # noqa: E402
from synth_inputs import write_photos, write_rgbd  # noqa: E402
from training_shards import shards_of_photos  # noqa: E402

pytestmark = pytest.mark.torch
ORIENTATIONS = [(mirrored, turns) for mirrored in (False, True) for turns in range(4)]
FIELD_ALONE = NetworkInput("mid_displacements")


@pytest.fixture(scope="module")
def one_sided(tmp_path_factory):
    """A record whose trails all start at the reference view, so that a wrong sign shows; many moments, 16 bit."""
    folder = tmp_path_factory.mktemp("one_sided")
    exposure = {"duration_s": (0.05, 0.05), "readout_s": (0.02, 0.02), "reference": "start"}
    shards_of_photos(
        write_photos(folder / "photos"),
        folder / "shards",
        count=1,
        picture={"size": (168, 152), "scale": (1.0, 1.0), "crops_per_photo": 1},
        exposure=exposure,
        motion={
            "sources": [{"kind": "constant", "rate_rad_s": (0.3, 1.0, 0.4)}],
            "trail_px": (12.0, 12.0),
            "turned": False,
        },
        sensor={"preset": "none", "settings": {"bits": [16]}},
        field={"stride": 8, "times": 65},
    )
    return shard_records([folder / "shards"])[0]


@pytest.fixture(scope="module")
def erroneous(tmp_path_factory):
    folder = tmp_path_factory.mktemp("erroneous")
    maker = shards_of_photos(
        write_photos(folder / "photos"), folder / "shards", count=2, errors={"level": (2.0, 2.0), "preset": "phone"}
    )
    return maker, shard_records([folder / "shards"])


def reblurred(sharp_linear, field):
    """Sum of the sharp picture seen along the trails: at time t, x shows the point p that went to p + d(p, t) = x."""
    height, width = sharp_linear.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total = np.zeros_like(sharp_linear)
    for share, moved in zip(field.weights, resampled(field, 1).displacement_px, strict=True):
        dx, dy = moved[..., 0], moved[..., 1]
        for _ in range(3):
            at = (x - dx, y - dy)
            dx, dy = (cv2.remap(moved[..., axis], *at, cv2.INTER_LINEAR, borderMode=1) for axis in (0, 1))
        total += np.float32(share) * cv2.remap(sharp_linear, x - dx, y - dy, cv2.INTER_LINEAR, borderMode=1)
    return total


@pytest.mark.parametrize(("mirrored", "turns"), ORIENTATIONS)
@pytest.mark.parametrize("corner", [(0, 0), (40, 16), (72, 56)])
def test_the_changed_field_blurs_the_changed_truth_into_the_changed_observation(one_sided, corner, mirrored, turns):
    sample = load_sample(one_sided, FIELD_ALONE)
    change = Augmentation(*corner, 96, mirrored, turns)
    batch = batch_of([sample], [change], FIELD_ALONE, 0.0)
    image, target = (part[0].permute(1, 2, 0).numpy() for part in (batch.image, batch.target))
    field = change.field(sample.fields[0])

    def told_db(field):
        predicted = SRGB.encode(reblurred(SRGB.decode(target).astype(np.float32), field))
        part = (slice(20, -20), slice(20, -20))
        return psnr(predicted[part], image[part])

    told = told_db(field)
    assert told > 42
    # Vectors of another orientation, which a forgotten turn, mirror or sign would leave.
    for matrix in (np.diag([-1, 1]), np.diag([1, -1]), np.diag([-1, -1]), np.array([[0, 1], [1, 0]])):
        wrong = replace(field, displacement_px=(field.displacement_px @ matrix).astype(np.float32))
        assert told > 6 + told_db(wrong)


@pytest.mark.parametrize("name", ["mid_displacements", "vector_norm", "camera_motion_field"])
@pytest.mark.parametrize(("mirrored", "turns"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("stride", [1, 4])
def test_planes_are_those_of_the_changed_blended_motion(erroneous, name, mirrored, turns, stride):
    maker, records = erroneous
    inputs = NetworkInput(name, stride=stride)
    whole, change = maker.sample(1), Augmentation(8, 16, 40, mirrored, turns)
    fine = [field_of_motion(motion, stride, 17) for motion in (whole.motion, whole.noisy_motion)]
    sample = load_sample(records[1], inputs)
    for alpha in (0.0, 0.4, 1.0):
        truth = encode(name, change.field(blended(*fine, alpha)))
        planes = sample_planes(sample, change, inputs, alpha)
        assert planes.shape == truth.shape
        assert np.abs(planes - truth).max() < 0.02
    assert np.abs(fine[0].displacement_px - fine[1].displacement_px).max() > 0.1


def test_a_sample_keeps_the_moments_that_its_encoding_looks_at(erroneous):
    _, records = erroneous
    assert load_sample(records[0], NetworkInput("vector_norm")).fields[0].phases.tolist() == [0.0, 1.0]
    assert load_sample(records[0], NetworkInput("camera_motion_field")).fields[0].phases.size == 17
    alone = load_sample(records[0], NetworkInput())
    assert alone.fields is None and alone.stride == 1 and alone.bytes == 2 * 64 * 64 * 3


@pytest.fixture(scope="module")
def with_depth(tmp_path_factory):
    folder = tmp_path_factory.mktemp("depth")
    seconds = np.arange(0, 1.0, 0.01)
    rows = [f"{t:.3f} {0.3 * np.sin(9 * t):.6f} {0.1 * t:.6f} 0 0 0 0 1" for t in seconds]
    (folder / "poses.txt").write_text("\n".join(rows) + "\n")
    source = {"kind": "trajectory", "files": [str(folder / "poses.txt")]}
    photos = write_rgbd(folder / "photos")
    maker = shards_of_photos(photos, folder / "shards", 2, motion={"sources": [source], "trail_px": (6.0, 9.0)})
    return maker, shard_records([folder / "shards"])


@pytest.mark.parametrize(("mirrored", "turns"), ORIENTATIONS)
def test_near_things_keep_sharp_edges_in_the_planes(with_depth, mirrored, turns):
    maker, records = with_depth
    inputs = NetworkInput("linear_kernel", depth=True)
    whole = maker.sample(1)
    sample = load_sample(records[1], inputs)
    assert np.ptp(whole.depth_m) > 1.0
    change = Augmentation(13, 5, 48, mirrored, turns)
    batch = batch_of([sample], [change], inputs, 0.0)
    truth = encode("linear_kernel", change.field(field_of_motion(whole.motion, 1, 17)))
    np.testing.assert_allclose(batch.planes[0, :2], truth, atol=1e-4)
    np.testing.assert_allclose(batch.planes[0, 2], np.clip(change.picture(whole.depth_m) / 10, 0, 1), atol=1e-6)


def test_pictures_are_codes_over_white():
    codes = np.array([[[0, 51, 255]]], np.uint8)
    tensor = pictures([codes, codes])
    assert tensor.shape == (2, 3, 1, 1) and tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor[1, :, 0, 0], [0.0, 0.2, 1.0], rtol=1e-6)
    np.testing.assert_allclose(pictures([codes.astype(np.uint16) * 257])[0, :, 0, 0], [0.0, 0.2, 1.0], rtol=1e-6)


def test_an_orientation_by_hand():
    grid = np.arange(6).reshape(2, 3)
    # The upper left 2 x 2 is 0 1 / 3 4; mirrored 1 0 / 4 3; its right edge 0 3 then becomes the top.
    assert Augmentation(0, 0, 2, mirrored=True, turns=1).picture(grid).tolist() == [[0, 3], [1, 4]]
    assert Augmentation(1, 0, 2).picture(grid).tolist() == [[1, 2], [4, 5]]


def test_crops_lie_on_the_grid_and_reach_every_place():
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(rng, (61, 40), 24, 8, flip=True) for _ in range(600)]
    assert {change.x0 for change in drawn} == {0, 8, 16}
    # 61 rows are 7 cells and a rest.
    assert {change.y0 for change in drawn} == {0, 8, 16, 24, 32}
    assert {(change.mirrored, change.turns) for change in drawn} == set(ORIENTATIONS)
    straight = [draw_augmentation(rng, (61, 40), 24, 8, flip=False) for _ in range(20)]
    assert {(change.mirrored, change.turns) for change in straight} == {(False, 0)}
    assert drawn_orientation(rng, flip=False) == (False, 0)
    assert centred((61, 40), 24, 8) == Augmentation(8, 16, 24)


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (36, "data.crop: expected a multiple of the blur fields' stride 8, got 36"),
        (48, "data.crop: expected at most the samples' 40 x 61 px, got 48; set data.crop, or make larger samples"),
    ],
)
def test_crops_that_do_not_fit_are_refused(side, message):
    with pytest.raises(UsageError, match=message):
        draw_augmentation(np.random.default_rng(0), (61, 40), side, 8, flip=True)
    with pytest.raises(UsageError, match=message):
        centred((61, 40), side, 8)
