"""The supervised step: parts of a batch, clipping, running average, precision."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from toy_run import PlainNet, ToyData, plain_step, toy_config, toy_step  # noqa: E402

from gyrosharp.training import devices  # noqa: E402
from gyrosharp.training.averaging import averaged_copy, decay_at, update_average  # noqa: E402
from gyrosharp.training.optimiser import make_optimiser  # noqa: E402
from gyrosharp.training.run import supervised_step, train  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")


def gradients(step):
    return [parameter.grad.clone() for parameter in step.modules()["net"].parameters()]


def batch_of(size):
    return ToyData(batch=size).made(range(size))


@pytest.mark.parametrize(("size", "parts"), [(4, 2), (4, 4), (5, 2), (3, 7)])
@pytest.mark.parametrize("loss", ["l1", "psnr", "mse"])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(size, parts, loss):
    whole = plain_step(toy_config(f"losses=[{{kind: {loss}}}]"), CPU)
    cut = plain_step(toy_config(f"losses=[{{kind: {loss}}}]", f"optimiser.accumulate={parts}"), CPU)
    told = [step.run(batch_of(size), 0, 10) for step in (whole, cut)]
    for first, second in zip(gradients(whole), gradients(cut), strict=True):
        torch.testing.assert_close(first, second, rtol=2e-5, atol=1e-6 * float(first.abs().max()))
    assert told[1] == pytest.approx(told[0], rel=1e-5)


def test_gradients_are_scaled_down_to_the_norm_and_the_norm_before_is_told():
    free, clipped = plain_step(toy_config(), CPU), plain_step(toy_config("optimiser.clip_norm=0.001"), CPU)
    norms = [step.run(batch_of(4), 0, 10)["gradient_norm"] for step in (free, clipped)]
    assert norms[0] == norms[1] > 0.001
    assert float(torch.stack([g.norm() for g in gradients(clipped)]).norm()) == pytest.approx(0.001, rel=1e-3)
    assert float(torch.stack([g.norm() for g in gradients(free)]).norm()) == pytest.approx(norms[0], rel=1e-5)


def test_the_first_step_of_adam_moves_each_weight_by_the_rate():
    step = plain_step(toy_config("ema=0"), CPU)
    before = [parameter.clone() for parameter in step.modules()["net"].parameters()]
    told = step.run(batch_of(4), 0, 10)
    assert told["rate"] == pytest.approx(1e-2)
    for old, new, gradient in zip(before, step.modules()["net"].parameters(), gradients(step), strict=True):
        moved = (new - old)[gradient.abs() > 1e-5]
        assert moved.numel() and torch.allclose(moved.abs(), torch.tensor(1e-2), rtol=2e-3)


def test_the_average_follows_with_a_decay_that_grows():
    # (1 + n) / (10 + n): 1/10 at first, 0.5 after 8 steps, at most the config's.
    assert [decay_at(0.9, n) for n in (0, 8, 10_000)] == pytest.approx([0.1, 0.5, 0.9])
    net = PlainNet()
    average = averaged_copy(net)
    before = [value.clone() for value in average.parameters()]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1
    update_average(average, net, 0.75)
    for old, new in zip(before, average.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.25)
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_the_first_step_of_a_run_nearly_replaces_the_random_start():
    step = plain_step(toy_config("ema=0.999"), CPU)
    before = [value.clone() for value in step.modules()["net"].parameters()]
    step.run(batch_of(4), 0, 10)
    nets = step.modules()
    for old, new, mean in zip(before, nets["net"].parameters(), nets["average"].parameters(), strict=True):
        torch.testing.assert_close(mean, 0.1 * old + 0.9 * new)


def test_a_config_without_average_keeps_none():
    assert set(toy_step(toy_config("ema=0"), CPU).modules()) == {"net"}
    assert set(toy_step(toy_config("ema=0.5"), CPU).modules()) == {"net", "average"}


def test_adam_and_adamw_differ_in_what_they_decay():
    for kind, expected in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        part = toy_config(
            f"optimiser.kind={kind}", "optimiser.weight_decay=0.1", "optimiser.betas=[0.8, 0.9]"
        ).optimiser
        made = make_optimiser(part, PlainNet().parameters())
        assert type(made) is expected
        assert (made.defaults["weight_decay"], made.defaults["betas"], made.defaults["lr"]) == (0.1, (0.8, 0.9), 1e-2)


def test_bfloat16_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(devices, "has_bfloat16", lambda _: True)
    exact = plain_step(toy_config(), CPU).run(batch_of(4), 0, 10)["loss"]
    step = plain_step(toy_config("precision=bfloat16"), CPU)
    rounded = step.run(batch_of(4), 0, 10)["loss"]
    assert rounded != exact and rounded == pytest.approx(exact, rel=2e-2)
    assert all(value.dtype == torch.float32 for value in step.modules()["net"].parameters())


def test_bfloat16_falls_back_to_float32_and_says_so(monkeypatch):
    monkeypatch.setattr(devices, "has_bfloat16", lambda _: False)
    exact = plain_step(toy_config(), CPU).run(batch_of(4), 0, 10)
    assert plain_step(toy_config("precision=bfloat16"), CPU).run(batch_of(4), 0, 10) == exact
    note = devices.precision_note("bfloat16", CPU)
    assert note == "this cpu has no bfloat16 arithmetic: the run computes in float32"
    assert devices.precision_note("float32", CPU) is None


def test_the_step_of_a_config_is_the_network_that_it_names(tmp_path):
    config = toy_config("net={name: nafnet, size: tiny}", "schedule.steps=2", "ema=0")
    first, second = (supervised_step(config, CPU).modules()["net"].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = supervised_step(replace_seed(config), CPU).modules()["net"].state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)
    report = train(config, ToyData(), tmp_path, device="cpu")
    assert report.finished and report.psnr_db is not None


def replace_seed(config):
    return config.model_copy(update={"seed": 7})


def test_planes_are_cut_with_their_pictures():
    seen = []

    class Watch(PlainNet):
        def forward(self, image, planes=None):
            seen.append((image.shape[0], float(planes.sum())))
            return super().forward(image)

    step = toy_step(toy_config("optimiser.accumulate=2", "ema=0"), CPU, Watch)
    planes = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1)
    step.run(replace(batch_of(3), planes=planes), 0, 10)
    assert seen == [(2, 3.0), (1, 3.0)]
