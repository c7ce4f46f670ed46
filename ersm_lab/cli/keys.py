"""``ersm-lab train experiment=NAME --help``: every key of a configuration in words."""

from __future__ import annotations

from collections.abc import Iterable

from ersm_lab.cli.parser import WIDTH
from ersm_lab.config.compose import Experiment
from ersm_lab.config.describe import Key, about, keys_of, written
from ersm_lab.config.store import options, run_groups
from ersm_lab.core.words import wrapped

_HOW = """\
Every key, with the value that these words give it. key=value changes one, group=option takes
another file for a whole group. The schema's own value stands beside one that differs from it.
"""


def explained(experiment: Experiment) -> str:
    """The keys of an experiment by group, each with value, type, limits and meaning."""
    config = experiment.config
    rest = [key for key in keys_of(config) if "." not in key.name]
    said = wrapped("ersm-lab train ", [" ".join(experiment.overrides)], WIDTH, indent=4)
    blocks = [f"{said}\n", _HOW, _block(rest)]
    for group in run_groups():
        settings = getattr(config, group)
        head = wrapped(f"{group}=", options(group), WIDTH, indent=len(group) + 1)
        taken = f"  taken: {experiment.options.get(group, 'none')}"
        meaning = wrapped("  ", [about(type(settings))], WIDTH, indent=2)
        blocks.append("\n".join([head, taken, meaning, "", _block(keys_of(settings, f"{group}."))]))
    return "\n".join(blocks)


def _block(keys: Iterable[Key]) -> str:
    return "".join(f"{_entry(key)}\n" for key in keys)


def _entry(key: Key) -> str:
    default = "" if key.value == key.default or key.default == "???" else f" (schema: {written(key.default)})"
    kind = f"{key.kind}, one of {', '.join(key.choices)}" if key.choices else key.kind
    meaning = wrapped("      ", [f"{key.meaning} [{kind}]"], WIDTH, indent=6)
    value = wrapped(f"  {key.name} = ", [f"{key.written}{default}"], WIDTH, indent=8)
    return f"{value}\n{meaning}"
