import numpy as np
import pytest

from filmed import AXES, FX, OFFSET_S, READOUT_S, film
from gyrosharp.capture.layouts import read_recording
from gyrosharp.capture.overrides import Overrides
from gyrosharp.errors import ImageError
from gyrosharp.sync.recording import SynchroniseOptions, synchronise
from gyrosharp.sync.result import AXES as AXES_NAME
from gyrosharp.sync.result import FOCAL, READOUT, TIME_OFFSET


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    pictures, log = film(tmp_path_factory.mktemp("film"))
    return read_recording(pictures, Overrides(gyro=log))


def test_offset_focal_length_readout_and_axes_of_a_film(recording, record_property):
    seen = []
    result = synchronise(recording, progress=lambda done, total: seen.append((done, total)))
    # The log does not say when in the exposure a stamp is; here it is the start of a short one.
    record_property("offset_error_ms", float(1e3 * (result.time_offset_s - OFFSET_S)))
    record_property("focal_error", float(result.fx / FX - 1))
    record_property("readout_error_ms", float(1e3 * (result.readout_s - READOUT_S)))
    assert set(result.determined) >= {TIME_OFFSET, AXES_NAME, FOCAL, READOUT}
    assert result.time_offset_s == pytest.approx(OFFSET_S, abs=1e-3)
    assert result.fx == pytest.approx(FX, rel=0.01)
    assert result.readout_s == pytest.approx(READOUT_S, abs=2e-3)
    assert result.R_cam_imu == pytest.approx(AXES)
    assert seen[-1] == (60, 60)


def test_few_frames_of_many_are_enough(recording):
    result = synchronise(recording, SynchroniseOptions(most_frames=24))
    assert result.pairs < 24
    assert result.time_offset_s == pytest.approx(OFFSET_S, abs=2e-3)


def test_pictures_without_texture_are_refused(tmp_path):
    import cv2

    pictures, log = film(tmp_path, frames=4)
    for path in pictures.iterdir():
        cv2.imwrite(str(path), np.full((360, 640), 127, np.uint8))
    result = synchronise(read_recording(pictures, Overrides(gyro=log)))
    assert not result.succeeded
    assert "texture" in result.reasons[0]


def test_damaged_pictures_are_named(tmp_path):
    pictures, log = film(tmp_path, frames=3)
    recording = read_recording(pictures, Overrides(gyro=log))
    for size in (0, 20, 200):
        last = sorted(pictures.iterdir())[-1]
        last.write_bytes(last.read_bytes()[:size])
        with pytest.raises(ImageError, match=last.name):
            synchronise(recording)
