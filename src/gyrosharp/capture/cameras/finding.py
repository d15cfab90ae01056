"""Finding a camera: by file, by the name of a preset, or by the name of a file in the user's own folder."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from gyrosharp.capture.cameras.fitting import fitted
from gyrosharp.capture.cameras.formats import formats, read_cameras
from gyrosharp.capture.cameras.formats._text import shown
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.errors import CaptureError

PRESETS = "presets"
FOLDER_VARIABLE = "GYROSHARP_CAMERAS"
# How many names an error or a note lists before it says how many more there are.
LISTED = 6


def find_camera(name_or_path: str, width: int, height: int) -> CameraProfile:
    """Return a camera for pictures of a size.

    Parameters
    ----------
    name_or_path : str
        A camera file in one of `formats`, or a name: that of a file in the user's folder (`user_folder`) or of a
        preset, upper and lower case alike. ``#CAMERA`` after either picks one of several cameras in a file.
    width, height : int
        Of the picture as stored, px.

    Returns
    -------
    CameraProfile
        Its camera has that width and height; see `fitted` for how. Notes say what was assumed.

    Raises
    ------
    CaptureError
        If there is no such file or name (close ones are suggested), no such camera in the file, the file is
        malformed, or its camera has a shape that has nothing to do with the picture's.
    """
    path, choice = _located(name_or_path)
    cameras = read_cameras(path, width, height, choice)
    profile = _picked(path, cameras, choice, (width, height))
    own_width, own_height = profile.size_px
    of = f", for {own_width} x {own_height} px" if profile.size_px != (width, height) else ""
    said = f"camera {profile.name} from {path.name}{of}"
    return fitted(replace(profile, notes=(said, *profile.notes)), width, height)


def preset_names() -> tuple[str, ...]:
    """Return the names of the cameras that come with gyrosharp, sorted."""
    return tuple(sorted(_presets()))


def user_folder() -> Path:
    """Return the folder of the user's own camera files; it need not exist.

    It is what GYROSHARP_CAMERAS says, else ``gyrosharp/cameras`` where the system keeps settings: ``%APPDATA%``,
    ``~/Library/Application Support``, or ``$XDG_CONFIG_HOME`` (``~/.config``).
    """
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    home = Path.home()
    if sys.platform == "win32":
        settings = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        settings = home / "Library" / "Application Support"
    else:
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return settings / "gyrosharp" / "cameras"


def _presets() -> dict[str, Path]:
    folder = Path(str(resources.files("gyrosharp.capture.cameras") / PRESETS))
    return {path.name.removesuffix(".json"): path for path in folder.glob("*.json")}


def _own_files() -> dict[str, Path]:
    """The user's files by name with and without extension; a full name wins over a shortened one."""
    folder = user_folder()
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return {}
    extensions = sorted({end for form in formats().values() for end in form.EXTENSIONS}, key=len, reverse=True)
    found: dict[str, Path] = {}
    for path in files:
        end = next((end for end in (".camera.json", *extensions) if path.name.lower().endswith(end)), "")
        found.setdefault(path.name[: len(path.name) - len(end)], path)
    return found | {path.name: path for path in files}


def _located(name_or_path: str) -> tuple[Path, str | None]:
    """The file, and which of its cameras is wanted."""
    whole, hash_sign, choice = name_or_path.rpartition("#")
    candidates = [(name_or_path, None), (whole, choice)] if hash_sign and whole and choice else [(name_or_path, None)]
    for name, picked in candidates:
        if _is_file(name):
            return Path(name), picked
    known = _presets() | _own_files()
    by_lower = {name.lower(): path for name, path in known.items()}
    for name, picked in candidates:
        if name.lower() in by_lower:
            return by_lower[name.lower()], picked
    if name_or_path and len(name_or_path) < 255 and Path(name_or_path).is_dir():
        return Path(name_or_path), None  # refused when it is read
    raise _unknown(candidates[-1][0], known)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name too long for the system
        return False


def _unknown(name: str, known: Mapping[str, Path]) -> CaptureError:
    if not name.strip():
        return CaptureError(f"camera: expected a file or a name, got nothing; presets: {', '.join(preset_names())}")
    lower = {key.lower(): key for key in known}
    close = get_close_matches(name.lower(), lower, n=3) or [key for key in lower if name.lower() in key][:3]
    hint = (
        f"did you mean {' or '.join(lower[key] for key in close)}?"
        if close
        else f"presets: {', '.join(preset_names())}"
    )
    return CaptureError(
        f"camera {shown(name)}: expected a file, a preset or a file in {user_folder()}, got none of them; {hint}"
    )


def _picked(
    path: Path, cameras: Mapping[str, CameraProfile], choice: str | None, size: tuple[int, int]
) -> CameraProfile:
    if choice is not None:
        by_lower = {name.lower(): profile for name, profile in cameras.items()}
        if choice.lower() not in by_lower:
            raise CaptureError(f"{path}: expected one of the cameras {_listed(cameras)}, got {choice!r} after #")
        return by_lower[choice.lower()]
    # Cameras made for this size come first, then those of its shape, then the others; among equals the file's order.
    best = min(cameras.items(), key=lambda item: _misfit(item[1], size))
    if len(cameras) == 1:
        return best[1]
    others = [name for name in cameras if name != best[0]]
    return best[1].noted(f"{path.name} has other cameras: {_listed(others)}; choose one with {path.name}#{others[0]}")


def _misfit(profile: CameraProfile, size: tuple[int, int]) -> int:
    if profile.size_px == size:
        return 0
    (own_width, own_height), (width, height) = profile.size_px, size
    return 1 if abs(own_width * height / (own_height * width) - 1) < 0.01 else 2


def _listed(names: Mapping[str, CameraProfile] | list[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return ", ".join(listed[:LISTED]) + more
