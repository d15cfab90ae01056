"""From files to views: folders, patterns, movies, and what is wrong with them."""

from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from board_scenes import BOARD, render, write

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.collect import collect_views, picture_sources
from gyrosharp.calibrate.pairing import paired
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel

CAMERA = CameraModel(320, 240, 280.0, 280.0, 159.0, 121.0, "opencv", (-0.1, 0.0, 0.0, 0.0))
POSES = [np.array([0.3 * np.cos(k), 0.3 * np.sin(k), 0.1, -3.6 + 0.3 * k, -2.5, 10.0]) for k in range(4)]


@pytest.fixture(scope="module")
def pictures():
    return [render(CAMERA, pose, fine=2) for pose in POSES]


@pytest.fixture
def folder(tmp_path, pictures):
    for k, picture in enumerate(pictures):
        write(tmp_path / f"IMG_{8 + k}.png", picture)
    return tmp_path


def test_a_folder_is_read_in_the_order_of_numbers(folder):
    (folder / "notes.txt").write_text("no picture")
    names = [source.name for source in picture_sources([folder])]
    assert names == ["IMG_8.png", "IMG_9.png", "IMG_10.png", "IMG_11.png"]


def test_patterns_and_single_files(folder):
    assert len(picture_sources([folder / "IMG_1*.png"])) == 2
    assert len(picture_sources([folder / "IMG_8.png", folder / "IMG_9.png"])) == 2


def test_views_come_with_names_and_the_board_is_recognised(folder):
    found = collect_views(picture_sources([folder]), None)
    assert found.board == BOARD and len(found.views) == found.searched == 4
    assert found.views[0].name == "IMG_8.png" and found.sources[3].name == "IMG_11.png"
    assert "of 8x6 inner corners recognised (8x6 in" in found.notes[0] and not found.skipped


def test_a_bad_file_among_good_ones_is_named_and_skipped(folder):
    data = (folder / "IMG_8.png").read_bytes()
    (folder / "IMG_20.png").write_bytes(data[: len(data) // 2])
    (folder / "IMG_21.png").write_bytes(b"")
    (folder / "IMG_22.bmp").write_bytes(b"BM" + bytes(80))
    write(folder / "IMG_23.png", np.full((240, 320), 90, np.uint8))
    found = collect_views(picture_sources([folder]), BOARD)
    assert len(found.views) == 4
    reasons = dict(found.skipped)
    assert set(reasons) == {"IMG_20.png", "IMG_21.png", "IMG_22.bmp", "IMG_23.png"}
    assert "damaged" in reasons["IMG_20.png"] and "empty" in reasons["IMG_21.png"]
    assert reasons["IMG_23.png"] == "no board found"


@pytest.mark.parametrize("length", [0, 7, 33, 200, 1000])
def test_cut_pictures_never_crash(folder, length):
    data = (folder / "IMG_8.png").read_bytes()
    (folder / "IMG_8.png").write_bytes(data[:length])
    assert len(collect_views(picture_sources([folder]), BOARD).views) == 3


def test_pictures_of_another_size_are_left_out(folder, pictures):
    write(folder / "IMG_30.png", cv2.resize(pictures[0], (480, 360)))
    found = collect_views(picture_sources([folder]), BOARD)
    assert len(found.views) == 4
    assert found.skipped == (("IMG_30.png", "480 x 360 px where most pictures have 320 x 240 px"),)


def test_sixteen_bit_and_colour_pictures(tmp_path, pictures):
    write(tmp_path / "deep.png", pictures[0].astype(np.uint16) * 257)
    write(tmp_path / "colour.png", cv2.merge([pictures[0]] * 3))
    deep, colour = collect_views(picture_sources([tmp_path]), BOARD).views
    np.testing.assert_allclose(deep.pixels, colour.pixels, atol=0.02)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.jpg", "no such file"),
        (lambda folder: folder / "*.jpg", "match this pattern, got none"),
        (lambda folder: folder / "empty", "folder with photos, got none"),
        (lambda folder: folder / "broken.mp4", "damaged or unknown file"),
    ],
)
def test_inputs_that_hold_nothing(folder, make, words):
    (folder / "empty").mkdir()
    (folder / "broken.mp4").write_bytes(b"no movie" * 100)
    with pytest.raises(ImageError, match=words):
        picture_sources([make(folder)])


def test_no_board_says_what_is_there_instead(folder):
    sources = picture_sources([folder])
    with pytest.raises(ImageError, match="show one of 8 x 6: give --board 8x6"):
        collect_views(sources, Board(9, 7))
    with pytest.raises(ImageError, match="not one of its markers"):
        collect_views(sources, Board(7, 5, dictionary="4X4_50"))


def test_nothing_to_see(tmp_path):
    write(tmp_path / "wall.png", np.full((240, 320), 90, np.uint8))
    sources = picture_sources([tmp_path])
    with pytest.raises(ImageError, match="expected a checkerboard in the pictures"):
        collect_views(sources, None)
    with pytest.raises(ImageError, match="count inner corners"):
        collect_views(sources, BOARD)
    (tmp_path / "wall.png").write_bytes(b"x" * 30)
    with pytest.raises(ImageError, match="something else"):
        collect_views(sources, BOARD)
    with pytest.raises(ImageError, match="something else"):
        collect_views(sources, None)


def test_charuco_advice(tmp_path):
    board = Board(6, 4, dictionary="DICT_4X4_50")
    camera = CameraModel(480, 360, 420.0, 420.0, 240.0, 180.0)
    picture = render(camera, np.array([0.1, 0.1, 0.0, -2.5, -1.5, 7.5]), board, fine=2)
    write(tmp_path / "mirrored.png", picture[:, ::-1])
    sources = picture_sources([tmp_path])
    with pytest.raises(ImageError, match="mirrored"):
        collect_views(sources, board)
    write(tmp_path / "mirrored.png", picture[:, :150])
    with pytest.raises(ImageError, match="of its markers were seen"):
        collect_views(sources, board)


def write_movie(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.bit_rate = 320, 240, 4_000_000
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(cv2.merge([picture] * 3), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_a_movie_gives_its_distinct_and_sharpest_views(tmp_path, pictures):
    blurred = cv2.GaussianBlur(pictures[0], (0, 0), 1.5)
    frames = [blurred, pictures[0], blurred, *[pictures[1]] * 3, np.full((240, 320), 90, np.uint8), *pictures[2:]]
    write_movie(tmp_path / "walk.mp4", frames)
    found = collect_views(picture_sources([tmp_path / "walk.mp4"]), BOARD)
    assert found.searched == 9
    names = [view.name for view in found.views]
    assert len(names) == 4 and names[0] == "walk.mp4 frame 1", names
    assert ("walk.mp4 frame 6", "no board found") in found.skipped


def named(*names):
    return [SimpleNamespace(name=name) for name in names]


def names_of(pairs):
    return [(left.name, right.name) for left, right in pairs]


def test_pictures_are_paired_by_name_then_number_then_place():
    assert names_of(paired(named("a.png", "b.png"), named("b.png", "c.png", "a.png"))) == [
        ("a.png", "a.png"),
        ("b.png", "b.png"),
    ]
    assert names_of(paired(named("left1.jpg", "left2.jpg", "left03.jpg"), named("right3.jpg", "right01.jpg"))) == [
        ("left1.jpg", "right01.jpg"),
        ("left03.jpg", "right3.jpg"),
    ]
    assert names_of(paired(named("p.png", "q.png"), named("x.png", "y.png"))) == [
        ("p.png", "x.png"),
        ("q.png", "y.png"),
    ]
    with pytest.raises(ImageError, match="equal names or numbers"):
        paired(named("p.png"), named("x.png", "y.png"))
