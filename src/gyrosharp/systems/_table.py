"""The table of variants in docs/systems.md."""

from gyrosharp.systems import systems


def variants_table() -> str:
    """Return the variants of all systems as a Markdown table."""
    rows = ["| system | variant | what differs | paper, dB |", "|---|---|---|---|"]
    for name, spec in systems().items():
        for variant, ablation in spec.ablations.items():
            figure = "" if ablation.published_db is None else f"{ablation.published_db:.2f}"
            rows.append(f"| `{name}` | `{variant}` | {ablation.about} | {figure} |")
    return "\n".join(rows) + "\n"
