"""What a run does: it learns, validates, logs, keeps the best weights, and survives bad batches."""

import signal

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from toy_run import STEPS, ToyData, ToyNet, toy_train  # noqa: E402

from gyrosharp.errors import InputError, UsageError  # noqa: E402
from gyrosharp.training.checkpoint import read_checkpoint  # noqa: E402
from gyrosharp.training.loop import MOST_SKIPPED  # noqa: E402
from gyrosharp.training.run_log import cut_log, read_log  # noqa: E402
from gyrosharp.training.validation import psnr_of_each  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = ToyData()
    return folder, toy_train(folder, "schedule.steps=60", data=data), data


def test_it_learns(run):
    folder, report, _ = run
    lines = read_log(folder / "log.jsonl")
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.8 * losses[0]
    assert report.finished and report.psnr_db > report.blurred_db + 0.3
    assert report.best_db >= report.psnr_db


def test_the_log_has_every_line_once(run):
    folder, _, _ = run
    lines = read_log(folder / "log.jsonl")
    assert [line["step"] for line in lines if "loss" in line] == list(range(3, 61, 3))
    assert [line["step"] for line in lines if "psnr_db" in line] == list(range(10, 61, 10))
    first = lines[0]
    assert set(first) == {
        "step", "loss", "l1", "gradient_norm", "skipped", "rate", "alpha", "crops_per_s", "stall_share"
    }  # fmt: skip
    assert 0 <= first["stall_share"] <= 1 and first["crops_per_s"] > 0


def test_alpha_follows_the_curriculum(run):
    folder, _, data = run
    assert dict(data.alphas)[0] == 0.0 and dict(data.alphas)[4] == pytest.approx(0.2)
    assert dict(data.alphas)[59] == 1.0
    assert read_log(folder / "log.jsonl")[0]["alpha"] == pytest.approx(0.1)


def test_validation_is_the_mean_psnr_of_clipped_pictures(run):
    folder, report, data = run
    averaged = ToyNet()
    averaged.load_state_dict(read_checkpoint(folder / "last.pt")["modules"]["average"])
    averaged.eval()
    found, blurred = [], []
    for batch in data.validation(torch.device("cpu")):
        with torch.no_grad():
            results = averaged(batch.image)[0].clamp(0, 1)
        for result, image, target in zip(results, batch.image, batch.target, strict=True):
            found.append(-10 * np.log10(float(((result - target).double() ** 2).mean())))
            blurred.append(-10 * np.log10(float(((image - target).double() ** 2).mean())))
    assert len(found) == 4
    assert report.psnr_db == pytest.approx(np.mean(found), abs=1e-6)
    assert report.blurred_db == pytest.approx(np.mean(blurred), abs=1e-6)


def test_psnr_by_hand():
    picture = torch.full((3, 3, 4, 4), 0.5)
    picture[1], picture[2] = 7.0, float("nan")
    target = torch.full((3, 3, 4, 4), 0.6)
    target[1] = 1.0
    # 20 dB at a difference of 0.1; clipped to the truth; no number is black: -20 log10(0.6).
    assert psnr_of_each(picture, target).tolist() == pytest.approx([20.0, 200.0, 4.437], abs=1e-3)


def test_pictures_are_blurred_result_and_sharp_side_by_side(run):
    folder, _, data = run
    strip = cv2.imread(str(folder / "pictures" / "00000060-1.png"))[..., ::-1]
    assert strip.shape == (16, 3 * 16 + 2 * 4, 3)
    sample = data.validation(torch.device("cpu"))[0]
    for left, picture in ((0, sample.image[1]), (40, sample.target[1])):
        wanted = (255 * picture.permute(1, 2, 0).numpy()).round()
        assert np.array_equal(strip[:, left : left + 16], wanted)
    assert len(list((folder / "pictures").iterdir())) == 2 * 6


def test_tensorboard_has_the_same_figures(run):
    folder, _, _ = run
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(folder / "tb")).Reload()
    logged = [line["loss"] for line in read_log(folder / "log.jsonl") if "loss" in line]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(logged, rel=1e-6)


def test_the_best_weights_are_kept(run):
    folder, report, _ = run
    best = read_checkpoint(folder / "best.pt")["state"]
    psnrs = {line["step"]: line["psnr_db"] for line in read_log(folder / "log.jsonl") if "psnr_db" in line}
    assert best["step"] == max(psnrs, key=psnrs.get)
    assert best["best_db"] == report.best_db == max(psnrs.values())


def test_a_batch_without_a_finite_loss_changes_nothing_and_is_counted(tmp_path):
    report = toy_train(tmp_path, data=ToyData(spoil=(5, 6)))
    assert (report.skipped, report.step) == (2, STEPS)
    content = read_checkpoint(tmp_path / "last.pt")
    for net in content["modules"].values():
        assert all(value.isfinite().all() for value in net.values())
    # The line of steps 4 to 6 is the mean of the one sound step.
    third = read_log(tmp_path / "log.jsonl")[1]
    assert third["step"] == 6 and np.isfinite(third["loss"]) and third["skipped"] == 1


def test_a_skipped_step_leaves_weights_and_batch_statistics_alone(tmp_path):
    toy_train(tmp_path / "a", "schedule.steps=3", "log_every=1", data=ToyData(spoil=(2,)))
    toy_train(tmp_path / "b", "schedule.steps=3", "log_every=1", data=ToyData(), progress=_stop_at(2))
    spoilt, sound = (read_checkpoint(tmp_path / name / "last.pt")["modules"]["net"] for name in "ab")
    assert all(torch.equal(spoilt[name], sound[name]) for name in sound)


def test_without_any_sound_batch_the_run_ends_and_the_checkpoint_stays_good(tmp_path):
    spoil = range(8, 100)
    with pytest.raises(InputError, match=rf"got none in {MOST_SKIPPED} steps up to 28; try a lower optimiser.rate"):
        toy_train(tmp_path, "schedule.steps=60", "log_every=1", data=ToyData(spoil=spoil))
    content = read_checkpoint(tmp_path / "last.pt")
    assert all(value.isfinite().all() for value in content["modules"]["net"].values())
    lines = read_log(tmp_path / "log.jsonl")
    assert lines[-1]["skipped"] == MOST_SKIPPED - 1 and "loss" not in lines[-1]


def test_two_networks_with_two_optimisers_need_no_other_loop(tmp_path):
    report = toy_train(tmp_path, "schedule.steps=8", make_step=lambda *_: Adversaries())
    assert report.finished
    content = read_checkpoint(tmp_path / "last.pt")
    assert set(content["modules"]) == {"net", "critic"} and set(content["optimisers"]) == {"net", "critic"}
    assert {"loss", "critic_loss"} <= set(read_log(tmp_path / "log.jsonl")[0])


class Adversaries:
    """A translator and its critic, in the least that shows the protocol."""

    def __init__(self):
        self.net, self.critic = ToyNet(), torch.nn.Conv2d(3, 1, 3)
        self.both = {name: torch.optim.Adam(net.parameters()) for name, net in self.modules().items()}

    def modules(self):
        return {"net": self.net, "critic": self.critic}

    def optimisers(self):
        return self.both

    def run(self, batch, _step, _total_steps):
        made = self.net(batch.image)[0]
        critic_loss = self.critic(made.detach()).mean() - self.critic(batch.target).mean()
        self.update("critic", critic_loss)
        loss = -self.critic(made).mean()
        self.update("net", loss)
        return {"loss": float(loss.detach()), "critic_loss": float(critic_loss.detach()), "rate": 1e-3, "skipped": 0.0}

    def update(self, name, loss):
        self.both[name].zero_grad()
        loss.backward()
        self.both[name].step()


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:0"])
def test_an_unknown_device_is_refused(tmp_path, device):
    with pytest.raises(UsageError, match=f"--device: expected auto, cpu, cuda or cuda:N, got '{device}'"):
        toy_train(tmp_path, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_missing_cuda_device_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected one of 0 CUDA devices here, got 'cuda'; use --device cpu"):
        toy_train(tmp_path, device="cuda")


def test_a_half_written_line_is_cut(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    cut_log(log, 2)
    assert log.read_text() == '{"step": 1}\n{"step": 2}\n'


def _stop_at(step):
    return lambda state: signal.raise_signal(signal.SIGINT) if state.step == step else None
