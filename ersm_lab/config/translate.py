"""Hydra's and OmegaConf's errors in one line: what is wrong, where, what would be right."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import open_dict
from omegaconf.errors import OmegaConfBaseException

from ersm_lab.config.check import known_keys
from ersm_lab.config.store import groups, loader, options
from ersm_lab.core.errors import message_of
from ersm_lab.core.words import nearest, no_such

CONFIG_ERRORS = (HydraException, OmegaConfBaseException)


def one_line(error: BaseException, known: Collection[str] = ()) -> str:
    """The message for a user. ``error`` is one of ``CONFIG_ERRORS``; ``known``: the keys that a mistyped one is compared with, by
    default those of the default configuration."""
    chain = list(_chain(error))
    text = "\n".join(str(link) for link in chain)
    for link in chain:
        if isinstance(link, MissingConfigException) and link.options is not None and link.missing_cfg_file:
            return _missing_option(link)
        if isinstance(link, OverrideParseException):
            return f"cannot read the override '{link.override}': write key=value, group=option or key=a,b,c with -m"
    if match := re.search(r"Could not override '([^']+)'\.\s*No match in the defaults list", text):
        group = match[1].partition("@")[0].partition(":")[0]
        return f"unknown group '{group}'{nearest(group, groups())}"
    key = match[1] if (match := re.search(r"full_key: (\S+)", text)) else None
    if key and re.search(r"Key '[^']+' (?:is )?not in", text):
        known, parent = known or _known(), key.rpartition(".")[0]
        if parent in known and not any(name.startswith(f"{parent}.") for name in known):
            return f"'{parent}' takes any key, but a new one needs a plus: write +{key}=VALUE"
        return f"unknown key '{key}'{nearest(key, known)}{_where(text)}"
    if key:
        reason = next((line for line in text.splitlines() if "could not be converted" in line), "")
        reason = reason or next((line for line in text.splitlines() if line and "full_key" not in line), "")
        reason = re.sub(r"^Error merging override .*", "", reason.strip()) or "has a value of the wrong type"
        return f"'{key}': {reason[:1].lower()}{reason[1:]}{_where(text)}"
    return message_of(error, lines=2)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _missing_option(error: MissingConfigException) -> str:
    group, _, option = str(error.missing_cfg_file).partition("/")
    return no_such(group, option, options(group) or error.options or [])


def _where(text: str) -> str:
    match = re.search(r"In '([^']+)':", text)
    return f" (in conf/{match[1]}.yaml)" if match and match[1] != "config" else ""


def _known() -> set[str]:
    """The keys of the default configuration."""
    config = loader().load_configuration("config", [], run_mode=RunMode.RUN)
    with open_dict(config):
        del config["hydra"]
    return set(known_keys(config))
