"""Features of a frozen backbone, computed once, memory-mapped, and shared by every head that asks for the same.

A cache is keyed by everything that makes the features: the backbone's weights and settings, the identity of the data,
their settings, the split, the augmented view and the arithmetic. It is written beside its place and renamed into it, so a
killed or concurrent writer never leaves half a cache.

Shapes: images ``n``, features ``(n, C, h, w)``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ersm_lab.config.schema import FeatureCacheConfig
from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Batch, FeatureClassifier, Items
from ersm_lab.core.schema import DataConfig
from ersm_lab.core.settings import result_settings
from ersm_lab.evaluation.runner import Runner
from ersm_lab.files.atomic import make_folder
from ersm_lab.runs.hashing import canonical_hash

T = TypeVar("T")

# settings of data that change no item of a view, or that the fingerprint stands for
_NOT_OF_AN_ITEM = ("layout", "options", "batch_size", "views")
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@runtime_checkable
class CacheableData(Protocol):
    """A data module whose features can be cached: it serves its splits under numbered views, the same whenever they are asked for.

    ``views``: how many fixed views of each image there are, in turn; 0 for another one in every epoch. ``augment_seed``: from
    which, with view and index, an image's augmentation follows.
    """

    @property
    def views(self) -> int: ...
    @property
    def augment_seed(self) -> int: ...

    def view_dataset(self, name: str, view: int | None) -> Items:
        """A split under one augmented view, or under the evaluation transform when ``view`` is None."""

    def train_sampler(self) -> Sampler[tuple[int, int]]: ...
    def eval_sampler(self, length: int) -> Sampler[int]: ...


class View(NamedTuple):
    """The arrays of one split under one view: features ``(n, C, h, w)``, labels ``(n,)``, object masks ``(n, H, W)`` or None."""

    features: Tensor
    labels: Tensor
    masks: np.ndarray | None


def weights_digest(module: torch.nn.Module) -> str:
    """SHA-256 over every parameter and buffer, names included."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class FeatureCache:
    """The cached features of one model on one data module.

    Parameters
    ----------
    root: folder of all caches.
    data: the data module, set up.
    data_settings: what it was made from.
    fingerprint: the identity of the data.
    runner: the model on its device; ``runner.model.backbone`` is cached.
    settings: how features are stored, and how many images go through the model at a time.
    """

    def __init__(
        self,
        root: Path,
        data: CacheableData,
        data_settings: DataConfig,
        fingerprint: str,
        runner: Runner[FeatureClassifier],
        settings: FeatureCacheConfig,
    ) -> None:
        self.root, self.data, self.runner, self.settings = root, data, runner, settings
        self.num_workers = data_settings.num_workers
        served = result_settings(data_settings)
        backbone = runner.model.backbone
        self._identity = {
            "weights": weights_digest(backbone),
            "architecture": repr(backbone),
            "data": fingerprint,
            "served": {key: value for key, value in served.items() if key not in _NOT_OF_AN_ITEM},
            "precision": runner.precision,
            "dtype": settings.dtype,
        }

    def dataset(self, split: str, views: int | None = None) -> CachedFeatures:
        """The features of ``split``; ``views`` augmented views in turn, or None for the evaluation transform."""
        wanted = [None] if views is None else list(range(views))
        return CachedFeatures([self._view(split, view) for view in wanted])

    def _view(self, split: str, view: int | None) -> View:
        seed = None if view is None else self.data.augment_seed
        folder = (
            self.root / canonical_hash({**self._identity, "name": split, "view": view, "seed": seed})[:20]
        )
        make_folder(
            folder,
            lambda temporary: self._build(temporary, split, view),
            "free some, or set paths.cache, trainer.feature_cache.dtype=bfloat16 or fewer data.views",
        )
        return _open(folder)

    def _build(self, folder: Path, split: str, view: int | None) -> None:
        dataset = self.data.view_dataset(split, view)
        loader: DataLoader[Batch] = DataLoader(
            dataset,  # type: ignore[arg-type]  # torch asks for no more than these two methods
            batch_size=self.settings.batch_size,
            num_workers=self.num_workers,
        )
        out: Tensor | None = None
        labels, masks, done = [], [], 0
        for batch in loader:
            features = self.runner.run(self.runner.model.features, batch["image"])
            features = features.to(_DTYPES[self.settings.dtype]).cpu()
            if out is None:
                out = _create(folder / "features.bin", (len(dataset), *features.shape[1:]), features.dtype)
            out[done : done + len(features)] = features
            done += len(features)
            labels.append(batch["label"])
            if "mask" in batch and view is None:  # only evaluation compares with the true object
                masks.append(batch["mask"])
        if out is None:
            raise UserError(f"the {split} split is empty")
        np.save(folder / "labels.npy", torch.cat(labels).numpy())
        if masks:
            np.save(folder / "masks.npy", torch.cat(masks).numpy())
        meta = {
            "shape": list(out.shape),
            "dtype": self.settings.dtype,
            "split": split,
            "view": view,
            "model": self.runner.model.backbone.name,
        }
        (folder / "meta.json").write_text(json.dumps(meta, indent=1))


class CachedFeatures(Dataset[Batch]):
    """Batches of cached features; keys are ``index``, or ``(epoch, index)`` as the epoch sampler gives them."""

    def __init__(self, views: Sequence[View]) -> None:
        self.views = views

    def __len__(self) -> int:
        return len(self.views[0].labels)

    def __getitem__(self, key: int | tuple[int, int]) -> Batch:
        batch = self.__getitems__([key])
        one: Batch = {
            "features": batch["features"][0],
            "label": batch["label"][0],
            "index": batch["index"][0],
        }
        if "mask" in batch:
            one["mask"] = batch["mask"][0]
        return one

    def __getitems__(self, keys: Sequence[int | tuple[int, int]]) -> Batch:
        """A whole batch at once: one gather per array in place of one item per image."""
        pairs = [key if isinstance(key, tuple) else (0, key) for key in keys]
        view = self.views[pairs[0][0] % len(self.views)]
        index = torch.tensor([index for _, index in pairs])
        batch: Batch = {
            "features": view.features[index].float(),
            "label": view.labels[index],
            "index": index,
        }
        if view.masks is not None:
            batch["mask"] = torch.from_numpy(np.array(view.masks[index.numpy()]))
        return batch


def whole(batch: T) -> T:
    """The collate function for ``CachedFeatures``, whose items come as batches already."""
    return batch


def _create(path: Path, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    count = int(np.prod(shape))
    with path.open("wb") as file:
        # reserve the space now: a mapped file on a full disk would end in SIGBUS, this ends in an OSError
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, count * dtype.itemsize)
        else:  # macOS
            file.truncate(count * dtype.itemsize)
    return torch.from_file(str(path), shared=True, size=count, dtype=dtype).view(shape)


def _open(folder: Path) -> View:
    meta = json.loads((folder / "meta.json").read_text())
    shape, dtype = meta["shape"], _DTYPES[meta["dtype"]]
    flat = torch.from_file(str(folder / "features.bin"), shared=False, size=int(np.prod(shape)), dtype=dtype)
    labels = torch.from_numpy(np.load(folder / "labels.npy"))
    masks = folder / "masks.npy"
    return View(flat.view(shape), labels, np.load(masks, mmap_mode="r") if masks.is_file() else None)
