"""The table of networks in docs/systems.md."""

from gyrosharp.nets import build_net, nets
from gyrosharp.nets._net import DeblurNet, parameter_count


def table() -> str:
    """Return all networks as a Markdown table, parameters counted."""
    rows = [
        "| network | sees besides the picture | parameters | tiny | side, multiple of | sees px | |",
        "|---" * 7 + "|",
    ]
    for name, module in nets().items():
        full, tiny = build_net(name), build_net(name, "tiny")
        known = full.descriptor
        reach = known.receptive_field_px or "all"
        counts = f"{parameter_count(full):,} | {parameter_count(tiny):,}"
        rows.append(f"| `{name}` | {_sees(full)} | {counts} | {known.size_multiple} | {reach} | {module.DESCRIPTION} |")
    return "\n".join(rows) + "\n"


def _sees(net: DeblurNet) -> str:
    wanted = net.descriptor.inputs
    parts = [f"`{wanted.encoding}`, stride {wanted.stride}"] if wanted.encoding else []
    return " and ".join([*parts, *(["depth"] if wanted.depth else [])]) or "nothing"
