"""Models: networks that can deblur here, the bundled ones by name and others by their file."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.restore.model_card import CARD_SUFFIX, ModelCard, read_card

BUNDLED = "weights"
ONNX_SUFFIX = ".onnx"


@dataclass(frozen=True, eq=False)
class Model:
    """A model's card and where its files are.

    Attributes
    ----------
    card : ModelCard
        What it is.
    folder : Path
        Where its files lie.
    """

    card: ModelCard
    folder: Path


def bundled_folder() -> Path:
    """Return where the models that come with gyrosharp lie."""
    return Path(str(resources.files("gyrosharp"))) / BUNDLED


def bundled_names() -> tuple[str, ...]:
    """Return the names of the models that come with gyrosharp, sorted."""
    return tuple(sorted(path.name.removesuffix(CARD_SUFFIX) for path in bundled_folder().glob(f"*{CARD_SUFFIX}")))


@cache
def bundled_cards() -> MappingProxyType[str, ModelCard]:
    """Return the cards of the models that come with gyrosharp, by name, sorted.

    Raises
    ------
    InputError
        If one of them cannot be used.
    """
    folder = bundled_folder()
    return MappingProxyType({name: read_card(folder / f"{name}{CARD_SUFFIX}") for name in bundled_names()})


def is_model_path(method: str) -> bool:
    """Whether a method is given as a file: NAME.onnx or NAME.card.json."""
    return method.endswith((ONNX_SUFFIX, CARD_SUFFIX))


def find_model(method: str) -> Model:
    """Return a bundled model by its name, or any other by the path of its ``.onnx`` or ``.card.json``.

    Raises
    ------
    UsageError
        If there is no bundled model of that name.
    MissingComponentError
        If a file is not there.
    InputError
        If the card cannot be used, or belongs to another file.
    """
    if not is_model_path(method):
        if method not in bundled_names():
            known = ", ".join(bundled_names())
            raise UsageError(f"model: expected {known + ', ' * bool(known)}or a model's .onnx file, got {method!r}")
        return Model(read_card(bundled_folder() / f"{method}{CARD_SUFFIX}"), bundled_folder())
    path = Path(method)
    if not path.is_file():
        raise MissingComponentError(f"{path}: expected a model, got no such file; check the path")
    if method.endswith(CARD_SUFFIX):
        return Model(read_card(path), path.parent)
    card = read_card(path.with_name(path.name.removesuffix(ONNX_SUFFIX) + CARD_SUFFIX))
    if card.files["onnx"].name != path.name:
        named = card.files["onnx"].name
        raise InputError(f"{path}: expected the file that its card names, {named}, got another; do not rename models")
    return Model(card, path.parent)
