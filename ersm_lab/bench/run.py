"""``ersm-lab bench [NAME ...]``: speed as ratios to named references, measured in one run."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ersm_lab.core.errors import UserError
from ersm_lab.core.words import no_such

NAMES = (
    "start",
    "energy_mask",
    "trainer",
    "feature_cache",
    "deletion",
    "occlusion",
    "segmentation",
    "slem",
    "recheck",
    "head_sweep",
)


def command(words: Sequence[str]) -> int:
    """Runs the named benchmarks, or all; each module's ``run()`` gives its rows."""
    for word in words:
        if word not in NAMES:
            raise UserError(no_such("benchmark", word, NAMES))
    from ersm_lab.bench.table import show

    for name in words or NAMES:
        show(import_module(f"ersm_lab.bench.{name}").run(), title=name)
    return 0
