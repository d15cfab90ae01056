"""Train the systems alike, compare their variants, and measure them on gyroblur-mini.

    python benchmarks/systems.py train all --data SHARDS -o RUNS           every system of `gyrosharp systems`
    python benchmarks/systems.py train "gyrodeblurnet/*" --data SHARDS -o RUNS --seeds 0 1 2    a paper's variants
    python benchmarks/systems.py compare RUNS gyrodeblurnet --test SHARDS [--alpha 0] [--seeds 0 1 2] [--reference NAME]
    python benchmarks/systems.py models RUNS -o MODELS [--half]            exports, one per system
    python benchmarks/systems.py table MODELS -o OUT [--weights FOLDER --about FILE]    gyroblur-mini; bundled models
    python benchmarks/systems.py speed RUNS MODELS                         seconds per MP in torch and in ONNX

Runs are processes of one thread, `--jobs` at a time; the same command goes on with what was stopped. SHARDS are made by
`gyrosharp synth table`. `compare` takes the last `--samples` of each test set, whole, with the motion as a method would
be told it: `--alpha 1` with all gyro errors of the set, `--alpha 0` with none. RESULTS.md has the commands.
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

from gyrosharp.errors import GyrosharpError
from gyrosharp.systems import find_system, systems

if TYPE_CHECKING:
    from gyrosharp.evaluation.runner import Progress
    from gyrosharp.evaluation.statistics import Interval
    from gyrosharp.restore.models import Model

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BASE = "full"
SIZE = "tiny"
MANIFEST = "manifest.jsonl"
SPEED_SIDE_PX, SPEED_ROUNDS = 512, 3
BENCHMARK = "gyroblur-mini"
SOLVERS = ("blurred", "rl", "auto")


# -- training -----------------------------------------------------------------------------------------------------


def wanted_runs(names: list[str]) -> Iterator[tuple[str, str]]:
    """(system, variant) of names such as "all", "gamd", "gamd/no-heatmaps", "gamd/*"."""
    for name in systems() if names == ["all"] else names:
        system, _, variant = name.partition("/")
        for each in (*find_system(system).ablations, BASE) if variant == "*" else (variant or BASE,):
            yield system, trained_as(system, each)


def trained_as(system: str, variant: str) -> str:
    """Name of the run that stands for a variant: one without changes is the system itself."""
    return variant if variant != BASE and find_system(system).find_ablation(variant).changes else BASE


def run_folder(runs: Path, system: str, variant: str, seed: int) -> Path:
    """Where a run lies."""
    return runs / f"{system}.{variant}.{seed}"


def train(given: argparse.Namespace) -> None:
    """Train what is not trained yet."""
    runs = list(dict.fromkeys(product(wanted_runs(given.names), given.seeds)))

    def one(run: tuple[tuple[str, str], int]) -> int:
        (system, variant), seed = run
        folder = run_folder(given.output, system, variant, seed)
        command = [sys.executable, "-m", "gyrosharp", "train", system, "--size", SIZE, "-o", str(folder)]
        command += [flag for path in given.data for flag in ("--data", str(path))]
        command += ["--seed", str(seed), "--device", "cpu"]
        command += ["--variant", variant] if variant != BASE else []
        command += [flag for change in given.set for flag in ("--set", change)]
        begun = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "console.txt").open("a") as console:
            code = subprocess.run(
                command, env={**os.environ, **ONE_THREAD}, stdout=console, stderr=subprocess.STDOUT, check=False
            ).returncode
        print(f"{folder.name}: exit {code}, {(time.perf_counter() - begun) / 60:.1f} min", flush=True)
        return code

    with ThreadPoolExecutor(given.jobs) as pool:
        failed = sum(code != 0 for code in pool.map(one, runs))
    if failed:
        raise SystemExit(f"{failed} of {len(runs)} runs failed: see their console.txt")


# -- variants -----------------------------------------------------------------------------------------------------


def gains(run: Path, test: list[Path], alpha: float, samples: int) -> np.ndarray:
    """Gain (P,) of a run over the blurred picture, dB, for each photo of the test sets; kept in the run's folder."""
    from gyrosharp.evaluation.shots import digest_of, file_digest

    files = [run / "last.pt", *(folder / MANIFEST for folder in test)]
    for file in files:
        if not file.is_file():
            raise SystemExit(f"{file}: expected a trained run and a test set, got no such file")
    decides = [*map(file_digest, files), alpha, samples]
    kept = run / f"gains.{digest_of(decides)[:12]}.json"
    if not kept.is_file():
        kept.write_text(json.dumps([pair for folder in test for pair in sample_gains(run, folder, alpha, samples)]))
    return by_photo(json.loads(kept.read_text()))


def sample_gains(run: Path, test: Path, alpha: float, samples: int) -> list[tuple[str, float]]:
    """Photo and gain, dB, of each of the last samples of a data set, whole pictures."""
    import torch

    from gyrosharp.training.checkpoint import trained_net
    from gyrosharp.training.data import open_training_data

    manifest = [json.loads(line) for line in (test / MANIFEST).read_text().splitlines()]
    photos = {line["key"]: line["photo"]["name"] for line in manifest}
    side = min(line["camera"][length] for line in manifest for length in ("width", "height"))
    net, config, content = trained_net(run / "last.pt")
    if not finished(content):
        raise SystemExit(f"{run}: expected a finished run, got one that was stopped; the same train command goes on")
    parts = {
        "validation": config.validation.model_copy(update={"samples": samples, "alpha": alpha}),
        "data": config.data.model_copy(update={"crop": side}),
    }
    found = []
    data = open_training_data(config.model_copy(update=parts), net.descriptor.inputs, [test])
    with torch.inference_mode():
        for batch in data.validation(torch.device("cpu")):
            before, after = (
                -10 * (picture.clamp(0, 1) - batch.target).square().double().mean((1, 2, 3)).log10()
                for picture in (batch.image, net(batch.image, batch.planes)[0])
            )
            found += zip((photos[name] for name in batch.names), (after - before).tolist(), strict=True)
    return found


def finished(content: dict) -> bool:
    """Whether a checkpoint is that of the last step: others have had less than the common budget."""
    return content["state"]["step"] >= content["state"]["steps"]


def by_photo(gains_db: list[tuple[str, float]]) -> np.ndarray:
    """Mean gain (P,) of each photo's samples, photos by name: samples of one photo are not independent."""
    photos = np.array([photo for photo, _ in gains_db])
    values = np.array([gain for _, gain in gains_db])
    return np.array([values[photos == photo].mean() for photo in np.unique(photos)])


def reference_of(system: str, asked: str | None) -> str:
    """The variant that others are compared with: the one asked for, or the system itself."""
    names = list(find_system(system).ablations)
    if asked is None:
        asked = next((name for name in names if trained_as(system, name) == BASE), None)
    if asked not in names:
        raise SystemExit(f"{system}: expected --reference out of {', '.join(names) or 'no variants'}, got {asked}")
    return asked


def difference(first: np.ndarray, second: np.ndarray) -> "Interval":
    """Interval of first - second, both (runs, photos): over runs and photos where there are several runs."""
    from gyrosharp.evaluation.statistics import crossed_interval, paired_interval

    return crossed_interval(first, second) if len(first) > 1 else paired_interval(first[0], second[0])


def compare(given: argparse.Namespace) -> None:
    """Print each variant's gain, and how it compares with the reference and with the next one."""
    spec, reference = find_system(given.system), reference_of(given.system, given.reference)
    tables: dict[str, np.ndarray] = {}
    for variant in spec.ablations:
        runs = [run_folder(given.runs, spec.name, trained_as(spec.name, variant), seed) for seed in given.seeds]
        tables[variant] = np.array([gains(run, given.test, given.alpha, given.samples) for run in runs])

    def against(first: str, second: str | None) -> str:
        if second is None or first == second:
            return ""
        found = difference(tables[first], tables[second])
        return f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}] {found.order}"

    following = dict(pairwise(tables))
    print(f"| {spec.name} | paper, dB | gain over blurred, dB | against {reference} | against the next row |")
    print("|---|---|---|---|---|")
    for name, scores in tables.items():
        gain, paper = difference(scores, np.zeros_like(scores)), spec.ablations[name].published_db
        print(
            f"| {name}: {spec.ablations[name].about} | {'' if paper is None else f'{paper:.2f}'} | "
            f"{gain.mean:+.2f} +- {gain.half:.2f} | {against(name, reference)} | {against(name, following.get(name))} |"
        )
    print(f"\n{compared_text(given, photos=scores.shape[1])}")


def compared_text(given: argparse.Namespace, photos: int) -> str:
    """What the intervals are about."""
    tests = ", ".join(folder.name for folder in given.test)
    runs, of = len(given.seeds), "runs and photos" if len(given.seeds) > 1 else "photos, not runs: there is one of each"
    return (
        f"{tests}: the last {given.samples} samples, {photos} photos, alpha {given.alpha:g}, {runs} run"
        f"{'s' * (runs != 1)} of each variant; 95 % intervals over {of}."
    )


# -- the table ----------------------------------------------------------------------------------------------------


def models(given: argparse.Namespace) -> None:
    """Export the base run of every system."""
    from gyrosharp.training.checkpoint import read_checkpoint

    for name in systems():
        folder = run_folder(given.runs, name, BASE, given.seed)
        if not (folder / "last.pt").is_file() or not finished(read_checkpoint(folder / "last.pt")):
            print(f"{name}: not trained, or not to the end")
            continue
        command = [sys.executable, "-m", "gyrosharp", "export", str(folder), "-o", str(given.output)]
        command += ["--name", name, "-f"]
        subprocess.run(command + ["--half"] * given.half, check=True, env={**os.environ, **ONE_THREAD})


def table(given: argparse.Namespace) -> None:
    """Measure solvers and models on gyroblur-mini, and put models with their figures where they are asked for."""
    from gyrosharp.evaluation.report_files import write_report
    from gyrosharp.evaluation.runner import evaluate
    from gyrosharp.evaluation.sources import Selection
    from gyrosharp.evaluation.table_text import markdown
    from gyrosharp.restore.models import find_model

    if (given.weights is None) != (given.about is None):
        raise SystemExit("expected --weights and --about together, got one of them")
    found = {path.name.removesuffix(".card.json"): find_model(str(path)) for path in given.models.glob("*.card.json")}
    methods = [*SOLVERS, *(f"{name}={given.models / name}.onnx" for name in sorted(found))]
    report = evaluate(BENCHMARK, methods, given.output, Selection(given.root), tell)
    shown = write_report(report)
    print(markdown(shown))
    if report.failures:
        raise SystemExit("some results are missing; the same command tries them again")
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


def tell(state: "Progress") -> None:
    """Print how far a table is."""
    print(f"{state.done} of {state.total} results; {state.doing}", file=sys.stderr, flush=True)


def _bundle(model: "Model", figures: dict, about: dict, folder: Path) -> None:
    """Put a model beside the others that come with gyrosharp: the graph and its card, without the torch weights."""
    from gyrosharp.restore.model_card import verified_bytes

    card = model.card
    changed = {
        "figures": figures,
        "files": {"onnx": card.files["onnx"]},
        "data": {**about["data"], **{key: card.data[key] for key in ("samples", "sha256")}},
        "device": about["device"],
        "limits": tuple(about["limits"]),
        # A run that started from an earlier one knows of its own steps only.
        **{key: about[key] for key in ("steps", "minutes") if key in about},
    }
    (folder / card.files["onnx"].name).write_bytes(verified_bytes(model.folder, card.files["onnx"]))
    card.model_copy(update=changed).write(folder / f"{card.name}.card.json", overwrite=True)


def speed(given: argparse.Namespace) -> None:
    """Print seconds per MP of every network in torch and in ONNX Runtime, one thread, taken in turn."""
    import onnxruntime
    import torch
    from run import in_turn

    from gyrosharp.restore.model_card import verified_bytes
    from gyrosharp.restore.models import find_model
    from gyrosharp.training.checkpoint import trained_net

    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    print(f"{SPEED_SIDE_PX} x {SPEED_SIDE_PX} px, one thread, medians of {SPEED_ROUNDS} rounds\n")
    print("| network | torch, s/MP | ONNX Runtime, s/MP | ratio |\n|---|---|---|---|")
    for path in sorted(given.models.glob("*.card.json")):
        model = find_model(str(path))
        net, _, _ = trained_net(run_folder(given.runs, model.card.name, BASE, given.seed) / "last.pt")
        wanted = net.descriptor.inputs
        image = torch.rand(1, 3, SPEED_SIDE_PX, SPEED_SIDE_PX)
        side = SPEED_SIDE_PX // wanted.stride
        planes = torch.rand(1, wanted.channels, side, side) if wanted.channels else None
        graph = verified_bytes(model.folder, model.card.files["onnx"])
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        feed = {"image": image.numpy()} | ({} if planes is None else {"planes": planes.numpy()})
        with torch.inference_mode():
            times = in_turn(
                {"torch": partial(net, image, planes), "onnx": partial(session.run, None, feed)}, rounds=SPEED_ROUNDS
            )
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
    verb.add_argument("--alpha", type=float, default=1.0, help="share of gyro errors, 0 to 1")
    verb.add_argument("--samples", type=int, default=456)
    verb.add_argument("--reference", help="variant that others are compared with; default: the system itself")
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
    try:
        given.work(given)
    except GyrosharpError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
