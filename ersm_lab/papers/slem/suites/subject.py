"""What the SLEM suites are given: every picture that was learnt, its maps, and the settings that made them.

for picture in learnt_pictures(subject): picture.grey, picture.entropy[0], picture.error[0]
learn(other_image, settings_of(subject))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.picture_module import PictureDataModule, PictureDataset
from ersm_lab.data.pictures import Truth
from ersm_lab.evaluation.subject import DataT, SettingsT, Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.learner import EntropyLearner
from ersm_lab.papers.slem.schema import LearnerSettings

PictureSubject = Subject[SettingsT, EntropyLearner, PictureDataModule]


class SlemSuite(Suite[SettingsT, EntropyLearner, DataT]):
    """The base of suites over SLEM's learner."""

    def accept(self, model: object, data: object, settings: SettingsT) -> None:
        """The model must be the learner itself."""
        if not isinstance(model, EntropyLearner):
            raise UserError(
                f"evaluation.suite={settings.suite} is for runs of SLEM, not of {type(model).__name__}"
            )


class PictureSuite(SlemSuite[SettingsT, PictureDataModule]):
    """The base of those that read every picture of the data."""

    def accept(self, model: object, data: object, settings: SettingsT) -> None:
        """The data must be pictures without splits."""
        super().accept(model, data, settings)
        if not isinstance(data, PictureDataModule):
            raise UserError(
                f"evaluation.suite={settings.suite} is for pictures: use data=photographs, structures or folder"
            )


# what stands in for the industrial pictures of the paper, which are not public
STAND_INS = ("brick", "grass", "gravel", "coins", "retina")
STAND_IN_NOTE = f"{', '.join(STAND_INS[:-1])} and {STAND_INS[-1]} stand in for the paper's industrial images."


@dataclass(frozen=True)
class Learnt:
    """A picture and what learning it left, h = H - window_size + 1 and w likewise.

    index, name: in ``subject.data.pictures``. pixels: as stored, (H, W) or (H, W, 3). grey (H, W): what was learnt, in [0, 1].
    entropy, activity, error (E, h, w): the maps of its E sweeps. window_size: of its learner. truth: ``edges`` (H, W) and
    ``corners`` (P, 2) where they are known.
    """

    index: int
    name: str
    pixels: Pixels
    grey: Pixels
    entropy: Pixels
    activity: Pixels
    error: Pixels
    window_size: int
    truth: Truth | None

    def map_of(self, epoch: int) -> Pixels:
        """The entropy map ``(h, w)`` of a sweep, counted from 1. Raises ``UserError`` where there was none."""
        if not 1 <= epoch <= len(self.entropy):
            raise UserError(
                f"evaluation.points.epoch is {epoch}, but {self.name} was learnt for {len(self.entropy)} epochs"
            )
        found: Pixels = self.entropy[epoch - 1]
        return found


def settings_of(subject: Subject[SettingsT, EntropyLearner, DataT]) -> LearnerSettings:
    """The learner's settings."""
    return subject.runner.model.settings


def learnt_pictures(subject: PictureSubject[SettingsT]) -> Iterator[Learnt]:
    """Every picture with at least one sweep, in order; maps that are no longer in memory are learnt again, equal ones."""
    model = subject.runner.model
    items = PictureDataset(subject.data.pictures)
    for index, picture in enumerate(subject.data.pictures):
        epochs = model.epochs(index)
        if not epochs:
            continue
        image = items[index]["image"]
        maps = model.maps.get(index, [])
        if len(maps) != epochs:
            again = EntropyLearner(**vars(model.settings))
            maps = [again.learn(image, index) for _ in range(epochs)]
        values = image.numpy()
        yield Learnt(
            index=index,
            name=picture.name,
            pixels=picture.pixels,
            grey=luminance(values[0] if len(values) == 1 else np.moveaxis(values, 0, 2)),
            entropy=np.stack([map_.entropy for map_ in maps]),
            activity=np.stack([map_.activity for map_ in maps]),
            error=np.stack([map_.error for map_ in maps]),
            window_size=model.settings.window_size,
            truth=subject.data.truth(index),
        )


def every_learnt_picture(subject: PictureSubject[SettingsT]) -> list[Learnt]:
    """As ``learnt_pictures``. Raises ``UserError`` where there is none."""
    pictures = list(learnt_pictures(subject))
    if not pictures:
        raise UserError("no picture was learnt: the training ended before its first step")
    return pictures


def chosen(pictures: list[Learnt], count: int) -> list[Learnt]:
    """``count`` of them at most, evenly spread."""
    places = np.unique(np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int))
    return [pictures[place] for place in places] if count and pictures else []


def stand_in_note(pictures: list[Learnt]) -> str:
    """The sentence that says what the photographs stand in for, where they are among ``pictures``."""
    return STAND_IN_NOTE if set(STAND_INS) & {picture.name for picture in pictures} else ""
