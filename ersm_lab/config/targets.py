"""Nodes that name a library class: allow-listed, and their keywords checked against the signature before anything is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import owner, plugins
from ersm_lab.core.settings import plain
from ersm_lab.core.words import nearest

# what a group may name besides classes of plug-ins; models and data are always those of a plug-in
LIBRARIES = {"callbacks": ("pytorch_lightning.callbacks.",), "optimizer": ("timm.optim.", "torch.optim.")}


def check_allowed(node: object, prefix: str = "") -> None:
    """Raises ``UserError`` for a ``_target_`` anywhere below ``node`` that is not on the allow-list (no import)."""
    for key, target in _targets(node, prefix):
        _check_target(target, key, f"'{key}_target_' is {target}")


def resolve(target: str, where: str) -> Callable[..., Any]:
    """The class or function that an allowed dotted path names.

    Raises
    ------
    UserError: it is not there (with the nearest name), or it comes from elsewhere: a module hands on what it imports itself.
    """
    check_allowed({"_target_": target}, where)
    module_name, _, name = target.rpartition(".")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserError(f"'{where}_target_' is {target}: no module {error.name}") from error
    found: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(found):
        names = [n for n in dir(module) if not n.startswith("_")]
        raise UserError(f"'{where}_target_' is {target}: {module_name} has no {name}{nearest(name, names)}")
    home = f"{getattr(found, '__module__', None)}.{name}"
    _check_target(home, where, f"'{where}_target_' is {target}, in truth {home}")
    return found


def check_keywords(function: Callable[..., object], keywords: Mapping[str, object], where: str) -> None:
    """Raises ``UserError`` when ``function`` would not take one of ``keywords``."""
    fitting = taken(function, keywords)
    for name in keywords:
        if name not in fitting:
            label = getattr(function, "__qualname__", str(function))
            near = nearest(name, inspect.signature(function).parameters)
            raise UserError(f"unknown key '{where}{name}': {label} does not take it{near}")


def taken(function: Callable[..., object], keywords: Mapping[str, object]) -> dict[str, object]:
    """Those of ``keywords`` that ``function`` takes."""
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {name: value for name, value in keywords.items() if takes_any or name in parameters}


def build(node: Mapping[str, object], where: str, **given: object) -> Any:
    """Builds a ``{_target_: ..., keywords}`` node, whose keywords go in as plain containers.

    ``given`` come from the caller, and go in where the class takes them. Raises ``UserError`` for a keyword that it does not
    take, and for one that it needs and nobody gives.
    """
    target = resolve(str(node["_target_"]), where)
    keywords = {name: plain(value) for name, value in node.items() if name != "_target_"}
    check_keywords(target, keywords, where)
    keywords |= taken(target, given)
    for name in required(target):
        if name not in keywords:
            raise UserError(f"'{where}_target_' is {node['_target_']}, which needs {name}: nothing gives it")
    return target(**keywords)


def required(function: Callable[..., object]) -> list[str]:
    """The names without which ``function`` cannot be called."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in several]


def _check_target(target: str, where: str, what: str) -> None:
    libraries = LIBRARIES.get(where.partition(".")[0], ())
    if not target.startswith(libraries) and owner(target) is None:
        allowed = [*libraries, *(f"{plugin.package}." for plugin in plugins().values())]
        raise UserError(f"{what}, which may not be built; allowed: {', '.join(allowed)}")


def _targets(node: object, prefix: str) -> Iterator[tuple[str, str]]:
    """Every ``_target_`` at or below a node, with the key of what holds it."""
    if isinstance(node, Mapping):
        if isinstance(node.get("_target_"), str):
            yield prefix, node["_target_"]
        for key, value in node.items():
            yield from _targets(value, f"{prefix}{key}.")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _targets(value, f"{prefix}{index}.")
