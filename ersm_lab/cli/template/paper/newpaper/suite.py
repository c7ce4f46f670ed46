"""The suite ``newpaper_focus``: accuracy, and how few cells hold a share of the weight."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import torch

from ersm_lab.core.protocols import Summary
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.vision.figures import COLUMN_INCHES, figure_style


class FocusSuite(Suite):
    """Writes the table ``predictions`` (index, correct, cells) and the figure ``cells``.

    Returns ``<split>/accuracy`` and ``<split>/cells``, the mean share of cells that hold ``settings.share`` of the weight.
    """

    def measure(self, subject: Subject) -> Summary:
        runner, rows = subject.runner, []
        for batch in subject.batches:
            output = runner.run(runner.model.look, batch["image"])
            correct = output.logits.argmax(1).cpu() == batch["label"].cpu()
            cells = cells_that_hold(output.weights.float().cpu(), subject.settings.share)
            rows.append(pd.DataFrame({"index": batch["index"], "correct": correct.double(), "cells": cells}))
        frame = pd.concat(rows, ignore_index=True)
        subject.store.table("predictions", frame, "Predictions", "One row per image.")
        with figure_style():
            figure, axis = plt.subplots(figsize=(COLUMN_INCHES, 2))
            axis.hist(100 * frame["cells"], bins=20)
            axis.set_xlabel(f"cells that hold {100 * subject.settings.share:g} % of the weight, %")
            axis.set_ylabel("images")
        subject.store.figure("cells", figure, "Cells needed", "Fewer is more focused.")
        means = {"accuracy": frame["correct"].mean(), "cells": frame["cells"].mean()}
        return {f"{subject.split}/{name}": float(value) for name, value in means.items()}


def cells_that_hold(weights: torch.Tensor, share: float) -> torch.Tensor:
    """``(B,)`` in (0, 1]: the least share of cells whose weights ``(B, N)`` sum to ``share`` or more."""
    held = weights.sort(1, descending=True).values.cumsum(1)
    return ((held < share - 1e-6).sum(1) + 1).double() / weights.shape[1]
