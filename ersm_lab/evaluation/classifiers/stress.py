"""Everything that a classifier can be asked: accuracy and sparsity, deletion, structured occlusion, localisation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ersm_lab.core.protocols import LabelledImages, Summary
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.classifiers.classification.suite import Classification
from ersm_lab.evaluation.classifiers.deletion.suite import Deletion
from ersm_lab.evaluation.classifiers.localisation.suite import Localisation
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, TokenSuite, token_classifier
from ersm_lab.evaluation.classifiers.occlusion.suite import Occlusion
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.runs.artifacts import ArtifactStore


class Stress(TokenSuite):
    """The other suites one after another; localisation only where the data have object masks."""

    suites = (Classification(), Deletion(), Occlusion())
    of_objects = (Localisation(),)

    def controls(self, settings: ClassifierEvaluationConfig) -> dict[str, str | None]:
        """Those of all suites."""
        return {
            role: run
            for suite in (*self.suites, *self.of_objects)
            for role, run in suite.controls(settings).items()
        }

    def evaluate(self, subjects: Sequence[ClassifierSubject]) -> list[Summary]:
        """Writes what each suite writes; returns all their summaries."""
        for subject in subjects:
            token_classifier(subject)  # refused before anything is measured
        with_objects = all(subject.data.has_masks for subject in subjects)
        summaries: list[Summary] = [{} for _ in subjects]
        for suite in (*self.suites, *(self.of_objects if with_objects else ())):
            for summary, found in zip(summaries, suite.evaluate(subjects), strict=True):
                summary.update(found)
        return summaries

    def compare(self, arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> pd.DataFrame:
        """What each suite compares, one after another."""
        found = [suite.compare(arms, store, data, split) for suite in (*self.suites, *self.of_objects)]
        return pd.concat(found, ignore_index=True)
