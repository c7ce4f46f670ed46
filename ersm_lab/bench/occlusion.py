"""The structured-occlusion sweep against the bare forward passes that it needs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from ersm_lab.bench.measure import threads
from ersm_lab.bench.table import Row
from ersm_lab.core.protocols import Batch, Classifier
from ersm_lab.evaluation.classifiers.models import ClassifierSubject
from ersm_lab.evaluation.classifiers.occlusion.settings import OcclusionConfig
from ersm_lab.evaluation.classifiers.occlusion.sweep import conditions_of, occluded, sweep
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.subject import Subject
from ersm_lab.nn.memory import peak_memory
from ersm_lab.papers.ersm import ERSMClassifier
from ersm_lab.runs.artifacts import ArtifactStore

SETTINGS = OcclusionConfig(
    shapes=["square", "horizontal_bars", "grid", "scattered", "checkerboard", "border"],
    areas=[0.0, 0.1, 0.3, 0.5],
    fills=["mean", "noise", "blur", "image"],
)
EVALUATION = ClassifierEvaluationConfig(suite="occlusion", occlusion=SETTINGS)


class _Pictures(Dataset[Batch]):
    """Random pictures of one class."""

    has_masks = False

    def __init__(self, count: int, size: int) -> None:
        self.images = torch.randn(count, 3, size, size)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        return {"image": self.images[index], "label": torch.tensor(0), "index": torch.tensor(index)}

    def name(self, i: int) -> str:
        return str(i)


class _Data:
    """Random pictures as a data module serves them, every split the same."""

    classes: Sequence[str] = ("anything",)
    root = Path()
    has_masks = False
    normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

    def __init__(self, count: int, size: int) -> None:
        self.pictures = _Pictures(count, size)

    def setup(self, stage: str | None = None) -> None:
        """Nothing is left to do."""

    def model_settings(self) -> dict[str, object]:
        return {}

    def split(self, name: str) -> _Pictures:
        return self.pictures

    def view_dataset(self, name: str, view: int | None) -> _Pictures:
        return self.pictures

    def train_dataloader(self) -> DataLoader[Batch]:
        return self.eval_dataloader("train")

    def eval_dataloader(self, name: str, rank_share: bool = True) -> DataLoader[Batch]:
        return DataLoader(self.pictures, batch_size=8)


def run(images: int = 8, size: int = 224) -> list[Row]:
    """ResNet-50 at 224; the bare passes run on pictures that were made beforehand, one batch per condition with cover."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = _Data(256 if device.type == "cuda" else images, size)
    model = ERSMClassifier(200, (size, size), backbone={"name": "resnet50"})
    with tempfile.TemporaryDirectory() as folder, threads(1):
        runner: Runner[Classifier] = Runner(model, device)
        store = ArtifactStore(Path(folder))
        subject: ClassifierSubject = Subject(runner, [], data, "test", EVALUATION, store)
        few: ClassifierSubject = Subject(runner, [], _Data(2, size), "test", EVALUATION, store)
        conditions = conditions_of(SETTINGS, False)
        passes = 1 + sum(condition.area > 0 for condition in conditions)

        @torch.inference_mode()
        def bare() -> None:
            for batch in data.eval_dataloader("test"):
                pictures = runner.place(batch["image"])
                for _ in range(passes):
                    model.classify(model.features(pictures)).logits.argmax(1).cpu()

        bare_seconds = seconds = float("inf")
        sweep([few])  # warm-up
        for _ in range(2):
            start = time.perf_counter()
            bare()
            middle = time.perf_counter()
            sweep([subject])
            bare_seconds = min(bare_seconds, middle - start)
            seconds = min(seconds, time.perf_counter() - middle)
        batch = next(iter(data.eval_dataloader("test")))
        held = peak_memory(lambda: [0 for _ in occluded(subject, batch, conditions)], device) / 2**20
    note = (
        f"{len(data.pictures)} images, {len(conditions)} conditions, {passes} passes; ours costs {100 * (seconds / bare_seconds - 1):+.1f} %, goal 20 %; "
        f"making the pictures of a batch of {len(batch['label'])} holds {held:.0f} MiB"
    )
    return [Row("occlusion sweep, ResNet-50 at 224", seconds, bare_seconds, "s", round(1 / 1.2, 4), note)]
