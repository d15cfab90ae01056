"""Make the weights of the default method again: data, training, export. `make train-refine` runs it.

    python tools/train_refine.py --data ../shared/data -o FOLDER [--size small] [--samples N N] [--fresh]

DATA holds images/free-* and gyro/*, of which only what shipped weights may see is used. The first run learns to go on
from the solver. Its results on the same samples are where a second pass begins, and what the second run makes of those
is where a third does. The last run sees larger crops: as much around most pixels as there is in a photo. What it makes
is exported with its inner convolutions in 8-bit integers. A short run from there, on photos that a phone has smoothed
and sharpened, leads to the weights for files with losses, which are three quarters of the way. Every step is a command
of gyrosharp, but for this mean of two runs' weights; what is there is gone on with, so a run may be stopped at any
time. Some six hours on two cores.

With --fresh, which is taken where there is a CUDA device, nothing is made beforehand: all cores draw and photograph
samples while the device solves them and learns from each eight times, in crops of 256 px throughout.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import torch

from gyrosharp.datasets.synthesis.config import load_config
from gyrosharp.training.checkpoint import checkpoint_of, read_checkpoint

PHOTOS = ("images/free-train1mp", "images/free-train1mp-b")
LOGS = (
    "gyro/xio_fusion/sensor_data.csv",
    "gyro/tyrex_phones/Thibaud_Nexus5_NoDist_AR/gyroscope-calibrated.txt",
    "gyro/tyrex_phones/Thibaud_iPhone5_NoDist_AR/gyroscope.txt",
    "gyro/sensorlogger_iphone12/Gyroscope.csv",
)
# A phone's whole pipeline, and plain noise as classical methods assume it; folder, seed, sensor.
SETS = (("phone", 61, "phone"), ("plain", 62, "gaussian"))
# No photo of these is smoothed and sharpened, and all of the set for files with losses are.
AS_SEEN = ("sensor.settings={finish_share: 0}",)
FINISHED_SETS = (("finished", 91, "phone"),)
FINISHED = ("sensor.settings={finish_share: 1, jpeg_share: 0.7}", "blur.moving_objects=0.1")
FINISHED_NAME, FINISHED_STEPS, FINISHED_SEED, FINISHED_SHARE = "{}-finished", 5_500, 65, 0.75
MODEL = {"small": "refine-s", "full": "refine-m"}
# How often the finished network is applied.
PASSES = 4
STEPS = (23_500, 24_000, 20_000, 15_000)
# Larger crops and batches: about as many pixels.
FRESH_STEPS = (6_000, 6_000, 5_000, 4_000)
CORES = os.cpu_count() or 1
SEEDS = (61, 62, 63, 64)
FRESH = {"data.crop": 256, "data.batch": 8, "data.echo": 8, "data.workers": CORES}
# Samples of each set, where there are none, that tell the ranges of what runs in 8 bits.
ROUNDED = (48, 48)
Changes = dict[str, object]
Sets = tuple[tuple[str, int, str], ...]
Sources = list[Path] | list[dict[str, object]]
# Longer arguments are cut off where they are printed.
SHOWN = 200


def gyrosharp(*arguments: str) -> None:
    """Run a command of gyrosharp's; samples are made by many processes, of one thread each."""
    threads = {"OPENBLAS_NUM_THREADS": "1", "GYROSHARP_THREADS": "1"}
    print("gyrosharp", *(textwrap.shorten(each, SHOWN) for each in arguments), flush=True)
    subprocess.run([sys.executable, "-m", "gyrosharp", *arguments], check=True, env={**os.environ, **threads})


def flags(name: str, values: tuple[str, ...], data: Path) -> list[str]:
    """A flag that is given several times."""
    return [part for value in values for part in (name, str(data / value))]


def main() -> None:
    """Make data, train, export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", choices=sorted(MODEL), default="small")
    parser.add_argument("--steps", type=int, nargs=4, metavar=("FIRST", "SECOND", "THIRD", "LAST"))
    parser.add_argument("--finished-steps", type=int, default=FINISHED_STEPS)
    parser.add_argument("--samples", type=int, nargs=2, default=(1400, 1300), metavar=("PHONE", "PLAIN"))
    parser.add_argument("--fresh", action=argparse.BooleanOptionalAction, default=torch.cuda.is_available())
    given = parser.parse_args()
    more = configs if given.fresh else samples
    steps = given.steps or (FRESH_STEPS if given.fresh else STEPS)
    first, second, third, last = zip(steps, ("first", "second", "third", "last"), SEEDS, strict=True)
    sources = more(given, "")
    run = train(given, first, sources, {})
    # More of the same, each from the averaged weights of the run before.
    again = {"optimiser.rate": 8e-4, "schedule.warmup": 100, "precision": "bfloat16"}
    for passes, each in ((1, second), (2, third)):
        estimator = export(run, given.output / f"estimator-{passes}", f"{MODEL[given.size]}-{passes}")
        sources += more(given, f"-{passes + 1}", f"refiner={estimator}")
        changes = {"net.changes": f"{{passes: {passes + 1}}}", "net.start": run}
        run = train(given, each, sources, {**again, **changes})
    wide = {"optimiser.rate": 3e-4} | ({} if given.fresh else {"data.crop": 256, "data.batch": 2})
    run = train(given, last, sources, {**again, **wide, "net.changes": f"{{passes: {PASSES}}}", "net.start": run})
    seen = sources
    if given.fresh:
        few = argparse.Namespace(**{**vars(given), "samples": ROUNDED})
        seen = samples(few, "-int8") + samples(few, "-int8-3", f"refiner={estimator}")
    model = export(run, given.output / "models", MODEL[given.size], *rounding(seen))
    finished = more(given, "", *FINISHED, sets=FINISHED_SETS)
    finished += more(given, f"-{PASSES}", f"refiner={model}", *FINISHED, sets=FINISHED_SETS)
    changes = {**again, **wide, "net.changes": f"{{passes: {PASSES}}}", "net.start": run}
    tuned = train(given, (given.finished_steps, "finished", FINISHED_SEED), sources + finished, changes)
    mixed = between(run, tuned, FINISHED_SHARE, given.output / "mixed")
    seen = seen if given.fresh else seen + finished
    export(mixed, given.output / "models", FINISHED_NAME.format(MODEL[given.size]), *rounding(seen))


def rounding(folders: list[Path]) -> list[str]:
    """Flags for samples that tell the ranges of what runs in 8 bits."""
    return [part for each in folders for part in ("--int8", str(each))]


def between(start: Path, end: Path, share: float, folder: Path) -> Path:
    """Write a run with weights between those of two (Wortsman et al., arXiv 2109.01903); return its folder."""
    shutil.copytree(end, folder, dirs_exist_ok=True)
    mixed = read_checkpoint(checkpoint_of(end))
    old, new = (read_checkpoint(checkpoint_of(each))["modules"]["average"] for each in (start, end))
    mixed["modules"]["average"] = {name: torch.lerp(old[name], value, share) for name, value in new.items()}
    torch.save(mixed, checkpoint_of(folder))
    return folder


def configs(given: argparse.Namespace, _suffix: str, *changes: str, sets: Sets = SETS) -> list[dict[str, object]]:
    """The same sets, to be made while training."""
    made = []
    for _, _, sensor in sets:
        config = load_config("refine", (f"sensor.preset={sensor}", *AS_SEEN, *changes)).model_dump(mode="json")
        for source in config["motion"]["sources"]:
            source["files"] = [str(given.data / log) for log in LOGS] if source["kind"] == "log" else []
        made.append(config)
    return made


def samples(given: argparse.Namespace, suffix: str, *changes: str, sets: Sets = SETS) -> list[Path]:
    """Make the sets, or what is missing of them; return their folders."""
    folders = []
    for (name, seed, sensor), count in zip(sets, given.samples, strict=False):
        folders.append(given.output / f"{name}{suffix}")
        sources = [*flags("--images", PHOTOS, given.data), *flags("-g", LOGS, given.data)]
        drawn = ["-n", str(count), "--seed", str(seed), "--workers", str(CORES)]
        changed = settings({"sensor.preset": sensor})
        changed += [part for change in (*AS_SEEN, *changes) for part in ("--set", change)]
        gyrosharp("synth", "refine", *sources, "-o", str(folders[-1]), *drawn, *changed)
    return folders


def train(
    given: argparse.Namespace,
    run: tuple[int, str, int],
    sources: list[Path] | list[dict[str, object]],
    changes: Changes,
) -> Path:
    """Train on samples, or go on with it; return the run's folder."""
    steps, name, seed = run
    folder = given.output / f"{name}-{given.size}"
    if given.fresh:
        data = flags("--data", PHOTOS, given.data)
        changes = {"data.synth": json.dumps(sources), "seed": seed, **FRESH, **changes}
    else:
        data = [part for each in sources for part in ("--data", str(each))]
    changed = settings({**changes, "schedule.steps": steps})
    gyrosharp("train", "refine", "--size", given.size, *data, "-o", str(folder), *changed)
    return folder


def export(run: Path, folder: Path, name: str, *more: str) -> Path:
    """Export a run; return the graph."""
    folder.mkdir(exist_ok=True)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {CORES} cores"
    named = ["--name", name, "--system", "refine", "-f", "--trained-on", device, *more]
    gyrosharp("export", str(run), "-o", str(folder), *named)
    return folder / f"{name}.onnx"


def settings(changes: Changes) -> list[str]:
    """Changes of a config as flags."""
    return [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]


if __name__ == "__main__":
    main()
