"""Stripformer: strip attention against plain sums over pixels and strips, and what its figures rely on."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from net_cases import awake  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.nets import build_net, net_config  # noqa: E402
from gyrosharp.nets._strip_attention import StripBlock, attend_between, attend_within  # noqa: E402

pytestmark = pytest.mark.torch

HEADS, LENGTH = 2, 3


def triple(height=4, width=5, seed=0):
    """Return queries, keys and values, stacked as (2, 3 x 6, H, W)."""
    return torch.randn(2, 3 * HEADS * LENGTH, height, width, generator=torch.Generator().manual_seed(seed))


def mixed(queries, keys, values):
    """Return softmax(Q K^T / sqrt(length)) V of tokens (n, length)."""
    return torch.softmax(queries @ keys.T / math.sqrt(queries.shape[1]), dim=1) @ values


def test_within_strips_pixels_of_a_row_are_tokens():
    both = triple()
    found = attend_within(both, HEADS)
    for sample in range(2):
        for head in range(HEADS):
            q, k, v = both[sample].view(3, HEADS, LENGTH, 4, 5)[:, head]
            for row in range(4):
                wanted = mixed(q[:, row].T, k[:, row].T, v[:, row].T).T
                assert torch.allclose(found[sample, head * LENGTH : (head + 1) * LENGTH, row], wanted, atol=1e-5)


def test_between_strips_rows_are_tokens():
    both = triple()
    found = attend_between(both, HEADS)
    for sample in range(2):
        for head in range(HEADS):
            q, k, v = (part.transpose(0, 1).flatten(1) for part in both[sample].view(3, HEADS, LENGTH, 4, 5)[:, head])
            wanted = mixed(q, k, v).view(4, LENGTH, 5).transpose(0, 1)
            assert torch.allclose(found[sample, head * LENGTH : (head + 1) * LENGTH], wanted, atol=1e-5)


@pytest.mark.parametrize("between", [False, True])
def test_rows_and_columns_are_treated_alike(between):
    torch.manual_seed(0)
    block = awake(StripBlock(8, 2, between)).eval()
    twin = StripBlock(8, 2, between).eval()
    state = block.state_dict()
    # The twin looks along columns where the block looks along rows, and its halves of the channels change places.
    halves = torch.tensor([4, 5, 6, 7, 0, 1, 2, 3])
    for kind in ("weight", "bias"):
        state[f"along_rows.{kind}"], state[f"along_columns.{kind}"] = (
            state[f"along_columns.{kind}"],
            state[f"along_rows.{kind}"],
        )
        state[f"mix.{kind}"] = state[f"mix.{kind}"][halves]
    state["project.weight"] = state["project.weight"][:, halves]
    state["position.weight"] = state["position.weight"].mT
    twin.load_state_dict(state)
    x = torch.randn(1, 8, 6, 10, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(twin(x.mT).mT, block(x), atol=1e-5)


@pytest.mark.parametrize("between", [False, True])
def test_a_block_looks_along_strips_or_everywhere(between):
    torch.manual_seed(0)
    block = awake(StripBlock(8, 2, between))
    x = torch.randn(1, 8, 9, 11, requires_grad=True)
    block(x)[..., 4, 5].sum().backward()
    seen = x.grad[0].abs().sum(0) > 0
    if between:
        assert seen.all()
    else:
        # Rows and columns of the pixel and of its neighbours in the 3 x 3 convolution.
        cross = torch.zeros(9, 11, dtype=torch.bool)
        cross[3:6] = cross[:, 4:7] = True
        assert torch.equal(seen, cross)


@pytest.mark.parametrize(
    ("size", "changes", "reach"),
    [("full", {"widths": (4, 8, 20), "decoder_width": 12}, 92), ("tiny", {}, 40)],
)
def test_convolutions_alone_reach_as_far_as_the_module_says(size, changes, reach):
    torch.manual_seed(0)
    net = build_net("stripformer", size, changes).double()
    for block in (module for module in net.modules() if isinstance(module, StripBlock)):
        torch.nn.init.zeros_(block.project.weight)
    picture = torch.rand(1, 3, 4, 256, dtype=torch.float64, requires_grad=True)
    found = []
    for column in range(128, 132):
        (slope,) = torch.autograd.grad(net(picture)[0][0, :, 2, column].sum(), picture)
        seen = slope.abs().sum((0, 1, 2)).nonzero()
        found += [column - seen.min().item(), seen.max().item() - column]
    assert max(found) == reach


def test_the_picture_is_seen_around_zero():
    torch.manual_seed(0)
    net = build_net("stripformer", "tiny")
    seen = []
    net.encode_full.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net(torch.full((1, 3, 8, 8), 0.75))
    assert torch.equal(seen[0], torch.full((1, 3, 8, 8), 0.25))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (8, 16)}, r"expected three widths, and all values >= 1, got Config\(widths=\(8, 16\)"),
        ({"pairs": 0}, "all values >= 1, got .*, pairs=0"),
        ({"residuals": 0}, "all values >= 1, got .*, residuals=0"),
        ({"heads": 5}, "expected 48 channels to be a multiple of 2 x heads, got 5 heads"),
        ({"decoder_heads": 3}, "expected 32 channels to be a multiple of 2 x heads, got 3 heads"),
    ],
)
def test_wrong_configurations_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        net_config("stripformer", "tiny", changes)
