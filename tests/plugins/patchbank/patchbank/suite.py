"""The suite ``patchbank_detection``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torchmetrics.functional.classification import binary_auroc

from ersm_lab.core.protocols import Summary
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.vision.figures import COLUMN_INCHES, figure_style


class DetectionSuite(Suite):
    """Writes the table ``predictions`` (index, strange, score) and a histogram; returns ``<split>/auroc``."""

    def measure(self, subject: Subject) -> Summary:
        runner, normal = subject.runner, subject.runner.model.normal_class
        parts = [
            pd.DataFrame(
                {
                    "index": batch["index"],
                    "strange": batch["label"] != normal,
                    "score": runner.run(runner.model, batch["image"]).cpu(),
                }
            )
            for batch in subject.batches
        ]
        frame = pd.concat(parts, ignore_index=True)
        subject.store.table("predictions", frame, "Strangeness", "One row per image.")
        with figure_style():
            figure, axis = plt.subplots(figsize=(COLUMN_INCHES, 2))
            for strange, name in ((False, "normal"), (True, "strange")):
                scores = frame["score"][frame["strange"] == strange]
                axis.hist(scores, bins=subject.settings.bins, density=True, alpha=0.6, label=name)
            axis.set_xlabel("distance to the bank")
            axis.legend(frameon=False)
        subject.store.figure(
            "strangeness", figure, "Strangeness", "Distance of the strangest patch to the bank."
        )
        auroc = binary_auroc(torch.tensor(frame["score"]), torch.tensor(frame["strange"]).long())
        return {f"{subject.split}/auroc": float(auroc), f"{subject.split}/images": len(frame)}
