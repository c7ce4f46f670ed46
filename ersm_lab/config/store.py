"""Registers every schema with Hydra and finds ``conf/``.

A paper's schemas are found by folder: a module ``ersm_lab/papers/<paper>/schema.py`` with a dictionary
``SCHEMAS: {(group, name): dataclass}``. A new paper needs no edit here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from hydra.core.config_store import ConfigStore

import ersm_lab
from ersm_lab.config import picture_schemas, schemas, study_schemas
from ersm_lab.errors import UserError

PACKAGE = Path(ersm_lab.__file__).parent
_FROZEN: list[Path] = []


def conf_dir() -> Path:
    """The folder of YAML files: inside the package for a wheel, at the top of the repository otherwise."""
    if _FROZEN:
        return _FROZEN[-1]
    for candidate in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if (candidate / "config.yaml").is_file():
            return candidate
    raise UserError(
        f"no conf/config.yaml in {PACKAGE} or {PACKAGE.parent}: the installation is incomplete, reinstall it"
    )


@contextmanager
def frozen(own: Path | None = None) -> Iterator[None]:
    """A copy of ``conf/`` stands for it while the block runs: later edits change nothing that is composed here.

    ``own``: a folder of the user's with the same groups. As in Hydra, it adds files and replaces none.
    """
    with tempfile.TemporaryDirectory(prefix="ersm_lab-conf-") as folder:
        copy = Path(shutil.copytree(conf_dir(), Path(folder) / "conf"))
        for path in own.rglob("*.yaml") if own else ():
            place = copy / path.relative_to(own or path)
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
    root = conf_dir() / group
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


def paper_schemas() -> dict[tuple[str, str], type]:
    """The schemas of all papers, by (group, name)."""
    found: dict[tuple[str, str], type] = {}
    for path in sorted((PACKAGE / "papers").glob("*/schema.py")):
        found.update(import_module(f"ersm_lab.papers.{path.parent.name}.schema").SCHEMAS)
    return found


def register() -> None:
    """Puts every schema into Hydra's ConfigStore; calling it again changes nothing."""
    store = ConfigStore.instance()
    # Hydra copies it whole at every composition, and for every line of its help: most of what these took. What is loaded
    # from it is copied anyway.
    store.__deepcopy__ = lambda memo: store  # type: ignore[attr-defined]
    for (group, name), node in {
        **schemas.SCHEMAS,
        **picture_schemas.SCHEMAS,
        **study_schemas.SCHEMAS,
        **paper_schemas(),
    }.items():
        store.store(group=group or None, name=name, node=node, provider="ersm_lab")
