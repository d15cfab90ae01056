"""`gyrosharp systems`: the published systems, and what our own weights of them measure."""

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from gyrosharp.systems import SystemSpec, find_system, systems

if TYPE_CHECKING:
    from gyrosharp.restore.model_card import ModelCard

WIDTH = 100
LABEL_WIDTH = 14


def run(name: str | None, *, as_json: bool) -> None:
    """Print the table of all systems, or all about one."""
    from gyrosharp.restore.models import bundled_cards

    # Of several models of a system the first one by name.
    cards = {card.system: card for card in reversed(list(bundled_cards().values()))}
    if name is None:
        rows = [_facts(spec, cards.get(spec.name)) for spec in systems().values()]
        typer.echo(json.dumps(rows) if as_json else _table(rows))
        return
    spec = find_system(name)
    facts = _facts(spec, cards.get(name)) | _details(spec)
    typer.echo(json.dumps(facts) if as_json else _page(facts))


def _facts(spec: SystemSpec, card: "ModelCard | None") -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "sees": spec.sees,
        "parameters": spec.parameters,
        "published": [asdict(figure) for figure in spec.published],
        "weights": None,
    }
    if card is not None:
        facts["weights"] = {
            "size": card.size,
            "parameters": card.parameters,
            "steps": card.steps,
            "minutes": card.minutes,
            "device": card.device,
            "figures": card.figures,
            "sha256": card.files["onnx"].sha256,
        }
    return facts


def _details(spec: SystemSpec) -> dict[str, Any]:
    return {
        "paper": spec.paper,
        "net": spec.net,
        "data": f"gyrosharp synth {spec.data}",
        "training": dict(spec.training),
        "variants": {name: asdict(variant) for name, variant in spec.ablations.items()},
        "notes": list(spec.notes),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    heads = (
        "system",
        "sees",
        "published\nparameters",
        "published PSNR",
        "our weights",
        "gain, exact\ngyro",
        "gain, gyro\nerrors",
    )
    for head in heads:
        right = head.startswith(("published\n", "gain"))
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(width=WIDTH + 30)
    with console.capture() as text:
        console.print(table)
    about = (
        "Gains in dB over the blurred picture on gyroblur-mini, for the weights that come with gyrosharp: small "
        "configurations, trained alike for minutes on a CPU. They do not reach what the papers' full networks do. "
        "refine, the default, was trained for longer (docs/default.md).\n"
        "`gyrosharp systems NAME` says more, `gyrosharp deblur --method NAME` runs it, `gyrosharp train` trains it."
    )
    return text.get() + about


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    weights = row["weights"]
    figures = weights["figures"] if weights else {}
    return (
        row["name"],
        row["sees"],
        _millions(row["parameters"]),
        "\n".join(f"{figure['psnr_db']:.2f} {figure['data']}" for figure in row["published"]) or "-",
        f"{weights['size']}, {_millions(weights['parameters'])}" if weights else "none",
        _gain(figures, "exact"),
        _gain(figures, "errors"),
    )


def _gain(figures: dict[str, Any], case: str) -> str:
    gain = figures.get("gyroblur-mini", {}).get(case, {}).get("gain_db")
    return "-" if gain is None else f"{gain:+.2f}"


def _millions(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:.2f} M"


def _page(facts: dict[str, Any]) -> str:
    rows = [(label, facts[label]) for label in ("name", "title", "paper", "sees", "data")]
    rows.append(("parameters", "not stated" if facts["parameters"] is None else f"{facts['parameters']:,}"))
    rows += [("published", _published(figure)) for figure in facts["published"]]
    rows.append(("training", json.dumps(facts["training"])))
    rows += [("variant", _variant(name, variant)) for name, variant in facts["variants"].items()]
    rows += [("note", note) for note in facts["notes"]]
    rows += _weights_rows(facts["name"], facts["weights"])
    return "\n".join(_lines(rows))


def _published(figure: dict[str, Any]) -> str:
    ssim = "" if figure["ssim"] is None else f", SSIM {figure['ssim']:.3f}"
    return f"{figure['psnr_db']:.2f} dB{ssim} on {figure['data']} ({figure['source']})"


def _variant(name: str, variant: dict[str, Any]) -> str:
    figure = "" if variant["published_db"] is None else f" ({variant['published_db']:.2f} dB in the paper)"
    return f"{name}: {variant['about']}{figure}"


def _weights_rows(name: str, weights: dict[str, Any] | None) -> list[tuple[str, str]]:
    if weights is None:
        return [("our weights", f"none come with gyrosharp; train them: `gyrosharp train {name} --data FOLDER -o RUN`")]
    about = (
        f"{weights['size']} size, {weights['parameters']:,} parameters, {weights['steps']:,} steps in "
        f"{weights['minutes']:.0f} minutes on {weights['device']}"
    )
    return [("our weights", about), ("figures", json.dumps(weights["figures"])), ("sha256", weights["sha256"])]


def _lines(rows: list[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    last = ""
    for label, text in rows:
        folded = textwrap.wrap(text, WIDTH - LABEL_WIDTH)
        shown = "" if label == last else label
        lines += [f"{shown if k == 0 else '':{LABEL_WIDTH}}{line}" for k, line in enumerate(folded)]
        last = label
    return lines
