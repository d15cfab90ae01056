"""gyrosharp probe: camera files, folders that are no recording, and what it says of a photo and a movie."""

import json

import pytest

from gyrosharp.capture.cameras import find_camera, save_profile

CAMCHAIN = """\
cam0:
  camera_model: pinhole
  intrinsics: [500.0, 501.0, 320.0, 240.0]
  distortion_model: equidistant
  distortion_coeffs: [0.1, 0.0, 0.0, 0.0]
  resolution: [640, 480]
"""


class TestCameraFile:
    def test_table(self, tmp_path, run):
        (tmp_path / "camchain.yaml").write_text(CAMCHAIN)
        result = run("probe", tmp_path / "camchain.yaml")
        assert result.code == 0
        assert "kind              camera file; use it with --camera" in result.out
        assert "focal length      500.0 x 501.0 px" in result.out

    def test_json_has_numbers(self, tmp_path, run):
        profile = find_camera("nvidia-shield-tablet", 1920, 1080)
        save_profile(profile, tmp_path / "shield.camera.json")
        facts = json.loads(run("probe", tmp_path / "shield.camera.json", "--json").out)
        assert facts["kind"] == "camera file"
        (camera,) = facts["cameras"]
        assert camera["camera"]["fx"] == profile.camera.fx
        assert camera["readout_s"] == profile.readout_s

    def test_malformed(self, tmp_path, run):
        (tmp_path / "camchain.yaml").write_text(CAMCHAIN.replace("500.0", "nan"))
        result = run("probe", tmp_path / "camchain.yaml")
        assert result.code == 3
        assert "intrinsics" in result.err

    def test_no_plot(self, tmp_path, run):
        (tmp_path / "camchain.yaml").write_text(CAMCHAIN)
        result = run("probe", tmp_path / "camchain.yaml", "--plot", tmp_path / "a.png")
        assert "--plot: expected a movie or recording" in result.err

    def test_a_text_log_is_none(self, tmp_path, run):
        (tmp_path / "imu.txt").write_text("".join(f"{10**15 + k * 5_000_000} 0.1 0.2 0.3\n" for k in range(50)))
        assert "gyroblur" in run("probe", tmp_path / "imu.txt").out


class TestFolders:
    def test_names_the_logs_of_a_folder(self, shot, run):
        result = run("probe", shot)
        assert "log.gcsv" in result.err and "deepgyro" not in result.err

    def test_names_the_log_beside_a_missing_movie(self, tmp_path, run):
        rows = "".join(f"{10**18 + k * 10_000_000},0,0.1,0.2,0.3\n" for k in range(50))
        (tmp_path / "Gyroscope.csv").write_text("time,seconds_elapsed,z,y,x\n" + rows)
        error = run("probe", tmp_path).err
        assert "expected one movie or pictures" in error and "it holds Gyroscope.csv, which can be probed" in error

    def test_without_either_it_lists_what_recordings_consist_of(self, tmp_path, run):
        assert "mars: gyro_accel.csv, movie_metadata.csv" in run("probe", tmp_path).err


def test_photo_without_log_names_the_file_once(shot, run):
    (shot / "photo.capture.json").unlink()
    facts = json.loads(run("probe", shot / "photo.png", "--json").out)
    assert facts["missing"].startswith("expected a gyro log for the photo")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["GX010012.MP4", "GL010012.LRV", "\N{CLAPPER BOARD} 1.mp4"])
def test_gopro_movie_under_any_name(name, shared_data, tmp_path, run):
    (tmp_path / name).symlink_to(shared_data / "video" / "gopro_gpmf" / "karma.mp4")
    facts = json.loads(run("probe", tmp_path / name, "--json").out)
    assert facts["layout"] == "gopro"
    assert facts["streams"][1:] == ["audio mp4a", "data tmcd", "data gpmd", "data fdsc"]
