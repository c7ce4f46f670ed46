"""Values as strict JSON knows them: it has no NaN, no infinity and no scalars of numpy or torch."""

from __future__ import annotations

import math
from collections.abc import Mapping


def json_value(value: object, strict: bool = True) -> object:
    """``value`` as JSON knows it: scalars of numpy and torch become Python's, what is of no such kind its ``str``.

    NaN and infinity become None, unless ``strict`` is False: then they stay.
    """
    if isinstance(value, Mapping):
        return {str(key): json_value(item, strict) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item, strict) for item in value]
    if isinstance(value, float):
        return None if strict and not math.isfinite(value) else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return json_value(value.item(), strict) if hasattr(value, "item") else str(value)
