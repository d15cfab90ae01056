"""JSON documents: read against their pydantic model, refused in one line that names the key."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gyrosharp.errors import CaptureError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)


def read_document(file: Path, model: "type[Model]") -> "Model":
    """Return a JSON file as a model of `gyrosharp.capture.schema`.

    Raises
    ------
    CaptureError
        If the file is not valid JSON, has the wrong format tag, or an unknown, missing or wrong key.
    """
    from pydantic import ValidationError

    try:
        raw = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CaptureError(f"{file}: expected a JSON file, got no such file; check the path") from None
    except (OSError, UnicodeDecodeError, RecursionError):
        raise CaptureError(f"{file}: expected a JSON text file, got one that cannot be read as text") from None
    except json.JSONDecodeError as error:
        raise CaptureError(
            f"{file}, line {error.lineno}: expected JSON, got {error.msg.lower()}; is the file cut?"
        ) from None
    if not isinstance(raw, dict):
        raise CaptureError(f"{file}: expected a JSON object, got {type(raw).__name__}")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise CaptureError(f"{file}: {_first_problem(error)}") from None


def relative_path(path: Path, folder: Path) -> str:
    """Return a path as a document in `folder` names it: relative, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _first_problem(error: "ValidationError") -> str:
    problems = error.errors(include_url=False, include_context=False)
    problem = problems[0]
    where = ".".join(str(part) for part in problem["loc"]) or "document"
    got = " ".join(str(problem["input"]).split())[:60]
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    match problem["type"]:
        case "extra_forbidden":
            return f"expected only known keys, got unknown key {where!r}; remove it or fix its name{more}"
        case "missing":
            return f"expected key {where!r}, got none; add it{more}"
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return f"{where}: {message[:1].lower()}{message[1:]}, got {got}{more}"
