"""7-Scenes (Microsoft Research): Kinect frames with camera poses; depth in millimetres, 65535 and 0 unknown.

The published camera (585 px, centre 320, 240) is the depth camera's. Colour comes from a second camera, and the set
does not register the two: edges are up to some 20 px apart. `read` projects depth into the colour camera, with the
nominal numbers of the first Kinect (525 px, cameras 25.6 mm apart, parallel axes): at depth's edges the photo's
gradient is then 2.15 times its mean, against 1.17 times before (every third of the 32 frames at hand). The subsets
are lists of sequences.
"""

import re
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._depth import DepthSource, OtherView
from gyrosharp.datasets.formats._folders import folders_in, partner, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import text_lines
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry.camera import CameraModel

NAME = "seven_scenes"
DESCRIPTION = "7-Scenes: millimetres, 65535 unknown; depth is registered to colour while reading"
LICENCE = "non-commercial research"
LAYOUT = """
[seq-NN/]frame-NNNNNN.color.{png,jpg}
[seq-NN/]frame-NNNNNN.depth.png             16-bit millimetres, 65535 unknown
[seq-NN/]frame-NNNNNN.pose.txt              4 x 4 camera-to-world (not read)
TrainSplit.txt, TestSplit.txt               optional: sequence1 ... per line
"""
DEPTH_CAMERA = CameraModel(640, 480, 585.0, 585.0, 320.0, 240.0)
COLOUR_CAMERA = CameraModel(640, 480, 525.0, 525.0, 320.0, 240.0)
# The depth camera sits 25.6 mm to the left of the colour camera, so what it sees lies further right in its picture.
COLOUR_VIEW = OtherView(DEPTH_CAMERA, COLOUR_CAMERA, (-0.0256, 0.0, 0.0))
UNKNOWN_CODE = 65535
SPLITS = {"train": "TrainSplit.txt", "test": "TestSplit.txt"}
NOTES = {
    True: "depth is registered to colour with the nominal numbers of the first Kinect: edges are good to 1 or 2 px",
    False: "colour and depth come from two cameras that are not registered: edges are off by up to 20 px",
}


def sniff(folder: Path) -> bool:
    """Return whether frames called frame-*.color.* are here or one level down."""
    return any(pictures_in(path, "frame-*.color.*") for path in (folder, *folders_in(folder)))


def read(folder: Path, split: str | None = None, *, register: bool = True) -> list[DatasetItem]:
    """Return the frames of a scene.

    Parameters
    ----------
    folder : Path
        A scene with its sequences, or one sequence.
    split : str or None
        "train" or "test", where the list of sequences is there.
    register : bool
        Project depth into the colour camera; without it the map is the file's, and the camera the depth camera's.

    Raises
    ------
    UsageError
        If `split` is unknown or has no list.
    CaptureError
        If a line of the list names no sequence.
    ImageError
        If a colour frame has no depth frame.
    """
    subset_of = {sequence: name for name, file in SPLITS.items() for sequence in _listed(folder / file)}
    if split is not None and split not in subset_of.values():
        raise UsageError(f"{folder}: expected a subset with a list {' or '.join(SPLITS.values())}, got {split!r}")
    items = [
        _item(folder, path, subset_of.get(sequence.name), register)
        for sequence in (folder, *folders_in(folder))
        if split is None or subset_of.get(sequence.name) == split
        for path in pictures_in(sequence, "frame-*.color.*")
    ]
    return require_found(folder, items, "frames called frame-NNNNNN.color")


def _item(folder: Path, path: Path, split: str | None, register: bool) -> DatasetItem:
    stem = path.stem.removesuffix(".color")
    depth = partner(path, path.parent, "depth map", (".png",), stem=f"{stem}.depth")
    return DatasetItem(
        name=(path.parent.relative_to(folder) / stem).as_posix(),
        split=split,
        sharp=ImageSource(path),
        camera=COLOUR_CAMERA if register else DEPTH_CAMERA,
        depth=DepthSource(depth, unknown_code=UNKNOWN_CODE, view=COLOUR_VIEW if register else None),
        notes=(NOTES[register],),
    )


def _listed(path: Path) -> list[str]:
    """Folders of the sequences that a list names: "sequence3" is seq-03."""
    sequences = []
    for number, line in text_lines(path) if path.is_file() else []:
        match = re.fullmatch(r"sequence\s*(\d+)", line)
        if match is None:
            raise CaptureError(f"{path}, line {number}: expected sequence<n>, got {line[:60]!r}")
        sequences.append(f"seq-{int(match[1]):02d}")
    return sequences
