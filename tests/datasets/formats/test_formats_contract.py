"""What every format must do; the registry is walked, so a new one is tested at once."""

import pickle

import numpy as np
import pytest
from format_trees import TREES, depth_png, write_tree

from gyrosharp.datasets.formats import DatasetItem, claims, formats, read_dataset, table, writable_formats
from gyrosharp.errors import CaptureError, ImageError, UsageError

NAMES = sorted(formats())
# How many entries each tree holds.
COUNTS = {"gopro": 8, "realblur": 4, "rsblur": 2, "gyroblur_synth": 4, "images": 2, "seven_scenes": 2}


def test_every_format_has_a_tree():
    assert set(TREES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryFormat:
    def test_describes_itself(self, name):
        module = formats()[name]
        assert module.NAME == name == module.__name__.rsplit(".", 1)[1]
        assert all(text and "\n" not in text for text in (module.DESCRIPTION, module.LICENCE))
        assert f"| `{name}` |" in table() and module.LAYOUT.strip() in table()
        assert all(len(line) <= 120 for line in module.LAYOUT.splitlines())

    def test_claims_its_own_tree_and_no_other(self, name, tmp_path):
        assert claims(write_tree(tmp_path, TREES[name])) == (name,)

    def test_reads_its_tree(self, name, tmp_path):
        options = {"curve": "srgb"} if name == "gyroblur_synth" else {}
        items = read_dataset(write_tree(tmp_path, TREES[name]), **options)
        assert len(items) == COUNTS.get(name, 1)
        assert len({(item.split, item.name) for item in items}) == len(items)
        for item in items:
            assert isinstance(item, DatasetItem)
            assert item.sharp is not None or item.blurred is not None
            for source, image in ((item.sharp, item.sharp_image), (item.blurred, item.blurred_image)):
                if source is not None:
                    pixels = image()
                    assert pixels.dtype == np.float32 and pixels.ndim == 3 and pixels.shape[1::-1] == item.size
            depth_m = item.depth_m()
            assert depth_m is None or (depth_m.dtype == np.float32 and depth_m.shape == item.size[::-1])
            assert all(item.planes(key).dtype == np.float32 for key in item.fields)
            assert all(item.image(key).ndim == 3 for key in item.pictures)

    def test_items_travel_to_worker_processes(self, name, tmp_path):
        item = read_dataset(write_tree(tmp_path, TREES[name]))[0]
        copy = pickle.loads(pickle.dumps(item))
        assert (copy.name, copy.sharp, copy.blurred) == (item.name, item.sharp, item.blurred)

    def test_pictures_are_decoded_on_demand(self, name, tmp_path):
        """Broken pixels behind a whole header are found when the picture is asked for, not before."""
        tree = dict(TREES[name])
        broken = {path: data[: len(data) * 2 // 3] for path, data in tree.items() if path.endswith((".png", ".jpg"))}
        if name == "recordings":
            return  # the first picture's size is the camera's
        item = read_dataset(write_tree(tmp_path, tree | broken), name)[0]
        with pytest.raises(ImageError, match=r"(?s)\.png: expected a whole image"):
            item.sharp_image() if item.sharp is not None else item.blurred_image()

    def test_empty_folder(self, name, tmp_path):
        with pytest.raises((ImageError, CaptureError)) as caught:
            read_dataset(tmp_path, name)
        assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)

    def test_unknown_option(self, name, tmp_path):
        with pytest.raises(UsageError, match=rf"{name}: expected options of .*'colour'"):
            read_dataset(write_tree(tmp_path, TREES[name]), name, colour="red")


WITH_SPLITS = ["gopro", "realblur", "rsblur", "gyroblur_synth", "imu_blur", "imu_unet", "depth_imu", "seven_scenes"]


@pytest.mark.parametrize("name", [*WITH_SPLITS, "scenenet", "stereo_blur", "gyrovd"])
def test_unknown_subset(name, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        read_dataset(write_tree(tmp_path, TREES[name]), name, split="nowhere")


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("gopro", "test", 4),
        ("realblur", "train", 2),
        ("rsblur", "test", 1),
        ("seven_scenes", "test", 1),
        ("gyroblur_synth", "train", 2),
        ("scenenet", "train", 1),
        ("stereo_blur", "train", 1),
        ("gyrovd", "VID_1", 1),
    ],
)
def test_one_subset(name, split, count, tmp_path):
    assert len(read_dataset(write_tree(tmp_path, TREES[name]), name, split)) == count


MISSING = [
    ("gopro", "train/GOPR0001/sharp/000002.png"),
    ("realblur", "RealBlur-J_x/scene001/gt/gt_1.png"),
    ("rsblur", "0001/000001/gt/gt_sharp.png"),
    ("rsblur", "0001/000001/real_blur/real_blur.png"),
    ("levin", "gt/im1.png"),
    ("levin", "gt/kernel2.png"),
    ("stereo_blur", "train/HD720_1/image_left/0001.png"),
    ("imu_blur", "train/ep/a.png"),
    ("imu_unet", "test/vector_norm/a.npy"),
    ("depth_imu", "train/depth/a.png"),
    ("gyroblur_synth", "train/sharp/000001.png"),
    ("gyroblur_real", "001/blurry.png"),
    ("deepgyro_fields", "blury/car.png"),
    ("open3d_rgbd", "depth/00000.png"),
    ("slambook", "depth/1.png"),
    ("seven_scenes", "seq-01/frame-000000.depth.png"),
    ("scenenet", "train/0/7/depth/25.png"),
    ("tum_rgbd", "depth/1.01.png"),
]


@pytest.mark.parametrize(("name", "path"), MISSING)
def test_missing_partner(name, path, tmp_path):
    folder = write_tree(tmp_path, TREES[name])
    (folder / path).unlink()
    # Keep the folder itself recognisable.
    (folder / path).with_name("other.txt").write_text("")
    with pytest.raises((ImageError, CaptureError)) as caught:
        list(read_dataset(folder, name))
    message = str(caught.value)
    assert "\n" not in message and "expected" in message
    assert (folder / path).with_suffix("").name.split(".")[0] in message or (folder / path).parent.name in message


BAD_LINES = [
    ("realblur", "RealBlur_J_train_list.txt", b"only_one_path.png\n", 1),
    ("rsblur", "RSBlur_real_test.txt", b"# list\nonly_one\n", 2),
    ("tum_rgbd", "rgb.txt", b"# list\n1.0 rgb/1.00.png\nhello rgb/1.png\n", 3),
    ("seven_scenes", "TrainSplit.txt", b"seq-01\n", 1),
    ("gyroblur_synth", "train/GyroBlur-Synth_train_starting_point.txt", b"3\nsoon\n", 2),
    ("middlebury", "Scene/calib.txt", b"cam0=[1 0 0; 0 1 0; 0 0 1]\nbaseline\n", 2),
]


@pytest.mark.parametrize(("name", "path", "content", "line"), BAD_LINES)
def test_broken_line_is_named(name, path, content, line, tmp_path):
    folder = write_tree(tmp_path, TREES[name] | {path: content})
    with pytest.raises(CaptureError) as caught:
        read_dataset(folder, name)
    assert str(caught.value).startswith(f"{folder / path}, line {line}: expected ")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x81", None])
def test_list_that_is_no_text(content, tmp_path):
    folder = write_tree(tmp_path, TREES["tum_rgbd"])
    if content is None:
        (folder / "rgb.txt").unlink()
    else:
        (folder / "rgb.txt").write_bytes(content)
    with pytest.raises(CaptureError, match=r"rgb\.txt: expected a text file"):
        read_dataset(folder, "tum_rgbd")


def test_depth_of_another_size(tmp_path):
    item = read_dataset(write_tree(tmp_path, TREES["slambook"] | {"depth/1.png": depth_png(1, 23, 16)}))[0]
    message = r"depth/1\.png: expected a map of 24 x 16 px like the image, got shape \(16, 23\)"
    with pytest.raises(CaptureError, match=message):
        item.depth_m()


def test_unknown_folder_and_format(tmp_path):
    with pytest.raises(ImageError, match="expected the folder of a data set"):
        claims(tmp_path / "none")
    with pytest.raises(ImageError, match="without either"):
        read_dataset(tmp_path)
    with pytest.raises(UsageError, match=r"format: expected one of .*'betamax'"):
        read_dataset(tmp_path, "betamax")


def test_two_kinds_in_one_folder(tmp_path):
    write_tree(tmp_path, TREES["koehler"] | TREES["levin"])
    with pytest.raises(ImageError, match="koehler and levin; name the format"):
        read_dataset(tmp_path)
    assert len(read_dataset(tmp_path, "levin")) == 1


def test_writable_formats():
    assert set(writable_formats()) == {"imu_blur", "gyroblur_synth", "gyroblur_real", "depth_imu", "imu_unet"}


def test_an_entry_without_pictures():
    item = DatasetItem("x")
    assert item.depth_m() is None and item.capture() is None
    assert item.mask_image() is None and item.saturation_image() is None
    for call in (item.sharp_image, item.blurred_image, lambda: item.size):
        with pytest.raises(ImageError, match=r"x: expected a .*picture"):
            call()
    with pytest.raises(UsageError, match="x: pictures: expected one of none, got 'left'"):
        item.image("left")
    with pytest.raises(UsageError, match="x: fields: expected one of none"):
        item.planes("left")
