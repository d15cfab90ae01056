"""`gyrosharp export`: a trained network as a model that runs without PyTorch."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gyrosharp.cli.export_options import ExportOptions
from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.media.atomic import made_folder
from gyrosharp.restore.model_card import NAME_PATTERN
from gyrosharp.systems import find_system

if TYPE_CHECKING:
    from gyrosharp.training.export import Exported

TRAIN_PACKAGES = ("torch", "onnx", "onnxscript", "safetensors")


def run(source: Path, options: ExportOptions) -> None:
    """Export a run's folder or a checkpoint, and say how far graph and network are apart."""
    if options.name is not None and not re.fullmatch(NAME_PATTERN, options.name):
        raise UsageError(f"--name: expected letters, digits and any of _.+-, got {options.name!r}")
    net = None if options.system is None else find_system(options.system).net
    figures = {} if options.figures is None else _figures(options.figures)
    if not source.exists():
        raise InputError(f"{source}: expected a training run's folder or a checkpoint, got none; check the path")
    try:
        from gyrosharp.training.export import ExportRequest, export_model
    except ModuleNotFoundError as error:
        if error.name not in TRAIN_PACKAGES:
            raise
        raise MissingComponentError(
            f'export: expected the package {error.name}, got none; pip install "gyrosharp[train]"'
        ) from None
    folder = options.output or (source if source.is_dir() else source.parent)
    request = ExportRequest(
        name=options.name,
        system=options.system,
        system_net=net,
        device=options.trained_on,
        half=options.half,
        int8=tuple(options.int8 or ()),
        figures=figures,
        limits=tuple(options.limit or ()),
        force=options.force,
    )
    with made_folder(folder):
        made = export_model(source, folder, request)
    _tell(made, as_json=options.json)


def _figures(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"--figures {path}: expected a JSON file, got none, or one that cannot be read") from None
    if not isinstance(found, dict):
        raise InputError(f"--figures {path}: expected a JSON object, got {type(found).__name__}")
    return found


def _tell(made: "Exported", *, as_json: bool) -> None:
    if as_json:
        facts = {
            "card": made.card.model_dump(mode="json"),
            "files": [str(path) for path in made.files],
            "differences": [asdict(one) for one in made.differences],
            "int8": None if made.int8 is None else asdict(made.int8),
        }
        typer.echo(json.dumps(facts, indent=1))
        return
    typer.echo(f"{made.card.name}: {made.card.description}")
    for one in made.differences:
        typer.echo(f"  {one.width:4d} x {one.height:<4d} px: graph and network differ by at most {one.largest:.1e}")
    if made.int8 is not None:
        cost = made.int8
        typer.echo(f"  in 8 bits: {cost.int8_db:.2f} instead of {cost.float_db:.2f} dB on {cost.samples} samples")
    typer.echo(f"  memory: {made.card.bytes_per_pixel:.0f} bytes per pixel")
    for path in made.files:
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    typer.echo(f"Run it: gyrosharp deblur PHOTO --method {made.files[0]}")
