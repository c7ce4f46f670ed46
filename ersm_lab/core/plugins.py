"""The plug-in registry: what papers, and anybody's packages, bring to the lab.

A plug-in is one object, found through an entry point of the group ``ersm_lab.plugins`` or as ``NAME/plugin.py`` below the
folder that ``ERSM_LAB_PLUGINS`` names. The papers of this package register by the same door. One that cannot be loaded costs a
line on standard error and nothing else. A plug-in's own module imports little more than this one: it names what it brings as
``module:NAME``, which is imported when somebody asks for it. So help and completion stay quick, however many there are.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings
from ersm_lab.core.words import no_such

GROUP = "ersm_lab.plugins"
FOLDER = "ERSM_LAB_PLUGINS"


@dataclass(frozen=True)
class CurveFamily:
    """A table of a suite whose rows are points of curves, for the report page.

    Parameters
    ----------
    table: its name among a run's artifacts.
    title: of its charts.
    x, x_label: the column along the axis, and what to call it.
    ys: columns of values, shares in [0, 1] that are shown as percent, and what to call them.
    panels: columns; each of their values gets a chart.
    picks: columns; each gets a menu.
    prefer: of a pick, the values of which the first that a run has is shown at the start; ``*`` is all of them.
    help: a sentence below the title: which way is better.
    replaces: figures of the same evaluation that the page need not show, since it draws them itself.
    """

    table: str
    title: str
    x: str
    x_label: str
    ys: Mapping[str, str]
    panels: tuple[str, ...] = ()
    picks: tuple[str, ...] = ()
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    help: str = ""
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class SuiteSpec:
    """A suite by name: ``target`` is ``module:Class`` of an ``ersm_lab.evaluation.suite.Suite``, ``settings`` that of its settings.

    ``curves``: ``module:NAME`` of a tuple of ``CurveFamily``: what the report can draw of its tables.
    ``sums``: ``module:function`` for a suite that keeps counts per image in the artifact ``counts``. The function takes the label
    table of the data's layout (None where it has none) and gives, for each score by name, the array of counts that it is made of
    and a function from sums ``(m, ...)`` to scores ``(m,)``; its module imports no torch.
    ``seeds``: the setting that says from how many seeds one run of a study draws.
    ``drawn``: figures that the report need not show, since it draws the table of the same name.
    """

    target: str
    settings: str
    curves: str = ""
    sums: str = ""
    seeds: str = ""
    drawn: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plugin:
    """What one package brings.

    Parameters
    ----------
    name: a single word; a paper's is its folder below the outputs, and stands before the slash of its experiments.
    package: import path below which ``_target_`` may name classes.
    summary: one line for ``ersm-lab list``.
    schemas: ``module:Class`` of settings for Hydra, by (group, name), such as ``("model", "schema_mine")``.
    suites: what can be measured, by name.
    layouts: ``module:function`` that reads a data set, by name.
    label_tables: ``module:NAME`` of what the labels per pixel of a layout mean, by layout.
    rankings: ``module:NAME`` of an ``ersm_lab.evaluation.classifiers.rankings.Ranking`` of tokens, by name; the first of a
        paper's is what comparisons take for its own.
    generated: versions of layouts whose data are generated, by name; part of the data's identity.
    conf: folder of YAML with the groups of ``conf/``; what the lab's own folder has too is not replaced.
    lead, baselines: variants that comparisons subtract from, and subtract; the first that is there counts.
    verbs: what it adds to the command line: import paths of modules that keep ``ersm_lab.core.protocols.Verb``, by name.
    smoke: the words of a smoke test: a run that takes seconds on embedded data: what ``ersm_lab.testing.check_paper`` trains.
    sources: how the publishers hand out the data of its layouts, by name, for ``ersm-lab doctor``.
    """

    name: str
    package: str
    summary: str = ""
    schemas: Mapping[tuple[str, str], str] = field(default_factory=dict)
    suites: Mapping[str, SuiteSpec] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)
    label_tables: Mapping[str, str] = field(default_factory=dict)
    rankings: Mapping[str, str] = field(default_factory=dict)
    generated: Mapping[str, int] = field(default_factory=dict)
    conf: Path | None = None
    lead: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    verbs: Mapping[str, str] = field(default_factory=dict)
    smoke: tuple[str, ...] = ()

    def owns(self, target: str) -> bool:
        """Whether a dotted path lies in its package."""
        return target.startswith(f"{self.package}.")


@functools.cache
def plugins() -> Mapping[str, Plugin]:
    """Every plug-in that could be loaded, by name; looked for once in the life of the process."""
    found: dict[str, Plugin] = {}
    for point in sorted(
        entry_points(group=GROUP), key=lambda point: (not point.value.startswith("ersm_lab."), point.name)
    ):
        _add(found, point.name, point.value, point.load)
    folder = os.environ.get(FOLDER)
    for file in sorted(Path(folder).glob("*/plugin.py")) if folder else ():
        name = file.parent.name
        if str(file.parents[1].absolute()) not in sys.path:
            sys.path.append(str(file.parents[1].absolute()))
        _add(found, name, str(file), functools.partial(_from_folder, name))
    return found


def _from_folder(name: str) -> Any:
    return import_module(f"{name}.plugin").PLUGIN


def _add(found: dict[str, Plugin], name: str, where: str, load: Any) -> None:
    try:
        plugin = load()
        if not isinstance(plugin, Plugin):
            raise TypeError(f"it is a {type(plugin).__name__}, not an ersm_lab.core.plugins.Plugin")
        if plugin.conf is not None and not plugin.conf.is_dir():
            raise FileNotFoundError(f"its folder of YAML, {plugin.conf}, is not there")
        if plugin.name in found:
            raise ValueError(f"there is a plug-in {plugin.name!r} already, {found[plugin.name].package}")
        for kind in ("schemas", "suites", "layouts", "label_tables", "rankings"):
            for other in found.values():
                if twice := sorted(map(str, getattr(plugin, kind).keys() & getattr(other, kind).keys())):
                    raise ValueError(f"{kind} has {twice[0]}, which the plug-in {other.name!r} has too")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _say(f"plug-in {name} ({where}) is left out", error)
        return
    found[plugin.name] = plugin


def _say(what: str, error: BaseException) -> None:
    reason = " ".join(str(error).split()) or "no message"
    print(f"{what}: {type(error).__name__}: {reason}"[:300], file=sys.stderr)


@functools.cache
def schemas() -> Mapping[tuple[str, str], type[Settings]]:
    """The settings classes of all plug-ins, by group and name. A plug-in whose cannot be imported costs a line and has none."""
    found: dict[tuple[str, str], type[Settings]] = {}
    for plugin in plugins().values():
        try:
            own = {key: load(target) for key, target in plugin.schemas.items()}
            if odd := next((key for key, kind in own.items() if not issubclass(kind, Settings)), None):
                raise TypeError(f"{plugin.schemas[odd]} is no class of settings")
        except Exception as error:
            _say(f"plug-in {plugin.name} ({plugin.package}) has no settings", error)
            continue
        found |= own
    return found


@functools.cache
def loaded(kind: str, part: str = "") -> Mapping[str, Any]:
    """What the entries of one of the mappings of all plug-ins name, by their names.

    ``part``: of a suite, such as ``curves``; suites that have none are left out. What cannot be imported costs a line and
    is left out too: for what asks all plug-ins, and must not stop at one of them.
    """
    found = {}
    for plugin in plugins().values():
        for name, entry in getattr(plugin, kind).items():
            target = getattr(entry, part) if part else entry
            if not target:
                continue
            try:
                found[name] = load(target)
            except Exception as error:
                _say(
                    f"plug-in {plugin.name} ({plugin.package}): {part or kind} of {name} are left out", error
                )
    return found


def forget() -> None:
    """Plug-ins are looked for again when they are asked for next."""
    for known in (plugins, schemas, loaded):
        known.cache_clear()


def merged(kind: str) -> dict[Any, Any]:
    """One of the mappings of all plug-ins, such as ``suites``, as one."""
    return {key: value for plugin in plugins().values() for key, value in getattr(plugin, kind).items()}


def registered(kind: str) -> Callable[[], tuple[str, ...]]:
    """The names in one of the mappings of all plug-ins, when they are asked for: the ``choices`` of a setting."""
    return lambda: tuple(merged(kind))


def owner(target: str) -> Plugin | None:
    """The plug-in in whose package the dotted path ``target`` lies, or None."""
    return next((plugin for plugin in plugins().values() if plugin.owns(target)), None)


def suite_spec(name: str) -> SuiteSpec:
    """The suite ``name``. Raises ``UserError`` where no plug-in has it."""
    suites = merged("suites")
    if name not in suites:
        raise UserError(f"evaluation.suite: {no_such('suite', name, suites)}")
    found: SuiteSpec = suites[name]
    return found


def load(target: str) -> Any:
    """What ``module:name`` names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
