"""Numbers of depth maps, worked by hand."""

import io
import math

import numpy as np
import pytest
import tifffile
from format_trees import CALIB, HEIGHT, TREES, WIDTH, depth_png, pfm, picture, write_tree

from exr_files import exr
from gyrosharp.datasets.formats import DepthSource, OtherView, StereoRig, read_dataset
from gyrosharp.datasets.sample_files import npy_of, png_of
from gyrosharp.errors import CaptureError, ImageError
from gyrosharp.geometry.camera import CameraModel


def only(tmp_path, name, tree=None, **options):
    (item,) = read_dataset(write_tree(tmp_path, TREES[name] if tree is None else tree), name, **options)
    return item


def test_tum_is_5000_per_metre(tmp_path):
    depth_m = only(tmp_path, "tum_rgbd").depth_m()
    assert np.isnan(depth_m[0, 0]) and np.isnan(depth_m).sum() == 1
    np.testing.assert_allclose(depth_m[1:], 1.0, rtol=1e-6)


def test_scale_is_an_option(tmp_path):
    np.testing.assert_allclose(only(tmp_path, "tum_rgbd", units_per_m=1000).depth_m()[1:], 5.0, rtol=1e-6)


def test_open3d_is_millimetres(tmp_path):
    item = only(tmp_path, "open3d_rgbd")
    np.testing.assert_allclose(item.depth_m()[1:], 2.0, rtol=1e-6)
    assert item.camera == CameraModel(640, 480, 525.0, 525.0, 319.5, 239.5)


def test_open3d_camera_file_is_stored_by_columns(tmp_path):
    matrix = "[500.0, 0, 0, 0, 510.0, 0, 11.0, 7.0, 1]"
    camera = f'{{"width": 24, "height": 16, "intrinsic_matrix": {matrix}}}'.encode()
    item = only(tmp_path, "open3d_rgbd", TREES["open3d_rgbd"] | {"camera_x.json": camera})
    assert item.camera == CameraModel(24, 16, 500.0, 510.0, 11.0, 7.0)


def test_open3d_broken_camera_file(tmp_path):
    with pytest.raises(CaptureError, match=r"camera\.json: expected width, height and intrinsic_matrix"):
        only(tmp_path, "open3d_rgbd", TREES["open3d_rgbd"] | {"camera.json": b'{"width": 3}'})


def test_seven_scenes_marks(tmp_path):
    codes = np.full((HEIGHT, WIDTH), 1234, np.uint16)
    codes[2, 3], codes[4, 5] = 65535, 0
    tree = {"frame-000000.color.png": picture(), "frame-000000.depth.png": png_of(codes)}
    depth_m = only(tmp_path, "seven_scenes", tree, register=False).depth_m()
    assert np.argwhere(np.isnan(depth_m)).tolist() == [[2, 3], [4, 5]]
    assert depth_m[0, 0] == pytest.approx(1.234)


class TestOtherView:
    """A depth camera 0.1 m to the left (x = -0.1) of the picture's camera; both f = 20 px, centre (12, 8)."""

    CAMERA = CameraModel(WIDTH, HEIGHT, 20.0, 20.0, 12.0, 8.0)

    def registered(self, tmp_path, depth_m, picture_camera=None):
        np.save(tmp_path / "a.npy", depth_m.astype(np.float32))
        view = OtherView(self.CAMERA, picture_camera or self.CAMERA, (-0.1, 0.0, 0.0))
        return DepthSource(tmp_path / "a.npy", view=view).read(WIDTH, HEIGHT)

    def test_a_wall_moves_left_by_f_b_over_z(self, tmp_path):
        """At 1 m: 20 x 0.1 / 1 = 2 px to the left; the two last columns see nothing."""
        depth_m = self.registered(tmp_path, np.ones((HEIGHT, WIDTH)))
        assert (depth_m[:, :-2] == 1).all() and np.isnan(depth_m[:, -2:]).all()

    def test_the_nearer_point_counts(self, tmp_path):
        """A strip at 0.5 m in columns 10 and 11 moves by 4 px, to 6 and 7, in front of the wall, and leaves a hole."""
        depth_m = np.ones((HEIGHT, WIDTH))
        depth_m[:, 10:12] = 0.5
        row = self.registered(tmp_path, depth_m)[3]
        assert row[6:8].tolist() == [0.5, 0.5] and np.isnan(row[8:10]).all() and row[5] == row[10] == 1

    def test_another_focal_length(self, tmp_path):
        """Half the focal length: the wall fills half the picture, 1 px further left."""
        wide = CameraModel(WIDTH, HEIGHT, 10.0, 10.0, 12.0, 8.0)
        rows, columns = np.nonzero(np.isfinite(self.registered(tmp_path, np.ones((HEIGHT, WIDTH)), wide)))
        assert (columns.min(), columns.max()) == (5, 16) and (rows.min(), rows.max()) == (4, 12)

    def test_unknown_stays_unknown(self, tmp_path):
        assert np.isnan(self.registered(tmp_path, np.zeros((HEIGHT, WIDTH)))).all()


def test_scenenet_rays_become_depth(tmp_path):
    """A wall at z = 2 m: the set stores 2 m times the ray's length, which is 1.2268 in the image's very corner."""
    y, x = np.mgrid[:240, :320]
    tangent_x = math.tan(math.radians(30)) * (2 * (x + 0.5) / 320 - 1)
    tangent_y = math.tan(math.radians(22.5)) * (2 * (y + 0.5) / 240 - 1)
    along_ray = 2.0 * np.sqrt(1 + tangent_x**2 + tangent_y**2)
    tree = {
        "photo/0.png": picture(1, 320, 240),
        "depth/0.png": png_of(np.rint(along_ray * 1000).astype(np.uint16)),
    }
    depth_m = only(tmp_path, "scenenet", tree).depth_m()
    np.testing.assert_allclose(depth_m, 2.0, atol=6e-4)
    assert along_ray[0, 0] / 2 == pytest.approx(1.2262, abs=1e-3)


def test_middlebury_disparity(tmp_path):
    """f = 100 px, b = 200 mm, d = 8, doffs = 2: 100 x 0.2 / 10 = 2 m; infinity is unknown."""
    disparity = np.full((HEIGHT, WIDTH), 8.0, np.float32)
    disparity[3, 4] = np.inf
    item = only(tmp_path, "middlebury", TREES["middlebury"] | {"Scene/disp0.pfm": pfm(disparity)})
    depth_m = item.depth_m()
    assert np.argwhere(np.isnan(depth_m)).tolist() == [[3, 4]]
    assert depth_m[0, 0] == pytest.approx(2.0)
    assert item.camera == CameraModel(24, 16, 100.0, 100.0, 11.5, 7.5)


def test_middlebury_without_calibration(tmp_path):
    tree = {"a_left.png": picture(), "a_disp.tif": tiff(np.full((HEIGHT, WIDTH), 4.0, np.float32))}
    with pytest.raises(CaptureError, match=r"calib\.txt: expected the rig's calibration"):
        only(tmp_path, "middlebury", tree)
    item = only(tmp_path, "middlebury", tree, focal_px=40.0, baseline_m=0.1)
    np.testing.assert_allclose(item.depth_m(), 1.0)


def tiff(values):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"baseline=200\n", b""), "expected a line baseline=..., got none"),
        ((b"baseline=200", b"baseline=wide"), "expected numbers in cam0"),
    ],
)
def test_middlebury_broken_calibration(change, message, tmp_path):
    with pytest.raises(CaptureError, match=message):
        only(tmp_path, "middlebury", TREES["middlebury"] | {"Scene/calib.txt": CALIB.replace(*change)})


def test_stereo_blur_needs_a_rig(tmp_path):
    assert only(tmp_path, "stereo_blur").depth_m() is None
    depth_m = only(tmp_path, "stereo_blur", focal_px=400.0, baseline_m=0.12).depth_m()
    np.testing.assert_allclose(depth_m, 6.0, rtol=1e-6)


@pytest.mark.parametrize("name", ["a_depth.npy", "a.depth.npy", "a.npy", "a_depth.pfm", "a_depth.png"])
def test_maps_beside_photos(name, tmp_path):
    values = np.full((HEIGHT, WIDTH), 1.5, np.float32)
    content = {".npy": npy_of(values), ".pfm": pfm(values), ".png": depth_png(1500)}[f".{name.rsplit('.')[-1]}"]
    depth_m = only(tmp_path, "photo_depth", {"a.jpg": picture(), name: content}).depth_m()
    np.testing.assert_allclose(depth_m[1:], 1.5, rtol=1e-6)


def test_photo_without_a_map(tmp_path):
    write_tree(tmp_path, TREES["photo_depth"] | {"x/2.png": picture()})
    with pytest.raises(ImageError, match=r"2\.png: expected its depth map 2_depth"):
        read_dataset(tmp_path)


def test_broken_npz(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(CaptureError, match=r"a\.npz: expected a depth map"):
        DepthSource(tmp_path / "a.npz", rig=StereoRig(1.0, 1.0)).read(2, 2)


def test_negative_disparity_after_the_offset_is_unknown(tmp_path):
    (tmp_path / "a.pfm").write_bytes(pfm(np.array([[2.0, 6.0]])))
    depth_m = DepthSource(tmp_path / "a.pfm", rig=StereoRig(10.0, 0.2, -4.0)).read(2, 1)
    assert np.isnan(depth_m[0, 0]) and depth_m[0, 1] == pytest.approx(1.0)


def test_exr_beside_a_photo(tmp_path):
    values = np.full((HEIGHT, WIDTH), 8.0, np.float32)
    values[3, 4], values[5, 6] = 0.0, np.inf
    depth_m = only(tmp_path, "photo_depth", {"a.png": picture(), "a.exr": exr({"Z": values})}).depth_m()
    assert np.argwhere(np.isnan(depth_m)).tolist() == [[3, 4], [5, 6]] and depth_m[0, 0] == 8.0


def test_codes_of_a_tiff_have_units_and_marks_too(tmp_path):
    """5000 per metre: 7500 is 1.5 m; 65535 is a mark."""
    tifffile.imwrite(tmp_path / "a.tif", np.array([[7500, 65535, 0]], np.uint16))
    depth_m = DepthSource(tmp_path / "a.tif", units_per_m=5000, unknown_code=65535).read(3, 1)
    assert depth_m[0, 0] == 1.5 and np.isnan(depth_m[0, 1:]).all()
