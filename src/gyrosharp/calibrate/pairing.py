"""Which picture of one camera belongs to which of the other."""

import re
from collections.abc import Sequence

from gyrosharp.calibrate.collect import Source
from gyrosharp.errors import ImageError

_DIGITS = re.compile(r"\d+")


def paired(left: Sequence[Source], right: Sequence[Source]) -> list[tuple[Source, Source]]:
    """Return the pictures of two cameras in pairs.

    Pictures belong together if their names are equal (``left/7.jpg``, ``right/7.jpg``), else if the numbers in their
    names are (``left07.jpg``, ``right07.jpg``), else, where both cameras have as many, if they come at the same place.

    Raises
    ------
    ImageError
        If none of these works.
    """
    for key in (_name, _numbers):
        of_left, of_right = ({key(source): source for source in side} for side in (left, right))
        common = [name for name in of_left if name in of_right and name]
        whole = len(of_left) == len(left) and len(of_right) == len(right)
        if whole and common:
            return [(of_left[name], of_right[name]) for name in common]
    if len(left) == len(right):
        return list(zip(left, right, strict=True))
    raise ImageError(
        f"--stereo: expected left and right pictures with equal names or numbers, got {len(left)} and {len(right)} "
        "that do not match; name the pictures of a pair alike"
    )


def _name(source: Source) -> str:
    return source.name


def _numbers(source: Source) -> str:
    return "-".join(str(int(digits)) for digits in _DIGITS.findall(source.name))
