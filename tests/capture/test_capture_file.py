import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gyrosharp as gs
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import load_capture, save_capture
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.capture.json_schemas import json_schema
from gyrosharp.capture.overrides import Overrides, overridden
from gyrosharp.errors import CaptureError, ImageError, ImuError, OutputError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.recording import ImuRecording

ROOT = Path(__file__).resolve().parents[2]


def document(**changes):
    """A valid capture document, with changes by dotted key; None removes the key."""
    base = {
        "format": "gyrosharp.capture/1",
        "image": "photo.png",
        "camera": {"width": 64, "height": 48, "fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5},
        "exposure": {"start_ns": 200_000_000, "duration_s": 0.05, "readout_s": 0.02},
        "imu": {"file": "log.gcsv", "R_cam_imu": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "time_offset_s": 0.004},
        "depth": None,
    }
    for key, value in changes.items():
        part, names = base, key.split("__")
        for name in names[:-1]:
            part = part[name]
        if value is None:
            part.pop(names[-1], None)
        else:
            part[names[-1]] = value
    return base


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    stamps = np.arange(300, dtype=np.int64) * 2_500_000
    recording = ImuRecording(stamps, 0.2 * rng.standard_normal((300, 3)), source="test")
    write_gcsv(recording, tmp_path / "log.gcsv")
    return tmp_path


def write(folder, content):
    path = folder / "shot.capture.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_reads_what_the_contract_says(folder):
    capture = gs.load_capture(write(folder, document(exposure__shutter="rolling_bottom_to_top")))
    assert capture.camera == CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)
    assert capture.exposure == Exposure(200_000_000, 0.05, 0.02, Shutter.BOTTOM_TO_TOP)
    assert capture.time_offset_s == 0.004
    assert capture.image == ImageSource(folder / "photo.png")
    assert len(capture.imu) == 300


def test_offset_is_added_to_imu_time(folder):
    capture = load_capture(write(folder, document(imu__time_offset_s=0.1)))
    first = capture.trajectory().time_ns[0]
    assert first - 100_000_000 in capture.imu.time_ns


def test_save_and_load_agree(folder):
    capture = load_capture(write(folder, document()))
    save_capture(capture, folder / "again.capture.json")
    again = load_capture(folder / "again.capture.json")
    assert again.camera == capture.camera and again.exposure == capture.exposure
    np.testing.assert_array_equal(again.imu.gyro_rad_s, capture.imu.gyro_rad_s)
    assert again.time_offset_s == capture.time_offset_s
    with pytest.raises(OutputError, match="exist"):
        save_capture(capture, folder / "again.capture.json")


def test_saving_a_log_in_memory_is_refused(folder):
    capture = load_capture(write(folder, document()))
    in_memory = Capture(capture.camera, capture.exposure, imu=ImuRecording([0, 1], np.zeros((2, 3))))
    with pytest.raises(CaptureError, match="write the log first"):
        save_capture(in_memory, folder / "x.capture.json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "gyrosharp.capture/2"}, "format"),
        ({"camera__fx": 0.0}, "fx"),
        ({"camera__fx": float("nan")}, "fx"),
        ({"camera__fx": "wide"}, "camera.fx"),
        ({"camera__fy": -5.0}, "fy"),
        ({"camera__width": 0}, "size"),
        ({"camera__lens": "wide"}, "unknown key 'camera.lens'"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"exposure__duration_s": -0.05}, "duration"),
        ({"exposure__duration_s": 0.0}, "duration"),
        ({"exposure__readout_s": -0.01}, "readout"),
        ({"exposure__shutter": "sideways"}, "shutter"),
        ({"exposure": None}, "expected key 'exposure'"),
        ({"imu__R_cam_imu": [[0, 1, 0], [1, 0, 0], [0, 0, 1]]}, "mirror"),
        ({"imu__R_cam_imu": [[1, 0, 0], [0, 2, 0], [0, 0, 1]]}, "orthonormal"),
        ({"imu__R_cam_imu": [[1, 0], [0, 1]]}, "R_cam_imu"),
        ({"imu__time_offset_s": float("inf")}, "time_offset_s"),
        ({"imu": None}, "imu and trajectory"),
        ({"camera__distortion_model": "opencv", "camera__distortion": [0.1]}, "coefficients"),
        ({"reference_ns": "soon"}, "reference_ns"),
        ({"reference_ns": 0.5}, "reference_ns"),
        ({"reference_ns": 2**63}, "reference_ns"),
    ],
)
def test_bad_documents_are_named(folder, changes, words):
    with pytest.raises(CaptureError, match=r"shot\.capture\.json") as caught:
        load_capture(write(folder, document(**changes)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reference_time_is_the_middle_unless_the_file_says(folder):
    """Row 23.5 of 48 begins 20 ms * 23.5 / 48 = 9.791667 ms after the first, and its middle is 25 ms later."""
    assert load_capture(write(folder, document())).reference_ns == 234_791_667
    capture = load_capture(write(folder, document(reference_ns=201_000_000)))
    assert capture.reference_ns == 201_000_000


def test_reference_time_is_saved_where_it_is_no_other(folder):
    save_capture(load_capture(write(folder, document(reference_ns=201_000_000))), folder / "a.capture.json")
    assert load_capture(folder / "a.capture.json").reference_ns == 201_000_000
    save_capture(load_capture(write(folder, document())), folder / "b.capture.json")
    assert "reference_ns" not in json.loads((folder / "b.capture.json").read_text())


def test_flags_keep_a_reference_time_that_was_given(folder):
    """The exposure's own reference follows its start; one that the file names stays."""
    later = Overrides(start_ns=210_000_000)
    assert overridden(load_capture(write(folder, document())), later).reference_ns == 244_791_667
    told = load_capture(write(folder, document(reference_ns=201_000_000)))
    assert overridden(told, later).reference_ns == overridden(told, Overrides()).reference_ns == 201_000_000


def test_saving_a_depth_map_in_memory_is_refused(folder):
    capture = load_capture(write(folder, document()))
    with pytest.raises(CaptureError, match="write the map first"):
        save_capture(replace(capture, depth_m=np.ones((48, 64), np.float32)), folder / "x.capture.json")


@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_cut_json_is_refused(folder, cut):
    with pytest.raises(CaptureError, match="expected"):
        load_capture(write(folder, json.dumps(document())[:cut]))


def test_json_of_another_kind_is_refused(folder):
    with pytest.raises(CaptureError, match="JSON object"):
        load_capture(write(folder, "[1, 2]"))
    with pytest.raises(CaptureError, match="no such file"):
        load_capture(folder / "none.capture.json")
    (folder / "binary.capture.json").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(CaptureError, match="text"):
        load_capture(folder / "binary.capture.json")


def test_axes_by_name_and_axes_unknown(folder):
    capture = load_capture(write(folder, document(imu__R_cam_imu="android-portrait")))
    np.testing.assert_allclose(capture.R_cam_imu, np.diag([1.0, -1.0, -1.0]))


def test_missing_log_and_uncovered_exposure(folder):
    with pytest.raises(ImuError, match=r"nowhere\.gcsv"):
        load_capture(write(folder, document(imu__file="nowhere.gcsv")))
    capture = load_capture(write(folder, document(exposure__start_ns=5_000_000_000)))
    with pytest.raises(ImuError):
        capture.trajectory()


def test_trajectory_capture_reads_poses(folder):
    (folder / "poses.txt").write_text(
        "# t tx ty tz qx qy qz qw\n0.1 0 0 0 0 0 0 1\n0.2 0.1 0 0 0 0 0 1\n0.4 0 0 0 0 0 0 1\n"
    )
    capture = load_capture(write(folder, document(imu=None, trajectory={"file": "poses.txt", "clock": "camera"})))
    rotations, positions = capture.trajectory().at(200_000_000)
    np.testing.assert_allclose(rotations, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(positions, [0.1, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least 2 poses"),
        ("0 0 0 0 0 0 0 1\n", "at least 2 poses"),
        ("0 0 0 0 0 0 0 1\n1 0 0 0 0 0 1\n", "line 2"),
        ("0 0 0 0 0 0 0 1\n1 0 0 x 0 0 0 1\n", "line 2"),
        ("0 0 0 0 0 0 0 1\n1 0 0 nan 0 0 0 1\n", "line 2"),
        ("1 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 1\n", "increasing"),
        ("0 0 0 0 0 0 0 0\n1 0 0 0 0 0 0 1\n", "quaternions"),
    ],
)
def test_bad_poses_are_named(folder, text, words):
    (folder / "poses.txt").write_text(text)
    with pytest.raises(CaptureError, match=words):
        load_capture(write(folder, document(imu=None, trajectory={"file": "poses.txt"})))


def test_size_mismatch_is_refused(folder):
    import cv2

    cv2.imwrite(str(folder / "photo.png"), np.zeros((48, 63, 3), np.uint8))
    with pytest.raises(ImageError, match="64 x 48"):
        load_capture(write(folder, document())).read_image()


@pytest.mark.parametrize("name", ["capture", "recording", "camera"])
def test_published_schema_is_in_step(name):
    published = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    assert published == json_schema(name), (
        f"run: python -m gyrosharp.capture.json_schemas {name} > docs/{name}.schema.json"
    )


def test_public_names_resolve():
    for name in gs.__all__:
        assert getattr(gs, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        gs.nothing  # noqa: B018


def test_flags_win_over_the_file(folder):
    path = write(folder, document(imu__gyro_unit="rad/s"))
    as_written, turned = load_capture(path), load_capture(path, gyro_unit="deg/s")
    np.testing.assert_allclose(turned.imu.gyro_rad_s, np.radians(as_written.imu.gyro_rad_s))
    with pytest.raises(ImuError, match="log"):
        load_capture(path, imu_format="euroc")


def test_axes_from_the_log_are_noted(folder):
    assert "gyro axes taken from the log" in load_capture(write(folder, document(imu__R_cam_imu=None))).notes
    assert load_capture(write(folder, document())).notes == ()
