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

# besides the packages of plug-ins
LIBRARIES = ("pytorch_lightning.callbacks.", "timm.optim.", "torch.optim.")


def check_allowed(node: object, prefix: str = "") -> None:
    """Raises ``UserError`` for a ``_target_`` anywhere below ``node`` that is not on the allow-list (no import)."""
    for key, target in _targets(node, prefix):
        _check_target(target, f"'{key}_target_' is {target}")


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
    _check_target(home, f"'{where}_target_' is {target}, in truth {home}")
    return found


def check_keywords(function: Callable[..., object], keywords: Mapping[str, object], where: str) -> None:
    """Raises ``UserError`` when ``function`` would not take one of ``keywords``."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for name in keywords:
        if name not in parameters:
            label = getattr(function, "__qualname__", str(function))
            raise UserError(
                f"unknown key '{where}{name}': {label} does not take it{nearest(name, list(parameters))}"
            )


def build(node: Mapping[str, object], where: str, **given: object) -> Any:
    """Builds a ``{_target_: ..., keywords}`` node, whose keywords go in as plain containers; ``given`` come from the caller."""
    keywords = {name: plain(value) for name, value in node.items() if name != "_target_"}
    target = resolve(str(node["_target_"]), where)
    check_keywords(target, keywords, where)
    return target(**keywords, **given)


def _check_target(target: str, what: str) -> None:
    if not target.startswith(LIBRARIES) and owner(target) is None:
        allowed = [*LIBRARIES, *(f"{plugin.package}." for plugin in plugins().values())]
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
