"""GPMF: bytes worked out by hand, axes, clocks, damage, and GoPro's sample payloads."""

import struct

import numpy as np
import pytest

from gpmf_files import device, klv, nest, sensor, stream, text
from gyrosharp.errors import ImuError
from gyrosharp.imu import gpmf, parse_axes, read_imu
from gyrosharp.imu.gpmf import is_gpmf, parse_entries, parse_payload
from gyrosharp.imu.gpmf_log import letter_map, sample_times, stored_axes, track_of

RATES = np.array([[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]])


def only(payload, key="GYRO"):
    return parse_payload(payload, "test").stream(key)


def test_bytes_by_hand():
    """DEVC holds a STRM; GYRO is two structures of three big-endian 16-bit numbers, divided by SCAL = 100."""
    gyro = b"GYRO" + b"s" + bytes([6]) + b"\x00\x02" + struct.pack(">6h", 10, 20, -30, 400, -500, 600)
    scale = b"SCAL" + b"s" + bytes([2]) + b"\x00\x01" + b"\x00\x64" + b"\xff\xff"  # two bytes of padding
    group = b"STRM" + b"\0" + bytes([1]) + struct.pack(">H", len(scale + gyro)) + scale + gyro
    payload = b"DEVC" + b"\0" + bytes([1]) + struct.pack(">H", len(group)) + group
    assert is_gpmf(payload)
    found = only(payload)
    np.testing.assert_allclose(found.samples, [[0.1, 0.2, -0.3], [4.0, -5.0, 6.0]])
    assert found.device == "" and np.isnan(found.total) and np.isnan(found.stamp_s)
    entries, notes = parse_entries(payload, "test")
    assert notes == [] and [entry.offset for entry in entries[0].children[0].children] == [16, 28]


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("b", b"\xfe", -2.0),
        ("B", b"\xfe", 254.0),
        ("s", b"\xff\xfe", -2.0),
        ("S", b"\xff\xfe", 65534.0),
        ("l", b"\xff\xff\xff\xfe", -2.0),
        ("L", b"\xff\xff\xff\xfe", 2.0**32 - 2),
        ("j", b"\xff" * 7 + b"\xfe", -2.0),
        ("J", b"\0" * 7 + b"\x05", 5.0),
        ("f", struct.pack(">f", 0.25), 0.25),
        ("d", struct.pack(">d", 1e300), 1e300),
        ("q", b"\xff\xfe\x80\x00", -1.5),
        ("Q", b"\0\0\0\x03\x40\0\0\0", 3.25),
        ("F", b"GPRO", np.nan),
        ("c", b"x", np.nan),
        ("U", b"170417173103.000", np.nan),
    ],
)
def test_types(kind, data, value):
    found = only(device(nest("STRM", klv("DATA", kind, data, len(data)))), "DATA")
    np.testing.assert_array_equal(found.samples, [[value]])


def test_complex_type_with_arrays_units_and_scales():
    data = struct.pack(">ffL4s", 1.5, 3.0, 7, b"SNOW") * 2
    about = text("TYPE", "f[2]LF"), klv("SIUN", "c", b"m  m     ", 3), klv("SCAL", "s", np.array([[1], [2], [7], [1]]))
    found = only(device(nest("STRM", *about, klv("myDD", "?", data, 16))), "myDD")
    np.testing.assert_array_equal(found.samples, [[1.5, 1.5, 1.0, np.nan]] * 2)
    assert found.unit == "m  m"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ((klv("SCAL", "s", 0), klv("GYRO", "s", np.ones((2, 3), int))), "scale"),
        ((klv("SCAL", "s", np.array([1, 2])), klv("GYRO", "s", np.ones((2, 3), int))), "scale"),
        ((klv("GYRO", "?", bytes(12), 6),), "TYPE"),
        ((text("TYPE", "f[999]"), klv("GYRO", "?", bytes(12), 6)), "TYPE"),
        ((text("TYPE", "f!"), klv("GYRO", "?", bytes(12), 6)), "TYPE"),
        ((klv("GYRO", "x", bytes(12), 6),), "GPMF type"),
        ((klv("GYRO", "f", bytes(12), 6),), "structures of 4 bytes"),
        ((klv("GYRO", "s", np.ones((2, 3), int)), klv("GYRO", "s", np.ones((2, 2), int))), "left out"),
    ],
)
def test_damaged_streams_are_left_out_and_noted(entries, words):
    payload = parse_payload(device(nest("STRM", *entries), sensor("ACCL", RATES)), "clip")
    assert payload.stream("GYRO") is None and payload.stream("ACCL") is not None
    (note,) = payload.notes
    assert words in note and note.startswith("clip, byte ")


def test_only_the_streams_asked_for():
    payload = parse_payload(device(sensor("ACCL", RATES), sensor("GYRO", RATES)), "test", ("GYRO",))
    assert [found.key for found in payload.streams] == ["GYRO"]


def test_streams_without_data():
    empty = nest("STRM", text("STNM", "3A STATS"))
    delayed = nest("STRM", nest("FACE", klv("TICK", "L", 1), klv("FACE", "B", 1)))
    payload = parse_payload(device(empty, delayed, nest("STRM"), sensor("GYRO", RATES)), "test")
    assert [found.key for found in payload.streams] == ["GYRO"] and payload.notes == ()


def test_no_payload():
    for data in (b"", b"DEVC", b"DEVC\0\1\0\0", b"x" * 100, b"DEVCs\6\0\2" + bytes(12)):
        with pytest.raises(ImuError, match=r"clip, byte 0: expected a GPMF payload"):
            parse_payload(data, "clip")


def test_limits(monkeypatch):
    deep = klv("DATA", "B", 1)
    for _ in range(12):
        deep = nest("STRM", deep)
    assert "deep" in parse_payload(device(deep), "test").notes[0]
    monkeypatch.setattr(gpmf, "MAX_ENTRIES", 5)
    assert "at most 5 entries" in parse_payload(device(sensor("GYRO", RATES)), "test").notes[0]
    monkeypatch.setattr(gpmf, "MAX_PAYLOAD_BYTES", 50)
    with pytest.raises(ImuError, match="at most 50 bytes"):
        parse_payload(device(sensor("GYRO", RATES)), "test")


def test_padding_ends_a_payload():
    payload = parse_payload(device(sensor("GYRO", RATES)) + bytes(40), "test")
    assert payload.notes == () and len(payload.streams) == 1


def whole_payload():
    faces = nest("STRM", text("TYPE", "Lff"), klv("FACE", "?", bytes(24), 12), klv("FACE", "?", bytes(12), 12))
    return device(
        sensor("ACCL", RATES, 418, 5, 2, "YxZ"),
        sensor("GYRO", RATES, 3755, 5, 2, "YxZ"),
        stream("SHUT", [0.01, 0.02], klv("STMP", "J", 5), kind="f"),
        faces,
        klv("EISE", "c", b"Y"),
    )


def test_cut_anywhere_gives_a_note_or_an_error():
    data = whole_payload()
    for size in range(len(data)):
        try:
            notes = parse_payload(data[:size], "clip").notes
        except ImuError as error:
            assert "clip, byte 0" in str(error) and size < 8
        else:
            assert any("byte" in note and "cut" in note for note in notes)


def test_flipped_bits_never_crash(tmp_path):
    data, rng, path = whole_payload() * 3, np.random.default_rng(0), tmp_path / "clip.raw"
    for _ in range(500):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), size=4):
            damaged[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(bytes(damaged))
        try:
            read_imu(path, format="gpmf")
        except ImuError as error:
            assert "clip.raw" in str(error) and "\n" not in str(error)


class TestAxes:
    def test_letters_of_the_hero7(self):
        """GoPro's own example (gpmf-parser issue 56): YxZ to ZXY is out = (in[2], -in[1], in[0])."""
        np.testing.assert_array_equal(letter_map("YxZ", "ZXY") @ [1, 2, 3], [3, -2, 1])

    def test_letters_of_the_max_agree_with_its_matrix(self):
        """A MAX writes both: XzY and MTRX = (0 -1 0, 1 0 0, 0 0 1)."""
        np.testing.assert_array_equal(letter_map("XzY", "ZXY"), [[0, -1, 0], [1, 0, 0], [0, 0, 1]])

    def test_matrix_without_letters(self):
        matrix = [0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0]
        about = klv("MTRX", "f", np.array([matrix])), text("ORIO", "ZXY")
        turn, notes = stored_axes(only(device(stream("GYRO", np.ones((2, 3), int), *about))))
        np.testing.assert_array_equal(turn, letter_map("YxZ", "ZXY"))
        assert notes == ()

    @pytest.mark.parametrize("matrix", [[0.0] * 9, [1.0] * 9, [np.nan] * 9, [1.0, 0.0]])
    def test_a_matrix_that_is_no_rotation_is_not_used(self, matrix):
        about = klv("MTRX", "f", np.array([matrix]))
        found = only(device(stream("GYRO", np.ones((2, 3), int), about)))
        np.testing.assert_array_equal(stored_axes(found)[0], np.eye(3))

    @pytest.mark.parametrize(
        ("name", "stream_name", "expected"),
        [
            ("Camera", "", [1, 2, 3]),
            ("Hero6 Black", "Gyroscope (z,x,y)", [1, 2, 3]),
            ("Hero6 Black", "Gyroscope", [3, -2, 1]),
            ("Fusion", "Gyroscope (z,x,y)", [3, 2, -1]),
        ],
    )
    def test_models_that_tell_no_axes(self, name, stream_name, expected):
        found = only(device(stream("GYRO", np.ones((2, 3), int), text("STNM", stream_name or "-")), name=name))
        turn, notes = stored_axes(found)
        np.testing.assert_array_equal(turn @ [1, 2, 3], expected)
        assert bool(notes) == (expected != [1, 2, 3])

    @pytest.mark.parametrize(
        ("stored", "camera"),
        [
            # Z is up, X left, Y back: turning about up is turning left, about -y of the camera; and so on.
            ([1.0, 0.0, 0.0], [0.0, -1.0, 0.0]),
            ([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]),
            ([0.0, 0.0, 1.0], [0.0, 0.0, -1.0]),
        ],
    )
    @pytest.mark.parametrize("letters", ["ZXY", "YxZ", "XzY", "zxY", "yXZ"])
    def test_signs_of_yaw_pitch_and_roll(self, stored, camera, letters, tmp_path):
        """The same turn stored in five orders arrives as the same camera rates."""
        columns = np.linalg.inv(letter_map(letters, "ZXY")) @ stored
        path = tmp_path / "turn.raw"
        path.write_bytes(device(sensor("GYRO", np.tile(columns, (8, 1)), letters=letters)))
        imu = read_imu(path)
        np.testing.assert_allclose(imu.gyro_rad_s @ imu.R_cam_imu.T, np.tile(camera, (8, 1)), atol=1e-12)


def steady(clock, count=30, per=20, rate=200.0, **extra):
    """Payloads of a steady sensor: (time in the movie, payload), the first sample at 7 ms of the camera's clock."""
    payloads = []
    for k in range(count):
        stamp = 0.007 + k * per / rate
        stamps = {"STMP": {"stamp_us": round(stamp * 1e6)}, "TICK": {"tick_ms": round(stamp * 1e3)}}.get(clock, {})
        data = device(sensor("GYRO", np.zeros((per, 3)), total=(k + 1) * per, **stamps, **extra))
        payloads.append((k * per / rate, parse_payload(data, "test")))
    return payloads


class TestTimes:
    @pytest.mark.parametrize(("clock", "first_s"), [("STMP", 0.007), ("TICK", 0.007), ("payload", 0.0)])
    def test_line_through_the_payloads(self, clock, first_s):
        track = track_of(steady(clock), "GYRO")
        times = track.in_camera_clock()
        assert track.clock == clock and times.notes == ()
        np.testing.assert_allclose(times.time_s, first_s + np.arange(600) / 200, atol=6e-4)
        assert times.rate_hz == pytest.approx(200.0, rel=1e-3)

    def test_payloads_that_come_unevenly_are_fitted(self):
        """Payloads of 17 to 23 samples at even times: the samples are even, the payloads are not."""
        rng = np.random.default_rng(3)
        payloads = []
        for k in range(40):
            data = device(sensor("GYRO", np.zeros((20 + rng.integers(-3, 4), 3))))
            payloads.append((0.1 * k, parse_payload(data, "test")))
        times = track_of(payloads, "GYRO").in_movie()
        assert np.ptp(np.diff(times.time_s)) < 1e-12
        assert times.rate_hz == pytest.approx(200.0, rel=0.02) and times.notes == ()

    def test_a_late_first_payload_does_not_count(self):
        late = [(0.06 if k == 0 else time, payload) for k, (time, payload) in enumerate(steady("payload"))]
        np.testing.assert_allclose(track_of(late, "GYRO").in_movie().time_s, np.arange(600) / 200, atol=1e-9)

    def test_lost_samples_are_counted(self):
        """TSMP goes on over a payload that is missing: what follows keeps its time."""
        payloads = steady("STMP")
        track = track_of(payloads[:10] + payloads[11:], "GYRO")
        assert track.first[10] == 220 and track.index[200] == 220
        np.testing.assert_allclose(track.in_camera_clock().time_s[200], 0.007 + 220 / 200, atol=1e-6)

    def test_an_unsteady_clock_is_noted_and_followed(self):
        broken = steady("STMP", 10)
        for k in range(10, 20):
            late = device(sensor("GYRO", np.zeros((20, 3)), stamp_us=100_000 * k + 507_000, total=20 * (k + 1)))
            broken.append((0.1 * k + 0.5, parse_payload(late, "test")))
        times = track_of(broken, "GYRO").in_camera_clock()
        assert "not come steadily" in times.notes[0] and (np.diff(times.time_s) > 0).all()
        np.testing.assert_allclose(times.time_s[[0, 200, 399]], [0.007, 1.507, 2.502], atol=0.03)

    def test_a_clock_that_drifts_is_followed_without_a_word(self):
        """The sensor warms up and its rate falls by 0.1 % in 100 s: milliseconds off a line, but no leaps."""
        stamps = np.cumsum(1.0 + 1e-5 * np.arange(100))
        payloads = [
            (k, parse_payload(device(sensor("GYRO", np.zeros((200, 3)), stamp_us=round(stamp * 1e6))), ""))
            for k, stamp in enumerate(stamps)
        ]
        times = track_of(payloads, "GYRO").in_camera_clock()
        assert times.notes == ()
        np.testing.assert_allclose(times.time_s[::200], stamps, atol=1e-5)

    def test_one_payload_is_a_second(self):
        track = track_of(steady("STMP", 1), "GYRO")
        times = track.in_camera_clock()
        np.testing.assert_allclose(times.time_s, 0.007 + np.arange(20) / 20)
        assert np.isnan(times.rate_hz) and "evenly spread over 1 s" in times.notes[0]

    def test_damaged_stamps_are_not_used(self):
        huge = device(sensor("GYRO", RATES, stamp_us=2**63))
        backwards = [(k, parse_payload(device(sensor("GYRO", RATES, stamp_us=9 - k)), "")) for k in range(3)]
        assert track_of([(0.0, parse_payload(huge, ""))], "GYRO").clock == "payload"
        assert track_of(backwards, "GYRO").clock == "payload"

    def test_counters_that_leap_are_not_believed(self):
        data = [device(sensor("GYRO", RATES, total=total)) for total in (2, 10**9, 6)]
        track = track_of([(k, parse_payload(one, "")) for k, one in enumerate(data)], "GYRO")
        assert track.first.tolist() == [0, 2, 4]

    def test_delayed_payloads(self):
        """TIMO = 0.25 s: the samples are of a quarter of a second before their payload."""
        data = device(stream("GYRO", np.zeros((20, 3), int), klv("TIMO", "f", 0.25)))
        track = track_of([(k, parse_payload(data, "")) for k in range(4)], "GYRO")
        np.testing.assert_allclose(track.payload_s, np.arange(4) - 0.25)

    def test_no_samples(self):
        assert track_of(steady("STMP"), "ACCL") is None and track_of([], "GYRO") is None

    def test_stamps_that_stand_still_in_the_payload_clock(self):
        track = track_of([(0.0, payload) for _, payload in steady("none", 3)], "GYRO")
        times = sample_times(track, track.payload_s, "payload")
        assert times.time_s[-1] == pytest.approx(2.95) and "1 s each" in times.notes[-1]


class TestReader:
    def write(self, path, *payloads):
        path.write_bytes(b"".join(payloads))
        return path

    def test_payloads_without_stamps(self, tmp_path):
        path = self.write(tmp_path / "a.raw", *[device(sensor("GYRO", RATES))] * 4)
        imu = read_imu(path)
        assert len(imu) == 8 and imu.duration_s == pytest.approx(3.5)
        assert any("1 s each" in note for note in imu.notes)
        np.testing.assert_allclose(imu.R_cam_imu, parse_axes("gopro"))

    def test_devices_of_one_payload_stay_together(self, tmp_path):
        """A Karma drone's payload follows the camera's: two devices, one second."""
        camera = device(sensor("GYRO", RATES))
        drone = nest("DEVC", klv("DVID", "L", 77), text("DVNM", "Karma"), sensor("ATTD", RATES))
        imu = read_imu(self.write(tmp_path / "a.raw", camera, drone, camera, drone))
        assert len(imu) == 4 and imu.duration_s == pytest.approx(1.5)

    def test_acceleration_at_the_gyro_times(self, tmp_path):
        accel = sensor("ACCL", np.linspace([9.0, 0.0, 0.0], [10.0, 0.0, 0.0], 5), stamp_us=0)
        imu = read_imu(self.write(tmp_path / "a.raw", device(accel, sensor("GYRO", np.zeros((10, 3)), stamp_us=0))))
        np.testing.assert_allclose(imu.accel_m_s2[:9, 0], 9.0 + np.arange(9) / 8, atol=1e-3)

    def test_without_gyro(self, tmp_path):
        path = self.write(tmp_path / "a.raw", device(sensor("ACCL", RATES)))
        with pytest.raises(ImuError, match=r"a\.raw: expected GYRO samples"):
            read_imu(path)
        path = self.write(tmp_path / "b.raw", device(stream("GYRO", np.ones((4, 2), int))))
        with pytest.raises(ImuError, match=r"b\.raw: expected GYRO samples of three axes"):
            read_imu(path)

    def test_a_cut_payload_is_noted(self, tmp_path):
        payload = device(sensor("GYRO", RATES, stamp_us=0), sensor("ACCL", RATES, stamp_us=0))
        imu = read_imu(self.write(tmp_path / "a.raw", payload[:-10]))
        assert len(imu) == 2 and imu.accel_m_s2 is None
        assert any("byte" in note and "cut" in note for note in imu.notes)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "count", "mean_up"),
    [
        ("hero5", 399, 9.98),
        ("hero6", 204, 9.77),
        ("hero6+ble", 198, 10.28),
        ("karma", 392, 9.83),
        ("Fusion", 3300, 9.11),
    ],
)
def test_real_payloads(shared_data, name, count, mean_up):
    """All were filmed upright: after the conversion gravity lies along the first axis, up."""
    imu = read_imu(shared_data / "gyro" / "gpmf_raw" / f"{name}.raw")
    assert len(imu) == count
    assert imu.accel_m_s2[:, 0].mean() == pytest.approx(mean_up, abs=0.01)
    assert np.abs(imu.accel_m_s2[:, 1:].mean(axis=0)).max() < 3.0
    down = imu.accel_m_s2.mean(axis=0) @ imu.R_cam_imu.T
    assert down[1] < -9.0  # at rest the accelerometer shows the force upwards: -y of the camera
