"""YAML as OpenCV, ROS and Kalibr write it: ``%YAML:1.0`` headers, ``!!opencv-matrix`` tags, numbers like 1e-5."""

from functools import cache
from typing import TYPE_CHECKING, Any

from gyrosharp.capture.cameras.formats._text import CameraFile, Section

if TYPE_CHECKING:
    import yaml


def yaml_section(file: CameraFile) -> Section:
    """Return the mapping that a YAML file is.

    Raises
    ------
    CaptureError
        If it is no YAML, with file and line.
    """
    import yaml

    try:
        return file.section(yaml.load(_body(file.text), Loader=_loader()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = " ".join(str(getattr(error, "problem", None) or "something else").split())
        line = None if mark is None else mark.line + 1
        raise file.failure(f"expected YAML, got {problem[:80]}; is the file cut?", line) from None
    except (RecursionError, ValueError, TypeError):
        # Nested too deep; a date or a number that cannot be; a list as a key.
        raise file.failure("expected YAML with names and numbers, got something else") from None


def _body(text: str) -> str:
    """The text with directives blanked: OpenCV's ``%YAML:1.0`` is none, and line numbers must stay."""
    lines = text.split("\n")
    return "\n".join("" if line.startswith("%") else line for line in lines)


@cache
def _loader() -> "type[yaml.SafeLoader]":
    import yaml

    class Loader(yaml.SafeLoader):
        def flatten_mapping(self, node: Any) -> None:  # noqa: ANN401
            """Leave merge keys alone: nested ones grow a file without bound, and no camera file has them."""

    def mapping(loader: yaml.SafeLoader, node: Any) -> dict[Any, Any]:  # noqa: ANN401
        return loader.construct_mapping(node, deep=True)

    for kind in ("matrix", "nd-matrix"):
        Loader.add_constructor(f"tag:yaml.org,2002:opencv-{kind}", mapping)
    return Loader
