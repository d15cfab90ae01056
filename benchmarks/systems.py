"""Train the systems alike, compare their variants, and measure them on gyroblur-mini.

    python benchmarks/systems.py train all --data SHARDS -o RUNS           every system of `gyrosharp systems`
    python benchmarks/systems.py train gyrodeblurnet/* --data SHARDS -o RUNS --seeds 0 1 2      a paper's variants
    python benchmarks/systems.py compare RUNS gyrodeblurnet --test SHARDS  variants against each other, with intervals
    python benchmarks/systems.py models RUNS -o MODELS [--half]            exports, one per system
    python benchmarks/systems.py table MODELS -o OUT [--weights FOLDER --about FILE]    gyroblur-mini; bundled models
    python benchmarks/systems.py speed RUNS MODELS                         seconds per MP in torch and in ONNX

Runs are processes of one thread, `--jobs` at a time; the same command goes on with what was stopped. SHARDS are made by
`gyrosharp synth table`; RESULTS.md has the commands.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gyrosharp.systems import find_system, systems

if TYPE_CHECKING:
    from gyrosharp.restore.models import Model

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BASE = "full"
SIZE = "tiny"
SPEED_SIDE_PX = 512
BENCHMARK = "gyroblur-mini"
SOLVERS = ("blurred", "rl", "auto")


# -- training -----------------------------------------------------------------------------------------------------


def wanted_runs(names: list[str]) -> Iterator[tuple[str, str]]:
    """(system, variant) of names such as "all", "gamd", "gamd/no-heatmaps", "gamd/*"."""
    for name in systems() if names == ["all"] else names:
        system, _, variant = name.partition("/")
        spec = find_system(system)
        if variant == "*":
            yield from ((system, each) for each, ablation in spec.ablations.items() if ablation.changes)
        yield system, variant if variant not in ("", "*", BASE) else BASE


def run_folder(runs: Path, system: str, variant: str, seed: int) -> Path:
    """Where a run lies."""
    return runs / f"{system}.{variant}.{seed}"


def train(given: argparse.Namespace) -> None:
    """Train what is not trained yet."""
    runs = list(dict.fromkeys(product(wanted_runs(given.names), given.seeds)))

    def one(run: tuple[tuple[str, str], int]) -> None:
        (system, variant), seed = run
        folder = run_folder(given.output, system, variant, seed)
        command = [sys.executable, "-m", "gyrosharp", "train", system, "--size", SIZE, "-o", str(folder)]
        command += [flag for path in given.data for flag in ("--data", str(path))]
        command += ["--seed", str(seed), "--device", "cpu"]
        command += ["--variant", variant] if find_system(system).ablations and variant != BASE else []
        command += [flag for change in given.set for flag in ("--set", change)]
        begun = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "console.txt").open("a") as console:
            code = subprocess.run(
                command, env={**os.environ, **ONE_THREAD}, stdout=console, stderr=subprocess.STDOUT, check=False
            ).returncode
        print(f"{folder.name}: exit {code}, {(time.perf_counter() - begun) / 60:.1f} min", flush=True)

    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(one, runs))


# -- variants -----------------------------------------------------------------------------------------------------


def gains(folder: Path, test: list[Path], alpha: float, samples: int) -> np.ndarray:
    """Gain (P,) of a run over the blurred picture, dB, for each photo of the test samples; kept in the run's folder."""
    import torch

    from gyrosharp.training.checkpoint import trained_net
    from gyrosharp.training.data import open_training_data

    kept = folder / f"scores.{'+'.join(path.name for path in test)}.{alpha:g}.json"
    if kept.is_file():
        content = json.loads(kept.read_text())
        return _by_photo(content)
    net, config, _ = trained_net(folder / "last.pt")
    part = {"samples": samples, "alpha": alpha}
    config = config.model_copy(
        update={
            "validation": config.validation.model_copy(update=part),
            "data": config.data.model_copy(update={"crop": 192}),
        }
    )
    found: dict[str, list] = {"psnr_db": [], "blurred_db": [], "photos": []}
    photos = photo_of_sample(test)
    with torch.inference_mode():
        for batch in open_training_data(config, net.descriptor.inputs, test).validation():
            for name, picture in (("psnr_db", net(batch.image, batch.planes)[0]), ("blurred_db", batch.image)):
                error = (picture.clamp(0, 1) - batch.target).square().mean((1, 2, 3)).double()
                found[name] += (-10 * error.log10()).tolist()
            found["photos"] += [photos[name] for name in batch.names]
    kept.write_text(json.dumps(found))
    return _by_photo(found)


def photo_of_sample(test: list[Path]) -> dict[str, str]:
    """The photo that each sample of a data set shows, by the sample's name."""
    lines = [json.loads(line) for folder in test for line in (folder / "manifest.jsonl").read_text().splitlines()]
    return {line["key"]: line["photo"]["name"] for line in lines if "key" in line}


def _by_photo(content: dict[str, list]) -> np.ndarray:
    """Mean gain over the blurred picture of each photo's samples, dB: samples of one photo are not independent."""
    photos = np.array(content["photos"])
    gain = np.subtract(content["psnr_db"], content["blurred_db"])
    return np.array([gain[photos == photo].mean() for photo in np.unique(photos)])


def compare(given: argparse.Namespace) -> None:
    """Print each variant's gain, and how it compares with the base and with the next one."""
    from gyrosharp.evaluation.statistics import crossed_interval, mean_interval, paired_interval

    spec = find_system(given.system)
    tables: dict[str, np.ndarray] = {}
    for variant in spec.ablations:
        base = BASE if not spec.ablations[variant].changes else variant
        folders = [run_folder(given.runs, given.system, base, seed) for seed in given.seeds]
        tables[variant] = np.array([gains(folder, given.test, given.alpha, given.samples) for folder in folders])

    def against(first: str, second: str) -> str:
        a, b = tables[first], tables[second]
        found = crossed_interval(a, b) if len(a) > 1 else paired_interval(a[0], b[0])
        return f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}] {found.order}"

    reference = next(
        name for name, ablation in spec.ablations.items() if not ablation.changes or name == given.reference
    )
    names = list(tables)
    following = dict(pairwise(names))
    print(f"| {spec.name} | paper, dB | gain over blurred, dB | against {reference} | against the next row |")
    print("|---|---|---|---|---|")
    for name in names:
        gain = mean_interval(tables[name].mean(axis=0))
        paper = spec.ablations[name].published_db
        other = against(name, reference) if name != reference else ""
        after = against(name, following[name]) if name in following else ""
        print(
            f"| {name}: {spec.ablations[name].about} | {'' if paper is None else f'{paper:.2f}'} | "
            f"{gain.mean:+.2f} +- {gain.half:.2f} | {other} | {after} |"
        )


# -- the table ----------------------------------------------------------------------------------------------------


def models(given: argparse.Namespace) -> None:
    """Export the base run of every system."""
    for name in systems():
        folder = run_folder(given.runs, name, BASE, given.seed)
        if not (folder / "last.pt").is_file():
            print(f"{name}: not trained")
            continue
        command = [
            sys.executable,
            "-m",
            "gyrosharp",
            "export",
            str(folder),
            "-o",
            str(given.output),
            "--name",
            name,
            "-f",
        ]
        subprocess.run(command + ["--half"] * given.half, check=True, env={**os.environ, **ONE_THREAD})


def table(given: argparse.Namespace) -> None:
    """Measure solvers and models on gyroblur-mini, and put models with their figures where they are asked for."""
    from gyrosharp.evaluation.report_files import write_report
    from gyrosharp.evaluation.runner import evaluate
    from gyrosharp.evaluation.sources import Selection
    from gyrosharp.restore.models import find_model

    found = {path.name.removesuffix(".card.json"): find_model(str(path)) for path in given.models.glob("*.card.json")}
    methods = [*SOLVERS, *(f"{name}={given.models / name}.onnx" for name in sorted(found))]
    report = evaluate(BENCHMARK, methods, given.output, Selection(given.root), lambda state: print(state, flush=True))
    shown = write_report(report)
    figures: dict[str, dict[str, dict[str, object]]] = {name: {} for name in found}
    for row in shown.rows:
        if row.method in figures and row.gain is not None:
            figures[row.method][row.case] = {
                "gain_db": round(row.gain.mean, 3),
                "gain_95_db": [round(row.gain.low, 3), round(row.gain.high, 3)],
                **{name: round(value, 4) for name, value in row.scores.items()},
                "shots": row.shots,
            }
    if given.weights is not None:
        for name, model in found.items():
            _bundle(model, {BENCHMARK: figures[name]}, json.loads(given.about.read_text()), given.weights)


def _bundle(model: "Model", figures: dict, about: dict, folder: Path) -> None:
    """Put a model beside the others that come with gyrosharp: the graph and its card, without the torch weights."""
    card = model.card
    changed = {
        "figures": figures,
        "files": {"onnx": card.files["onnx"]},
        "data": {**about["data"], **{key: card.data[key] for key in ("samples", "sha256")}},
        "device": about["device"],
        "limits": tuple(about["limits"]),
    }
    (folder / card.files["onnx"].name).write_bytes(model.graph())
    card.model_copy(update=changed).write(folder / f"{card.name}.card.json", overwrite=True)


def speed(given: argparse.Namespace) -> None:
    """Print seconds per MP of every network in torch and in ONNX Runtime, one thread, taken in turn."""
    import onnxruntime
    import torch
    from run import in_turn

    from gyrosharp.restore.models import find_model
    from gyrosharp.training.checkpoint import trained_net

    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    print("| network | torch, s/MP | ONNX Runtime, s/MP | ratio |\n|---|---|---|---|")
    for path in sorted(given.models.glob("*.card.json")):
        model = find_model(str(path))
        net, _, _ = trained_net(run_folder(given.runs, model.card.name, BASE, given.seed) / "last.pt")
        wanted = net.descriptor.inputs
        image = torch.rand(1, 3, SPEED_SIDE_PX, SPEED_SIDE_PX)
        side = SPEED_SIDE_PX // wanted.stride
        planes = torch.rand(1, wanted.channels, side, side) if wanted.channels else None
        session = onnxruntime.InferenceSession(model.graph(), options, providers=["CPUExecutionProvider"])
        feed = {"image": image.numpy()} | ({} if planes is None else {"planes": planes.numpy()})
        with torch.inference_mode():
            times = in_turn({"torch": partial(net, image, planes), "onnx": partial(session.run, None, feed)}, rounds=3)
        a, b = (times[name] / SPEED_SIDE_PX**2 * 1e6 for name in ("torch", "onnx"))
        print(f"| {model.card.name} | {a:.2f} | {b:.2f} | {b / a:.2f} |", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("train")
    verb.add_argument("names", nargs="+")
    verb.add_argument("--data", type=Path, nargs="+", required=True)
    verb.add_argument("-o", "--output", type=Path, required=True)
    verb.add_argument("--seeds", type=int, nargs="+", default=[0])
    verb.add_argument("--jobs", type=int, default=2)
    verb.add_argument("--set", nargs="*", default=[])
    verb.set_defaults(work=train)
    verb = verbs.add_parser("compare")
    verb.add_argument("runs", type=Path)
    verb.add_argument("system")
    verb.add_argument("--test", type=Path, nargs="+", required=True)
    verb.add_argument("--alpha", type=float, default=1.0)
    verb.add_argument("--samples", type=int, default=456)
    verb.add_argument("--reference", default=BASE)
    verb.add_argument("--seeds", type=int, nargs="+", default=[0])
    verb.set_defaults(work=compare)
    for name, work in (("models", models), ("speed", speed)):
        verb = verbs.add_parser(name)
        verb.add_argument("runs", type=Path)
        if name == "models":
            verb.add_argument("-o", "--output", type=Path, required=True)
            verb.add_argument("--half", action="store_true")
        else:
            verb.add_argument("models", type=Path)
        verb.add_argument("--seed", type=int, default=0)
        verb.set_defaults(work=work)
    verb = verbs.add_parser("table")
    verb.add_argument("models", type=Path)
    verb.add_argument("-o", "--output", type=Path, required=True)
    verb.add_argument("--root", type=Path, help="folder of the shared data")
    verb.add_argument("--weights", type=Path, help="bundle the models here")
    verb.add_argument("--about", type=Path, help="JSON of data, device and limits, for the bundled cards")
    verb.set_defaults(work=table)
    given = parser.parse_args()
    given.work(given)


if __name__ == "__main__":
    main()
