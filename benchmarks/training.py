"""Crops per second of the training loop against the same network under Lightning and in a bare loop of torch.

    python benchmarks/training.py --data SHARDS [--nets nafnet gyrodeblurnet] [--steps 20] [--rounds 5]

Same network, optimiser, loss, data, order and crops; one thread; taken in turn (A B C A B C ...); medians of seconds
and of the process's own CPU seconds, which do not count what other processes take. Needs torch; Lightning is left out
where it is not installed. Our loop's figure includes log, averaged weights and the guard against NaN.
"""

import argparse
import importlib
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from gyrosharp.nets import build_net
from gyrosharp.restore.memory import keep_freed_pages
from gyrosharp.systems import find_system
from gyrosharp.systems._recipe import training_config
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.data import TrainingData, open_training_data
from gyrosharp.training.losses import total_loss
from gyrosharp.training.optimiser import make_optimiser
from gyrosharp.training.run import train


def ours(config: TrainConfig, data: TrainingData) -> None:
    """`gyrosharp.training.run.train`."""
    with tempfile.TemporaryDirectory() as folder:
        train(config, data, Path(folder) / "run", device="cpu")


def bare(config: TrainConfig, data: TrainingData) -> None:
    """The shortest loop that trains the network."""
    net, loss = _net(config), total_loss(config.losses)
    optimiser = make_optimiser(config.optimiser, net.parameters())
    batches = data.batches(0, _errors_in_full)
    for _ in range(config.schedule.steps):
        batch = next(batches).to("cpu")
        optimiser.zero_grad(set_to_none=True)
        loss(net(batch.image, batch.planes), batch.target)[0].backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), config.optimiser.clip_norm)
        optimiser.step()


def lightning(config: TrainConfig, data: TrainingData) -> None:
    """`lightning.Trainer`, without log, bar and checkpoints."""
    import lightning as pl

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.loss = _net(config), total_loss(config.losses)

        def training_step(self, batch):
            return self.loss(self.net(batch.image, batch.planes), batch.target)[0]

        def configure_optimizers(self):
            return make_optimiser(config.optimiser, self.net.parameters())

    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=config.schedule.steps,
        gradient_clip_val=config.optimiser.clip_norm,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), (batch.to("cpu") for batch in data.batches(0, _errors_in_full)))


def _errors_in_full(step: int) -> float:  # noqa: ARG001
    return 1.0


def _net(config: TrainConfig) -> torch.nn.Module:
    net = build_net(config.net.name, config.net.size, config.net.changes).train()
    return net.to(memory_format=torch.channels_last) if net.channels_last else net


def main() -> None:
    """Read the command line, measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--nets", nargs="+", default=["nafnet", "gyrodeblurnet"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_pages()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loops: dict[str, Callable[[TrainConfig, TrainingData], None]] = {"gyrosharp": ours, "torch": bare}
    try:
        importlib.import_module("lightning")
    except ModuleNotFoundError:
        print("Lightning is not installed: left out")
    else:
        loops["Lightning"] = lightning
    print(
        "| network (tiny) | loop | crops/s | crops per CPU s | gyrosharp over it, by CPU time |\n|---|---|---|---|---|"
    )
    for name in given.nets:
        changes = (
            f"schedule.steps={given.steps}",
            "validation.every=1000000",
            "validation.samples=1",
            "schedule.warmup=0",
        )
        config = training_config(find_system(name), "tiny", None, changes)
        data = open_training_data(config, _net(config).descriptor.inputs, given.data)
        times: dict[str, list[tuple[float, float]]] = {loop: [] for loop in loops}
        for _ in range(given.rounds + 1):
            for loop, run in loops.items():
                wall, cpu = time.perf_counter(), time.process_time()
                run(config, data)
                times[loop].append((time.perf_counter() - wall, time.process_time() - cpu))
        crops = given.steps * config.data.batch
        # The first round decodes the samples and warms up.
        medians = {
            loop: [statistics.median(each) for each in zip(*runs[1:], strict=True)] for loop, runs in times.items()
        }
        for loop, (wall, cpu) in medians.items():
            ratio = cpu / medians["gyrosharp"][1]
            print(f"| {name} | {loop} | {crops / wall:.1f} | {crops / cpu:.1f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
