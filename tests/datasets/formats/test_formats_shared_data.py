"""Every format that has real files at hand, on those files."""

import shutil

import numpy as np
import pytest
from format_trees import picture, write_tree
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from gyrosharp.datasets.formats import claims, read_dataset
from gyrosharp.media.transfer import SRGB

pytestmark = pytest.mark.shared_data

MOTORCYCLE = {"focal_px": 994.978, "baseline_m": 0.193001, "offset_px": 31.086}
# Middlebury gives no calibration for this pair; these numbers are those of its later sets, at a quarter of the size.
CONES = {"focal_px": 935.0, "baseline_m": 0.16}
# Folder, format, entries, options.
SETS = [
    ("realblur/gopro_pairs", "gopro", 4, {}),
    ("realblur/research-levin32", "levin", 32, {}),
    ("realblur/research-koehler", "koehler", 4, {}),
    ("realblur/nolic-deepgyro/raw", "recordings", 5, {}),
    ("realblur/nolic-deepgyro/paper", "deepgyro_fields", 5, {}),
    ("realblur/nolic-phone240ms", "recordings", 5, {}),
    ("realblur/honorv10_mars", "recordings", 25, {}),
    ("rgbd/open3d_testdata/RGBD", "open3d_rgbd", 5, {}),
    ("rgbd/slambook_dense", "slambook", 5, {}),
    ("rgbd/research-7scenes", "seven_scenes", 32, {}),
    ("rgbd/nolic-nyu_v2", "photo_depth", 1, {}),
    ("rgbd/middlebury_motorcycle", "middlebury", 1, MOTORCYCLE),
    ("calib/pandora_cones", "middlebury", 1, CONES),
    ("images/kodak24", "images", 24, {}),
    ("images/free-train1mp", "images", 139, {}),
    ("images/research-bsds500", "images", 300, {}),
]


@pytest.mark.parametrize(("folder", "name", "count", "options"), SETS, ids=[entry[0] for entry in SETS])
def test_is_found_out_and_read(folder, name, count, options, shared_data):
    assert claims(shared_data / folder) == (name,)
    items = read_dataset(shared_data / folder, **options)
    assert len(items) == count
    item = items[1 % count]
    pictures = [
        call() for source, call in ((item.sharp, item.sharp_image), (item.blurred, item.blurred_image)) if source
    ]
    assert pictures and all(image.shape[1::-1] == item.size and np.isfinite(image).all() for image in pictures)


# Looked at as colour maps beside the photos: a chair by a window, a room's corner, a kitchen, a class room, a
# motorcycle in a garage, cones on a table. Median depth in m, and the share that is unknown.
DEPTHS = [
    ("rgbd/open3d_testdata/RGBD", {}, 1.86, 0.128),
    ("rgbd/slambook_dense", {}, 1.43, 0.0),
    ("rgbd/research-7scenes", {"register": False}, 1.85, 0.099),
    ("rgbd/nolic-nyu_v2", {}, 2.71, 0.0),
    ("rgbd/middlebury_motorcycle", MOTORCYCLE, 2.75, 0.073),
    ("calib/pandora_cones", CONES, 4.64, 0.032),
]


@pytest.mark.parametrize(("folder", "options", "median_m", "unknown"), DEPTHS, ids=[entry[0] for entry in DEPTHS])
def test_depth(folder, options, median_m, unknown, shared_data):
    items = read_dataset(shared_data / folder, **options)
    item = items[1 % len(items)]
    depth_m = item.depth_m()
    assert depth_m.shape == item.size[::-1]
    assert np.nanmedian(depth_m) == pytest.approx(median_m, abs=0.01)
    assert np.isnan(depth_m).mean() == pytest.approx(unknown, abs=0.001)


def test_seven_scenes_depth_fits_the_photo(shared_data):
    """Where depth jumps, photos have edges: once depth is registered, the gradient there is well above its mean."""
    gains = []
    for register in (False, True):
        items = read_dataset(shared_data / "rgbd/research-7scenes", register=register)[::8]
        gains.append(np.mean([gradient_at_jumps(item) for item in items]))
    assert gains[0] < 1.3 and gains[1] > 1.8


def gradient_at_jumps(item):
    """Mean gradient of the encoded photo where depth jumps by more than 8 cm, over its mean everywhere."""
    grey = gaussian_filter(SRGB.encode(item.sharp_image()).mean(axis=2), 1.0)
    gradient = np.hypot(*np.gradient(grey))
    depth_m = item.depth_m()
    jumps = np.zeros(depth_m.shape, bool)
    jumps[1:] |= np.abs(np.diff(depth_m, axis=0)) > 0.08
    jumps[:, 1:] |= np.abs(np.diff(depth_m, axis=1)) > 0.08
    return gradient[jumps].mean() / gradient.mean()


def test_tum_frame(shared_data, tmp_path):
    """A real TUM frame, laid out as a sequence: a desk 1.5 to 7 m away; at 1000 per metre it would be a hall."""
    source = shared_data / "rgbd/open3d_testdata/RGBD/other_formats"
    for kind, stamp in (("rgb", "1.000"), ("depth", "1.010")):
        (tmp_path / kind).mkdir()
        name = "TUM_color.png" if kind == "rgb" else "TUM_depth.png"
        shutil.copyfile(source / name, tmp_path / kind / f"{stamp}.png")
        (tmp_path / f"{kind}.txt").write_text(f"{stamp} {kind}/{stamp}.png\n")
    (item,) = read_dataset(tmp_path)
    depth_m = item.depth_m()
    assert np.nanmedian(depth_m) == pytest.approx(2.415, abs=0.01)
    assert np.nanpercentile(depth_m, [1, 99]) == pytest.approx([1.52, 7.33], abs=0.02)


@pytest.mark.parametrize("name", ["im1_kernel1", "im2_kernel4", "im3_kernel6"])
def test_levin_model(name, shared_data):
    """The kernel explains the blurred picture in linear codes; after an sRGB decoding or turned around it does not.

    Kernel 4 is stored the right way round, kernel 6 turned; kernel 1 looks nearly the same both ways.
    """
    items = {item.name: item for item in read_dataset(shared_data / "realblur/research-levin32")}
    item = items[name]
    kernel = item.planes("kernel")[0]
    pictures = item.sharp_image()[..., 0], item.blurred_image()[..., 0]
    as_linear = unexplained(*pictures, kernel)
    assert as_linear < 0.07
    assert unexplained(*(SRGB.decode(image) for image in pictures), kernel) > 2 * as_linear
    if name != "im1_kernel1":
        assert unexplained(*pictures, kernel[::-1, ::-1]) > 4 * as_linear


def unexplained(sharp, blurred, kernel):
    """Share of the blurred picture's contrast that the kernel does not explain at any small shift."""
    inner = (slice(40, -40), slice(40, -40))
    target = blurred[inner]
    whole = fftconvolve(sharp, kernel, mode="same")
    errors = []
    for shift in np.ndindex(13, 13):
        guess = np.roll(whole, (shift[0] - 6, shift[1] - 6), (0, 1))[inner]
        gain = (guess * target).sum() / (guess**2).sum()
        errors.append(np.sqrt(np.mean((gain * guess - target) ** 2)) / target.std())
    return min(errors)


def test_deepgyro_vectors_point_up(shared_data):
    for item in read_dataset(shared_data / "realblur/nolic-deepgyro/paper"):
        dx, dy = item.planes("linear_kernel")
        assert dy.max() <= 0 and 5 < np.hypot(dx, dy).max() < 127


def test_recordings_carry_motion(shared_data):
    capture = read_dataset(shared_data / "realblur/nolic-phone240ms")[2].capture()
    assert capture.exposure.duration_s == pytest.approx(0.24, abs=0.01)
    assert capture.trajectory().rates_rad_s is not None


def test_gyro_log_of_gyroblur_synth(shared_data, tmp_path):
    """The real log with a picture of the set's size: eleven rows from a starting point span about 47.6 ms."""
    write_tree(
        tmp_path,
        {
            "train/avg_blur/000001.png": picture(1, 1280, 720),
            "train/sharp/000001.png": picture(2, 1280, 720),
            "train/GyroBlur-Synth_train_starting_point.txt": b"1000\n",
        },
    )
    shutil.copyfile(shared_data / "gyro/nolic-gyroblur_synth/gyro_train.txt", tmp_path / "gyro_train.txt")
    (item,) = read_dataset(tmp_path)
    capture = item.capture()
    assert capture.exposure.duration_s == pytest.approx(0.0476, abs=0.001)
    assert capture.trajectory().time_ns[0] <= capture.exposure.start_ns
