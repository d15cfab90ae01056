"""Make the weights of the default method again: data, training, export. `make train-refine` runs it.

    python tools/train_refine.py --data ../shared/data -o FOLDER [--size small] [--samples N N]

DATA holds images/free-* and gyro/*, of which only what shipped weights may see is used. The first run learns to go on
from the solver. Its results on the same samples are where a second pass begins, and what the second run makes of those
is where a third does. The last run sees larger crops: as much around most pixels as there is in a photo. Every step is
a command of gyrosharp; what is there is gone on with, so a run may be stopped at any time. Some six hours on two cores.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

PHOTOS = ("images/free-train1mp", "images/free-train1mp-b")
LOGS = (
    "gyro/xio_fusion/sensor_data.csv",
    "gyro/tyrex_phones/Thibaud_Nexus5_NoDist_AR/gyroscope-calibrated.txt",
    "gyro/tyrex_phones/Thibaud_iPhone5_NoDist_AR/gyroscope.txt",
    "gyro/sensorlogger_iphone12/Gyroscope.csv",
)
# A phone's whole pipeline, and plain noise as classical methods assume it; folder, seed, sensor.
SETS = (("phone", 61, "phone"), ("plain", 62, "gaussian"))
MODEL = {"small": "refine-s", "full": "refine-m"}
# How often the finished network is applied.
PASSES = 3
STEPS = (23_500, 24_000, 20_000, 15_000)
CORES = os.cpu_count() or 1


def gyrosharp(*arguments: str) -> None:
    """Run a command of gyrosharp's; one thread per process where several are at work."""
    threads = {"OPENBLAS_NUM_THREADS": "1"}
    if arguments[0] == "synth":
        threads["GYROSHARP_THREADS"] = "1"
    print("gyrosharp", *arguments, flush=True)
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
    parser.add_argument("--steps", type=int, nargs=4, default=STEPS, metavar=("FIRST", "SECOND", "THIRD", "LAST"))
    parser.add_argument("--samples", type=int, nargs=2, default=(1400, 1300), metavar=("PHONE", "PLAIN"))
    given = parser.parse_args()
    first, second, third, last = zip(given.steps, ("first", "second", "third", "last"), strict=True)
    shards = samples(given, "")
    run = train(given, first, shards, {})
    # More of the same, each from the averaged weights of the run before.
    again = {"optimiser.rate": 8e-4, "schedule.warmup": 100, "precision": "bfloat16"}
    for passes, each in ((1, second), (2, third)):
        estimator = export(run, given.output / f"estimator-{passes}", f"{MODEL[given.size]}-{passes}")
        shards += samples(given, f"-{passes + 1}", f"refiner={estimator}")
        changes = {"net.changes": f"{{passes: {passes + 1}}}", "net.start": run}
        run = train(given, each, shards, {**again, **changes})
    wide = {"data.crop": 256, "data.batch": 2, "optimiser.rate": 3e-4}
    run = train(given, last, shards, {**again, **wide, "net.changes": f"{{passes: {PASSES}}}", "net.start": run})
    export(run, given.output / "models", MODEL[given.size])


def samples(given: argparse.Namespace, suffix: str, *changes: str) -> list[Path]:
    """Make the sets, or what is missing of them; return their folders."""
    folders = []
    for (name, seed, sensor), count in zip(SETS, given.samples, strict=True):
        folders.append(given.output / f"{name}{suffix}")
        sources = [*flags("--images", PHOTOS, given.data), *flags("-g", LOGS, given.data)]
        drawn = ["-n", str(count), "--seed", str(seed), "--workers", str(CORES)]
        changed = settings({"sensor.preset": sensor}) + [part for change in changes for part in ("--set", change)]
        gyrosharp("synth", "refine", *sources, "-o", str(folders[-1]), *drawn, *changed)
    return folders


def train(given: argparse.Namespace, run: tuple[int, str], folders: list[Path], changes: dict[str, object]) -> Path:
    """Train on samples, or go on with it; return the run's folder."""
    steps, name = run
    folder = given.output / f"{name}-{given.size}"
    data = [part for each in folders for part in ("--data", str(each))]
    changed = settings({**changes, "schedule.steps": steps})
    gyrosharp("train", "refine", "--size", given.size, *data, "-o", str(folder), *changed)
    return folder


def export(run: Path, folder: Path, name: str) -> Path:
    """Export a run; return the graph."""
    folder.mkdir(exist_ok=True)
    named = ["--name", name, "--system", "refine", "-f", "--trained-on", f"CPU, {CORES} cores"]
    gyrosharp("export", str(run), "-o", str(folder), *named)
    return folder / f"{name}.onnx"


def settings(changes: dict[str, object]) -> list[str]:
    """Changes of a config as flags."""
    return [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]


if __name__ == "__main__":
    main()
