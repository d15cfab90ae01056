"""ModelCard: what a model file is, what it takes, how it was trained, what it measured; `NAME.card.json` beside it.

A model is a folder's ``NAME.onnx``, which runs, ``NAME.card.json``, which says what it is, and maybe
``NAME.safetensors``, the same weights for PyTorch. The card holds the files' SHA-256: what was cut, changed or mixed up
is refused before it runs. See docs/models.md.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.media.atomic import atomic_write

FORMAT: Final = "gyrosharp.model/1"
CARD_SUFFIX = ".card.json"
DOCS = "docs/models.md"
# Beyond what any network needs: a card with larger numbers would only use up the memory.
MOST_PX, MOST_OPTION, MOST_PASSES = 4096, 4096, 16
# Names become file names and are typed on a command line.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"


# What is printed has one line: no control characters, which would also steer a terminal.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _small(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if isinstance(value, int | float) and not abs(value) <= MOST_OPTION:
            raise ValueError(f"expected {name} within {MOST_OPTION}")
    return options


class CardInputs(_Strict):
    """What the network sees besides the picture; see `gyrosharp.blur.network_input.NetworkInput`."""

    encoding: str | None = Field(description="encoding of the blur field; null: the picture alone")
    options: Annotated[dict[str, Any], AfterValidator(_small)] = Field(
        default_factory=dict, description="options of the encoding"
    )
    stride: int = Field(default=1, ge=1, le=MOST_PX, description="picture px per plane sample")
    depth: bool = Field(default=False, description="whether a plane of depth follows")
    depth_far_m: float = Field(default=10.0, gt=0, description="depth that 1 stands for, m")
    physics: tuple[str, ...] = Field(default=(), description="what physics makes of the photo, after the other planes")
    passes: int = Field(default=1, ge=1, le=MOST_PASSES, description="how often the network is applied, at most")
    orientations: int = Field(default=1, ge=1, le=8, description="in how many orientations a pass shows it, at most")


class CardFile(_Strict):
    """A file of the model."""

    name: str = Field(pattern=rf"^{NAME_PATTERN}$", description="file in the card's folder")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of its bytes, hexadecimal")


def _with_graph(files: dict[str, CardFile]) -> dict[str, CardFile]:
    if "onnx" not in files:
        raise ValueError(f"expected the file onnx, and maybe safetensors, got {', '.join(files) or 'none'}")
    return files


class ModelCard(_Strict):
    """What a model is."""

    format: Literal["gyrosharp.model/1"] = Field(default=FORMAT, description="version of this document")
    name: str = Field(pattern=rf"^{NAME_PATTERN}$", description="what `deblur --method` calls it")
    system: Line | None = Field(default=None, description="published system (gyrosharp.systems) it was trained as")
    net: Line = Field(description="network (gyrosharp.nets)")
    size: Line = Field(description="named size of the network: full, tiny, ...")
    net_config: dict[str, Any] = Field(description="all fields of the network's Config")
    inputs: CardInputs = Field(description="planes besides the picture")
    size_multiple: int = Field(
        ge=1, le=MOST_PX, description="sides of a picture that the graph takes are multiples of this, px"
    )
    tile_margin_px: int = Field(ge=0, le=MOST_PX, description="what a tile needs around it, px")
    receptive_field_px: int | None = Field(description="how wide one output pixel sees, px; null: the whole picture")
    bytes_per_pixel: float = Field(gt=0, description="memory that a run takes per px of the picture, measured, bytes")
    parameters: Count = Field(description="number of trained values")
    opset: int = Field(ge=1, description="ONNX operator set")
    weights_precision: Literal["float32", "float16"] = Field(description="how the weights are stored")
    arithmetic: Literal["float32", "int8"] = Field(
        default="float32", description="what it runs in; int8: all convolutions but the first four and the last do"
    )
    data: dict[str, Any] = Field(default_factory=dict, description="what it was trained on")
    recipe: dict[str, Any] = Field(default_factory=dict, description="TrainConfig of the run")
    device: Line = Field(description="what it was trained on: cpu, a GPU's name, ...")
    minutes: float = Field(ge=0, lt=1e9, description="time of training, min")
    steps: Count = Field(description="optimiser steps")
    figures: dict[str, Any] = Field(default_factory=dict, description="what it measured")
    limits: tuple[str, ...] = Field(default=(), description="what it is not good for, in plain words")
    files: Annotated[dict[Literal["onnx", "safetensors"], CardFile], AfterValidator(_with_graph)] = Field(
        description="onnx: the graph that runs, weights included; safetensors: the weights alone, for PyTorch"
    )
    gyrosharp_version: str = Field(description="version that exported it")

    def network_input(self) -> NetworkInput:
        """Return what planes the network takes.

        Raises
        ------
        InputError
            If this version of gyrosharp does not know the encoding or refuses its stride.
        """
        try:
            wanted = NetworkInput(**self.inputs.model_dump())
            _ = wanted.channels  # encodes once: options that the encoding does not know show now
        except (UsageError, TypeError) as error:
            cause = str(error).splitlines()[0]
            raise InputError(f"{self.name}: inputs of its card: {cause}; export it again with this version") from None
        if self.size_multiple % wanted.stride:
            raise InputError(
                f"{self.name}: expected a size multiple that the stride {wanted.stride} divides, got "
                f"{self.size_multiple}; export it again"
            )
        return wanted

    @property
    def description(self) -> str:
        """One line: size, parameters, training."""
        trained = f"{self.steps} steps, {self.minutes:.0f} min on {self.device}"
        precise = "" if self.arithmetic == "float32" else f" in {self.arithmetic}"
        return f"size {self.size}, {self.parameters / 1e6:.3g} M parameters{precise}, trained {trained}"

    def write(self, path: Path, overwrite: bool = False) -> None:
        """Write the card, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written, or exists and `overwrite` is false.
        """
        with atomic_write(path, overwrite) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_card(path: Path) -> ModelCard:
    """Read a model card.

    Raises
    ------
    MissingComponentError
        If there is no such file.
    InputError
        If it is no card, of another version, or has an unknown, missing or wrong key.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingComponentError(
            f"{path}: expected a model card, got no such file; keep it beside the model"
        ) from None
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: expected a model card (JSON), got another file, or a cut one; see {DOCS}") from None
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT:
        raise InputError(f"{path}: expected a model card of format {FORMAT}, got {found!r}; export the model again")
    try:
        return ModelCard.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where, given = ".".join(str(part) for part in first["loc"]), _short(first["input"])
        raise InputError(f"{path}: {where}: {_lowered(first['msg'])}, got {given}; see {DOCS}") from None


def verified_bytes(folder: Path, file: CardFile) -> bytes:
    """Return the content of a model's file, once its checksum is known to be right.

    Raises
    ------
    MissingComponentError
        If the file is not there.
    InputError
        If it cannot be read, or is not the one that the card describes.
    """
    path = folder / file.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingComponentError(
            f"{path}: expected the weights that the card names, got no such file; copy them beside the card"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: expected a model file, got one that cannot be read ({error.strerror})") from None
    found = sha256(content)
    if found != file.sha256:
        raise InputError(
            f"{path}: expected SHA-256 {file.sha256[:12]}..., got {found[:12]}...: the file is cut, tampered with, or "
            "of another model; copy or export it again"
        )
    return content


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_of(path: Path) -> CardFile:
    """Return what a card says of a file."""
    return CardFile(name=path.name, sha256=sha256(path.read_bytes()))


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
