"""Classification from Learning Entropy Signatures (arXiv 2606.22634), beside other choices of patches and all pixels."""

from __future__ import annotations

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Summary
from ersm_lab.data.module import ImageDataModule
from ersm_lab.data.splits import stratified_order
from ersm_lab.evaluation.subject import Subject
from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.learner import EntropyLearner
from ersm_lab.papers.slem.suites.means import means_by
from ersm_lab.papers.slem.suites.signature.classify import Labelled, classify, signature_effects
from ersm_lab.papers.slem.suites.signature.figures import signature_figure
from ersm_lab.papers.slem.suites.signature.settings import SlemSignatureConfig
from ersm_lab.papers.slem.suites.study import flat_summary
from ersm_lab.papers.slem.suites.subject import SlemSuite, settings_of


class SignatureSuite(SlemSuite[SlemSignatureConfig, ImageDataModule]):
    """What K patches of high Learning Entropy tell a classifier about a picture."""

    def accept(self, model: object, data: object, settings: SlemSignatureConfig) -> None:
        """The data must have labels."""
        super().accept(model, data, settings)
        if not isinstance(data, ImageDataModule):
            raise UserError(
                f"evaluation.suite={settings.suite} needs labels: use data=digits_pictures or data=cifar10_pictures"
            )

    def measure(self, subject: Subject[SlemSignatureConfig, EntropyLearner, ImageDataModule]) -> Summary:
        """Writes ``signature_scores``, ``signature_accuracy``, ``signature_effects``, ``signature_predictions`` and a figure.

        The splits are the data set's own; ``val`` chooses encoding and classifier, ``test`` is read once, whatever
        ``evaluation.split`` says. Returns, with ``_low`` and ``_high``, ``test/signature/<k>/<arm>`` and ``test/signature/<k>/entropy_minus_<arm>``.
        """
        settings, store = subject.settings, subject.store
        train = labelled(subject, "train", settings.train)
        val, test = labelled(subject, "val", settings.val), labelled(subject, "test", settings.test)
        scores, predictions = classify((train, val, test), settings_of(subject), settings)
        accuracy = means_by(predictions, ["k", "arm"], "correct")
        effects = signature_effects(predictions)
        counts = ", ".join(str(len(part.labels)) for part in (train, val, test))
        what = (
            f"{counts} pictures of train, val and test, {settings.seeds} seeds; luminance;"
            " 95 % bootstrap intervals over test pictures."
        )
        covered = f"covered: mean share of pixels in a patch. {what}"
        store.table("signature_scores", scores, "Signatures, per seed", covered)
        store.table("signature_accuracy", accuracy, "Accuracy against K", what)
        title, paired = "Learning Entropy minus other choices", f"Paired by picture. {what}"
        store.table("signature_effects", effects, title, paired)
        store.table("signature_predictions", predictions, "Predictions of signatures", what)
        store.figure("signature", signature_figure(accuracy, effects), "Accuracy against K", what)
        named = effects.assign(pair="entropy_minus_" + effects["minus"])
        prefix = "test/signature"
        return flat_summary(prefix, accuracy, ["k", "arm"]) | flat_summary(prefix, named, ["k", "pair"])


def labelled(
    subject: Subject[SlemSignatureConfig, EntropyLearner, ImageDataModule], name: str, count: int | None
) -> Labelled:
    """``count`` pictures of split ``name``, classes in proportion, as luminance ``(n, H, W)``, and their labels.

    Raises ``UserError`` for pictures of several sizes.
    """
    split = subject.data.split(name)
    order = stratified_order(split.labels, 0)[: count or len(split)]
    images = [luminance(np.asarray(split.image(int(i)))) for i in order]
    if len({image.shape for image in images}) > 1:
        raise UserError(
            f"the {name} split holds pictures of several sizes; positions in a signature need one size"
        )
    return Labelled(np.stack(images), split.labels[order])
