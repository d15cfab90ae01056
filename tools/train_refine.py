"""Make the weights of the default method again: data, training, export. `make train-refine` runs it.

    python tools/train_refine.py --data ../shared/data -o FOLDER [--size small] [--steps N] [--more N] [--samples N N]

DATA holds images/free-* and gyro/*, of which only what shipped weights may see is used. A first run learns to go on
from the solver. Its results on the same samples are where a second pass begins, and a second run, from the first one's
weights, learns both. Every step is a command of gyrosharp; what is there is gone on with, so that a run may be stopped
at any time. Three hours on two cores.
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
    parser.add_argument("--steps", type=int, default=18_000)
    parser.add_argument("--more", type=int, default=5_500, help="steps of the second run, which starts from the first")
    parser.add_argument("--samples", type=int, nargs=2, default=(1400, 1300), metavar=("PHONE", "PLAIN"))
    given = parser.parse_args()
    shards = []
    for (name, seed, sensor), count in zip(SETS, given.samples, strict=True):
        folder = given.output / name
        shards += ["--data", str(folder)]
        sources = [*flags("--images", PHOTOS, given.data), *flags("-g", LOGS, given.data)]
        drawn = ["-n", str(count), "--seed", str(seed), "--workers", str(CORES), "--set", f"sensor.preset={sensor}"]
        gyrosharp("synth", "refine", *sources, "-o", str(folder), *drawn)
    run = given.output / f"run-{given.size}"
    gyrosharp(
        "train", "refine", "--size", given.size, *shards, "-o", str(run), "--set", f"schedule.steps={given.steps}"
    )
    # More of the same, from the averaged weights: crops without the samples' borders, where light came from outside.
    tuned = given.output / f"tuned-{given.size}"
    changed = {"net.start": run, "optimiser.rate": "6e-4", "schedule.steps": given.more, "schedule.warmup": 100}
    more = [f"{key}={value}" for key, value in {**changed, "data.border": 16}.items()]
    changes = [part for change in more for part in ("--set", change)]
    gyrosharp("train", "refine", "--size", given.size, *shards, "-o", str(tuned), *changes)
    models = given.output / "models"
    models.mkdir(exist_ok=True)
    name = ["--name", MODEL[given.size], "--system", "refine", "-f"]
    gyrosharp("export", str(tuned), "-o", str(models), *name, "--trained-on", f"CPU, {CORES} cores")


if __name__ == "__main__":
    main()
