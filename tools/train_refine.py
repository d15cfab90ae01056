"""Make the weights of the default method again: data, training, export. `make train-refine` runs it.

    python tools/train_refine.py --data ../shared/data -o FOLDER [--size small] [--samples N N]

DATA holds images/free-* and gyro/*, of which only what shipped weights may see is used. The first run learns to go on
from the solver. Its results on the same samples are where a second pass begins; the second run learns both passes, and
the third does so on larger crops, where the network sees as much around a pixel as it will in a photo. Every step is a
command of gyrosharp; what is there is gone on with, so that a run may be stopped at any time. Four hours on two cores.
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
PASSES = 2
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
    parser.add_argument("--first", type=int, default=23_500, help="steps of the run on the first pass")
    parser.add_argument("--both", type=int, default=48_000, help="steps of the run on both passes")
    parser.add_argument("--wide", type=int, default=30_000, help="steps of the run on larger crops")
    parser.add_argument("--samples", type=int, nargs=2, default=(1400, 1300), metavar=("PHONE", "PLAIN"))
    given = parser.parse_args()
    begun = samples(given, "")
    first, both, wide = (given.output / f"{name}-{given.size}" for name in ("first", "both", "wide"))
    train(given.size, begun, first, {"schedule.steps": given.first})
    estimator = export(first, given.output / "estimator", f"{MODEL[given.size]}-first")
    shards = begun + samples(given, "-again", f"refiner={estimator}")
    # More of the same, from the averaged weights.
    later = {"schedule.warmup": 100, "net.changes": f"{{passes: {PASSES}}}", "precision": "bfloat16"}
    train(
        given.size,
        shards,
        both,
        {**later, "net.start": first, "schedule.steps": given.both, "optimiser.rate": "8e-4"},
    )
    large = {"data.crop": 256, "data.batch": 2}
    train(
        given.size,
        shards,
        wide,
        {**later, **large, "net.start": both, "schedule.steps": given.wide, "optimiser.rate": "3e-4"},
    )
    export(wide, given.output / "models", MODEL[given.size])


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


def train(size: str, folders: list[Path], run: Path, changes: dict[str, object]) -> None:
    """Train on samples, or go on with it."""
    data = [part for folder in folders for part in ("--data", str(folder))]
    gyrosharp("train", "refine", "--size", size, *data, "-o", str(run), *settings(changes))


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
