"""One module per layout of files, with ``read(root, **options) -> ImageData``. A new data set is one module and one YAML."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ersm_lab.data.splits import ImageData
from ersm_lab.errors import UserError


def read_layout(layout: str, root: Path, options: Mapping[str, Any]) -> ImageData:
    """Reads the data set in ``root``, which lies in ``layout``.

    Raises ``UserError``: an unknown layout or option, a missing or empty folder, fewer than two classes, class folders
    that differ between splits.
    """
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if layout not in known:
        near = difflib.get_close_matches(layout, known, n=1)
        raise UserError(
            f"data.layout: no layout {layout!r}{f'; did you mean {near[0]!r}?' if near else ''} There are: {', '.join(known)}"
        )
    read = import_module(f"{__name__}.{layout}").read
    taken = list(inspect.signature(read).parameters)[1:]
    for option in options:
        if option not in taken:
            near = difflib.get_close_matches(option, taken, n=1)
            hint = (
                f"; did you mean '{near[0]}'?" if near else f"; {layout} takes {', '.join(taken) or 'none'}"
            )
            raise UserError(f"unknown key 'data.options.{option}'{hint}")
    data: ImageData = read(root, **options)
    if len(data.classes) < 2:
        raise UserError(
            f"{root} holds one class only ({', '.join(data.classes)}); a classifier needs at least two class folders"
        )
    return data
