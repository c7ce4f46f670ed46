"""Random pictures with object masks, served as a data module of classifiers serves them: what suites can be tried on in no time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.subject import Subject
from ersm_lab.runs.artifacts import ArtifactStore


class Pictures:
    """``count`` pictures of 16 x 16 pixels in three classes; the object is a square that moves with the index."""

    classes = ("one", "two", "three")
    root = Path("nowhere")
    normalisation = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

    def __init__(self, count: int = 12, has_masks: bool = True, batch_size: int = 5) -> None:
        generator = torch.Generator().manual_seed(0)
        self.has_masks, self.batch_size = has_masks, batch_size
        self.items = []
        for index in range(count):
            item = {
                "image": torch.randn(3, 16, 16, generator=generator),
                "label": torch.tensor(index % 3),
                "index": torch.tensor(index),
            }
            if has_masks:
                item["mask"] = torch.zeros(16, 16, dtype=torch.bool)
                item["mask"][index % 8 : index % 8 + 6, 2:9] = True
            self.items.append(item)

    def setup(self, stage: str | None = None) -> None: ...

    def model_settings(self) -> dict[str, object]:
        return {"num_classes": 3, "image_size": (16, 16)}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return self.items[place]

    def name(self, i: int) -> str:
        return f"{i}.png"

    def split(self, name: str) -> Pictures:
        return self

    def view_dataset(self, name: str, view: int | None) -> Pictures:
        return self

    def eval_dataloader(self, name: str, rank_share: bool = True) -> Iterator[dict[str, torch.Tensor]]:
        for start in range(0, len(self.items), self.batch_size):
            part = self.items[start : start + self.batch_size]
            yield {key: torch.stack([item[key] for item in part]) for key in part[0]}


def subject_of(
    model: torch.nn.Module, folder: Path, data: Pictures | None = None, **settings: object
) -> Subject:
    """The model on the test split of ``data``, with ``settings`` of ``ClassifierEvaluationConfig``; artifacts go to ``folder``."""
    data = data or Pictures()
    runner = Runner(model, torch.device("cpu"))
    evaluation = ClassifierEvaluationConfig.of({"panels": 2, **settings})
    batches = list(data.eval_dataloader("test"))
    return Subject(runner, batches, data, "test", evaluation, ArtifactStore(folder))
