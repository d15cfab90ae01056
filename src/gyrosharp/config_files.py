"""Configs: YAML files that become pydantic models, bundled ones by name, single values replaced on the command line."""

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gyrosharp.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")

FOLDER = "configs"


def config_names(package: str) -> tuple[str, ...]:
    """Return the names of the YAML files in a package's folder ``configs``."""
    folder = resources.files(package) / FOLDER
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def read_config(kind: type[Model], name: str, changes: tuple[str, ...], package: str, docs: str) -> Model:
    """Read a config.

    Parameters
    ----------
    kind : type
        Pydantic model of the config; it refuses unknown keys.
    name : str
        Name of a bundled config, or path of a YAML file.
    changes : tuple of str
        Values to replace, as "part.key=value" with the value in YAML.
    package : str
        Package whose folder ``configs`` holds the bundled ones.
    docs : str
        Where its keys are explained, for messages.

    Raises
    ------
    UsageError
        If there is no such config, it is no YAML mapping, a key is unknown, or a value is out of range.
    """
    return config_of(kind, _yaml(_text(name, package), name), changes, name, docs)


def read_config_file(kind: type[Model], path: Path, changes: tuple[str, ...], docs: str) -> Model:
    """Read a config that is always a file of the user's; see `read_config`.

    Raises
    ------
    UsageError
        If it cannot be read, is no YAML mapping, a key is unknown, or a value is out of range.
    """
    if not path.is_file():
        raise UsageError(f"config: expected a YAML file, got {str(path)!r}; check the path")
    return config_of(kind, _yaml(_file_text(path), str(path)), changes, str(path), docs)


def config_of(kind: type[Model], content: object, changes: tuple[str, ...], name: str, docs: str) -> Model:
    """Return a raw config, with values replaced, as a model; `content` itself is changed too.

    Raises
    ------
    UsageError
        If it is no mapping, a key is unknown, or a value is out of range.
    """
    from pydantic import ValidationError

    if not isinstance(content, dict):
        raise UsageError(f"{name}: expected a mapping of parts, got {type(content).__name__}; see {docs}")
    for change in changes:
        _change(content, change)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name}: {where}: {first['msg']}, got {first['input']!r}; see {docs}") from None


def key_table(kind: "type[BaseModel]", lists: "Mapping[str, type[BaseModel]]") -> str:
    """Return a config's keys, their defaults and meanings as a Markdown table.

    Parameters
    ----------
    kind : type
        Pydantic model of the config. Keys without a description are left out.
    lists : mapping
        Parts that stand in lists, by what goes before their keys, such as ``"losses[]."``.
    """
    rows = ["| key | default | meaning |", "|---|---|---|", *_rows("", kind)]
    for prefix, part in lists.items():
        rows += _rows(prefix, part)
    return "\n".join(rows) + "\n"


def _rows(prefix: str, part: "type[BaseModel]") -> Iterator[str]:
    from pydantic import BaseModel

    for name, about in part.model_fields.items():
        inner = about.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _rows(f"{prefix}{name}.", inner)
        elif about.description:
            default = "" if about.is_required() else _plain(about.get_default(call_default_factory=True))
            yield f"| `{prefix}{name}` | {default} | {about.description} |"


def _plain(value: object) -> str:
    """A default as YAML would write it, numbers to three digits."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_plain(entry) for entry in value) + "]"
    if hasattr(value, "model_dump"):
        given = value.model_dump(exclude_defaults=True).items()
        return "{" + ", ".join(f"{name}: {_plain(entry)}" for name, entry in given) + "}"
    if value is None:
        return ""
    if isinstance(value, float):
        return str(float(f"{value:.3g}"))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(name: str, package: str) -> str:
    if name in config_names(package):
        return (resources.files(package) / FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"config: expected {', '.join(config_names(package))}, or a YAML file, got {name!r}")
    return _file_text(path)


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a YAML file, got one that cannot be read ({error})") from None


def _yaml(text: str, name: str) -> Any:  # noqa: ANN401
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        cause = " ".join(str(error).split())
        raise UsageError(f"{name}: expected YAML, got something else ({cause})") from None


def _change(content: dict[str, Any], change: str) -> None:
    """Put one "part.key=value" into the raw config; pydantic judges it afterwards."""
    path, equals, value = change.partition("=")
    if not equals or not path:
        raise UsageError(f'--set: expected "part.key=value", got {change!r}')
    *parts, key = path.strip().split(".")
    target = content
    for part in parts:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set: expected {part} to be a part with keys, got a value, in {change!r}")
        target = inner
    target[key] = _yaml(value, "--set")
