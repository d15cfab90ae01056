import numpy as np
import pytest

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.datasets.sample_files import files_of, sample_from
from gyrosharp.errors import ImageError
from gyrosharp.media.opencv import png_from
from synth_inputs import clean_config, maker_of, write_photos, write_rgbd

CONFIG = {
    "sensor": {"preset": "phone"},
    "errors": {"level": [1.0, 1.0]},
    "encodings": [{"name": "bezier_heatmap", "stride": 2}],
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = write_photos(tmp_path_factory.mktemp("photos"))
    return maker_of(folder, clean_config(**CONFIG)).samples.sample(1)


@pytest.fixture(scope="module")
def deep_sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deep")
    poses = folder / "poses.txt"
    times = np.arange(0, 1, 0.01)
    poses.write_text("\n".join(f"{t:.2f} {np.sin(9 * t):.4f} 0 {0.1 * t:.4f} 0 0 0 1" for t in times))
    motion = {"sources": [{"kind": "trajectory", "files": [str(poses)]}], "trail_px": [5.0, 9.0]}
    return maker_of(write_rgbd(folder / "rgbd"), clean_config(**CONFIG, motion=motion)).samples.sample(0)


@pytest.mark.parametrize("which", ["sample", "deep_sample"])
def test_a_record_gives_the_sample_back(which, request):
    sample = request.getfixturevalue(which)
    back = sample_from(files_of(sample))
    np.testing.assert_array_equal(back.sharp, sample.sharp)
    np.testing.assert_array_equal(back.blurred, sample.blurred)
    assert (back.sharp.dtype, back.name, back.meta) == (sample.sharp.dtype, sample.name, sample.meta)
    for field, truth in ((back.field, sample.field), (back.noisy_field, sample.noisy_field)):
        np.testing.assert_array_equal(field.displacement_px, truth.displacement_px)
        np.testing.assert_array_equal(field.phases, truth.phases)
        assert (field.stride, field.reference_ns) == (truth.stride, truth.reference_ns)
    np.testing.assert_allclose(back.mask, sample.mask, atol=0.5 / 255)
    np.testing.assert_allclose(back.saturation, sample.saturation, atol=0.5 / 255)
    planes = sample.encodings["bezier_heatmap"]
    np.testing.assert_allclose(back.encodings["bezier_heatmap"], planes, atol=0.01)
    assert set(back.noisy_encodings) == {"bezier_heatmap"}
    assert (back.depth_m is None) == (sample.depth_m is None)


@pytest.mark.parametrize("which", ["sample", "deep_sample"])
def test_the_motion_comes_back_exactly(which, request):
    sample = request.getfixturevalue(which)
    back = sample_from(files_of(sample))
    points = np.array([[10.0, 12.0], [80.0, 70.0]])
    for got, truth in ((back.motion, sample.motion), (back.noisy_motion, sample.noisy_motion)):
        assert got.moves_with_depth == truth.moves_with_depth
        np.testing.assert_allclose(track(got, points), track(truth, points), atol=1e-6)


def track(motion: CameraMotion, points):
    return motion.positions(points, motion.line_times_ns(points, np.linspace(0, 1, 9)))


def test_pictures_are_plain_png(sample):
    files = files_of(sample)
    np.testing.assert_array_equal(png_from(files["blurred.png"]), sample.blurred)
    import cv2

    bgr = cv2.imdecode(np.frombuffer(files["sharp.png"], np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(bgr[..., ::-1], sample.sharp)


@pytest.mark.parametrize("missing", ["meta.json", "field.npy", "noisy_motion.npy", "sharp.png"])
def test_a_record_without_a_file_is_refused(sample, missing):
    files = {name: content for name, content in files_of(sample).items() if name != missing}
    with pytest.raises(ImageError, match="expected the files that gyrosharp writes"):
        sample_from(files)


@pytest.mark.parametrize(("name", "content"), [("sharp.png", b"no picture"), ("meta.json", b"{"), ("field.npy", b"x")])
def test_a_damaged_file_is_refused(sample, name, content):
    with pytest.raises(ImageError, match="sample"):
        sample_from({**files_of(sample), name: content})
