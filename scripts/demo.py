"""The three methods on embedded data, each with a table and its figures.

    make demo      or      python scripts/demo.py [ersm] [fornet] [slem] [KEY=VALUE ...]

Overrides go to every part that is named (all by default). Finished runs are reused: a second call takes seconds.
"""

from __future__ import annotations

import sys
import time

from demo_ersm import ersm_part
from demo_fornet import fornet_part
from demo_slem import slem_part
from rich.console import Console

from ersm_lab.core.errors import UserError

PARTS = {"ersm": ersm_part, "fornet": fornet_part, "slem": slem_part}


def main(words: list[str]) -> int:
    """Runs the parts one after the other; 1 when a run failed."""
    names = [word for word in words if "=" not in word] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise UserError(f"the demo has no part '{unknown[0]}'; there are: {', '.join(PARTS)}")
    start, console = time.perf_counter(), Console()
    codes = []
    for name in names:
        codes.append(PARTS[name](console, [word for word in words if "=" in word]))
        console.print()
    console.print(f"{time.perf_counter() - start:.0f} s in all", highlight=False)
    return max(codes)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
