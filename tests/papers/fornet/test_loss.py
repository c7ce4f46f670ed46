"""FoR-Net's loss: golden numbers, a hand-computed selector target, nothing valid, hard example mining."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ersm_lab.papers.fornet import FoRNetLoss

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "fornet_loss.npz", allow_pickle=False)
CASES = sorted({key.split("/")[0] for key in GOLDEN.files})


@pytest.mark.parametrize("case", CASES)
def test_golden_terms(case):
    """Breaks when a term counts pixels to ignore, averages over other classes or cells, or rings differ."""
    g = {key.split("/")[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{case}/")}
    names = {"lambda_dice": "lambda_dice", "lambda_sel": "lambda_selector", "band": "band", "decay": "decay"}
    loss = FoRNetLoss(int(g["num_classes"]), **{names[key]: g[key].item() for key in names if key in g})
    logits, target, importance = (
        torch.from_numpy(g[key]) for key in ("logits", "target", "importance_logit")
    )
    terms = loss(logits, target, importance)
    cells, valid = loss.selector_target(target, importance.shape[-2:])
    found = {**terms._asdict(), "selector_target": cells, "valid_cell": valid}
    for name, value in found.items():
        np.testing.assert_allclose(value.numpy(), g[name], rtol=1e-5, atol=1e-6, err_msg=name)


def plain_loss(logits, target, importance, cells, valid_cells, classes):
    """The formulas, written out in float64."""
    valid = target != 255
    ce = F.cross_entropy(logits, target, ignore_index=255)
    prob = logits.softmax(1) * valid[:, None]
    truth = F.one_hot(torch.where(valid, target, 0), classes).permute(0, 3, 1, 2) * valid[:, None]
    dice = [
        1 - (2 * (prob[:, c] * truth[:, c]).sum() + 1) / (prob[:, c].sum() + truth[:, c].sum() + 1)
        for c in range(classes)
        if truth[:, c].any()
    ]
    each = F.binary_cross_entropy_with_logits(importance, cells, reduction="none")
    return ce + sum(dice) / len(dice) + 0.5 * each[valid_cells > 0].mean()


def test_gradients_are_those_of_the_formulas():
    """Breaks when the counting form of Dice loses a gradient or lets ignored pixels have one."""
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 16, 24, dtype=torch.float64, requires_grad=True)
    importance = torch.randn(2, 1, 4, 6, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 4, (2, 16, 24))  # class 4 is absent
    target[0, :6] = 255
    loss = FoRNetLoss(5)
    terms = loss(logits, target, importance)
    cells, valid = loss.selector_target(target, (4, 6))
    expected = plain_loss(logits, target, importance, cells.double(), valid, 5)
    torch.testing.assert_close(terms.total, expected)
    for first, second in zip(
        torch.autograd.grad(terms.total, (logits, importance)),
        torch.autograd.grad(expected, (logits, importance)),
        strict=True,
    ):
        torch.testing.assert_close(first, second)
        assert first.abs().sum() > 0


def test_the_selector_target_by_hand():
    """One row of 40 pixels, cells of 4: classes change between pixels 15 and 16, void lies in pixels 24 to 31.

    The change makes pixels 15 and 16 edges, hence cells 3 and 4; two rings of 0.5 and 0.25 follow on each side. The class
    changes across the void too (at 24 to 31), which is no edge; cells 6 and 7 hold nothing valid.
    """
    target = torch.zeros(1, 1, 40, dtype=torch.int64)
    target[..., 16:] = 1
    target[..., 24:32] = 255
    target[..., 32:] = 2
    cells, valid = FoRNetLoss(3).selector_target(target, (1, 10))
    assert cells.flatten().tolist() == [0, 0.25, 0.5, 1, 1, 0.5, 0, 0, 0, 0]
    assert valid.flatten().tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 1, 1]
    # a ring falls on cell 6, which does not count; one more ring reaches it no further
    wider, _ = FoRNetLoss(3, band=4, decay=0.1).selector_target(target, (1, 10))
    torch.testing.assert_close(
        wider.flatten(), torch.tensor([1e-3, 1e-2, 0.1, 1, 1, 0.1, 0, 0, 1e-4, 0]), rtol=1e-6, atol=1e-9
    )


def test_an_edge_is_seen_through_a_corner_but_not_through_void():
    target = torch.zeros(1, 3, 3, dtype=torch.int64)
    target[0, 2, 2] = 1
    edge, _ = FoRNetLoss(2, band=0).selector_target(target, (3, 3))
    assert edge[0, 0].tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    target[0, 1, 1] = 255  # between two classes, but to ignore: no edge itself
    edge, valid = FoRNetLoss(2, band=0).selector_target(target, (3, 3))
    assert edge[0, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1]]
    assert valid[0, 0, 1, 1] == 0


def test_nothing_valid_is_finite():
    """CE and the selector term are 0, Dice is 1, gradients are zeros: a crop of nothing but void must not end a training."""
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    importance = torch.randn(1, 1, 2, 2, requires_grad=True)
    terms = FoRNetLoss(3)(logits, torch.full((1, 8, 8), 255), importance)
    assert [term.item() for term in terms] == [1, 0, 1, 0]
    terms.total.backward()
    assert logits.grad.abs().max() == 0
    assert importance.grad.abs().max() == 0


def test_other_networks_have_no_selector_term():
    logits, target = torch.randn(1, 3, 8, 8), torch.randint(0, 3, (1, 8, 8))
    terms = FoRNetLoss(3)(logits, target)
    assert float(terms.selector) == 0
    torch.testing.assert_close(terms.total, terms.ce + terms.dice)


def test_the_loss_is_float32_under_autocast():
    logits, target = torch.randn(2, 3, 8, 8).bfloat16(), torch.randint(0, 3, (2, 8, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = FoRNetLoss(3)(logits, target, torch.randn(2, 1, 2, 2))
    assert all(term.dtype == torch.float32 for term in terms)
    torch.testing.assert_close(terms.ce, F.cross_entropy(logits.float(), target))


def test_hard_example_mining():
    """The mean over pixels below the threshold; the hardest share when those are too few; all pixels at threshold 1."""
    torch.manual_seed(0)
    logits, target = torch.randn(1, 4, 20, 20) * 3, torch.randint(0, 4, (1, 20, 20))
    target[0, 0] = 255
    each = F.cross_entropy(logits, target, ignore_index=255, reduction="none")[target != 255]
    mined = FoRNetLoss(4, ohem_threshold=0.3, ohem_min_share=0.01)(logits, target).ce
    torch.testing.assert_close(mined, each[(-each).exp() <= 0.3].mean())
    few = FoRNetLoss(4, ohem_threshold=1e-9, ohem_min_share=0.25)(logits, target).ce
    torch.testing.assert_close(few, each.sort(descending=True).values[: len(each) // 4].mean())
    torch.testing.assert_close(
        FoRNetLoss(4, ohem_threshold=1.0)(logits, target).ce, FoRNetLoss(4)(logits, target).ce
    )
    void = FoRNetLoss(4, ohem_threshold=0.3)(logits, torch.full((1, 20, 20), 255))
    assert float(void.ce) == 0


@pytest.mark.parametrize("wrong", [{"num_classes": 1}, {"band": -1}, {"decay": 1.5}, {"ohem_threshold": 0.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FoRNetLoss(**{"num_classes": 3, **wrong})
