"""Registers every schema with Hydra, and finds the folders of YAML: ``conf/``, and those of plug-ins."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathElement
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

import ersm_lab
from ersm_lab.config import schema
from ersm_lab.config.schema import RunConfig
from ersm_lab.core import plugins
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings
from ersm_lab.tracking import schema as trackers

PACKAGE = Path(ersm_lab.__file__).parent
_FROZEN: list[Path] = []


def conf_dir() -> Path:
    """The lab's own folder of YAML files: inside the package for a wheel, at the top of the repository otherwise."""
    for candidate in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if (candidate / "config.yaml").is_file():
            return candidate
    raise UserError(
        f"no conf/config.yaml in {PACKAGE} or {PACKAGE.parent}: the installation is incomplete, reinstall it"
    )


def folders() -> list[Path]:
    """Every folder of YAML, the lab's own first; of files with one name the first counts."""
    if _FROZEN:
        return [_FROZEN[-1]]
    return [conf_dir(), *(plugin.conf for plugin in plugins.plugins().values() if plugin.conf is not None)]


@contextmanager
def frozen(own: Path | None = None) -> Iterator[None]:
    """A copy of all folders stands for them while the block runs: later edits change nothing that is composed here.

    ``own``: a folder of the user's with the same groups. As in Hydra, it adds files and replaces none.
    """
    with tempfile.TemporaryDirectory(prefix="ersm_lab-conf-") as folder:
        first, *others = folders()
        copy = Path(shutil.copytree(first, Path(folder) / "conf"))
        for source in [*others, *([own] if own else [])]:
            for path in source.rglob("*.yaml"):
                place = copy / path.relative_to(source)
                if not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, place)
        _FROZEN.append(copy)
        try:
            yield
        finally:
            _FROZEN.remove(copy)


def options(group: str) -> list[str]:
    """The names that ``group=`` takes."""
    return sorted(
        {
            path.relative_to(root / group).with_suffix("").as_posix()
            for root in folders()
            for path in (root / group).rglob("*.yaml")
        }
    )


def find(group: str, name: str) -> Path | None:
    """The file of one option of a group, or None."""
    files = (root / group / f"{name}.yaml" for root in folders())
    return next((file for file in files if file.is_file()), None)


def evaluations_of(suite: str) -> list[str]:
    """The options of the group ``evaluation`` that name this suite, or are called like it."""
    return [name for name in options("evaluation") if suite in (name, said("evaluation", name, "suite"))]


def said(group: str, name: str, key: str) -> object:
    """What the file of one option says of a key, unchecked; None where it says nothing, or is not there."""
    file = find(group, name)
    return OmegaConf.select(OmegaConf.load(file), key) if file else None


def groups() -> list[str]:
    """Every group of YAML, those of Hydra left out."""
    found = {path.name for root in folders() for path in root.iterdir() if path.is_dir()}
    return sorted(found - {"hydra"})


def run_groups() -> list[str]:
    """The groups that make up a run's configuration, as ``group=option`` takes them."""
    return [name for name in groups() if name in RunConfig.__dataclass_fields__]


def loader() -> ConfigLoaderImpl:
    """Hydra's loader over all folders, with every schema registered."""
    register()
    first, *others = folders()
    path = create_config_search_path(str(first))
    for place, other in enumerate(others):
        # before the last, the schemas, which Hydra wants there
        path.get_path().insert(-1, SearchPathElement(f"plug-in {place}", f"file://{other}"))
    return ConfigLoaderImpl(path)


def schemas() -> dict[tuple[str, str], type[Settings]]:
    """Every schema by group and name, those of plug-ins too."""
    return {**schema.SCHEMAS, **trackers.SCHEMAS, **plugins.schemas()}


def register() -> None:
    """Puts every schema into Hydra's ConfigStore; calling it again changes nothing."""
    store = ConfigStore.instance()
    # Hydra copies it whole at every composition, and for every line of its help: most of what these took. What is loaded
    # from it is copied anyway.
    store.__deepcopy__ = lambda memo: store  # type: ignore[attr-defined]
    for (group, name), node in schemas().items():
        store.store(group=group or None, name=name, node=node, provider="ersm_lab")
