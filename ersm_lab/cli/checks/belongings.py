"""Checks of what the user brings: data sets, and the account at W&B."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ersm_lab.cli.checks import GOOD, MISSING, Finding
from ersm_lab.core.plugins import merged
from ersm_lab.core.schema import DataConfig
from ersm_lab.tracking.sync import has_key, offline_runs


def data_sets(data: Mapping[str, DataConfig]) -> Iterator[Finding]:
    from ersm_lab.data.listing import source_of, state_of

    for name, group in sorted(data.items()):
        state = state_of(group)
        lacking = source_of(group) if state == "missing" else None
        get = ""
        if lacking is not None:
            root = Path(lacking.root)
            how = merged("sources").get(lacking.layout, "put it into {root}")
            get = how.format(root=root, above=root.parent, python=sys.executable)
        found = group.root + (f", {state}" if lacking is None else "")
        if lacking is not None and lacking is not group:
            found += f", made from {lacking.root}"
        yield Finding(f"data={name}", GOOD if lacking is None else MISSING, found, get)


def wandb(outputs: str) -> Iterator[Finding]:
    try:
        version = importlib.metadata.version("wandb")
    except importlib.metadata.PackageNotFoundError:
        said = "not installed; runs are recorded all the same"
        yield Finding("W&B", MISSING, said, "pip install wandb, or logger=csv")
        return
    mode = os.environ.get("WANDB_MODE")
    key = has_key()
    found = f"{version}, {'a key is set' if key else 'no key'}" + (f", WANDB_MODE={mode}" if mode else "")
    remedy = "" if key else "runs are recorded offline; wandb login, then logger.mode=online"
    yield Finding("W&B", GOOD if key else MISSING, found, remedy)
    if waiting := len(offline_runs([Path(outputs)])):
        found = f"{waiting} recorded offline below {outputs}"
        yield Finding("W&B, offline", GOOD, found, "ersm-lab wandb sync uploads them")
