"""Values as strict JSON knows them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from ersm_lab.files.strict_json import json_value


def test_what_json_does_not_know_is_replaced() -> None:
    """Breaks when a number of numpy that is not finite is written as NaN, which no strict reader takes."""
    found = json_value({1: (np.float32("nan"), np.int64(2), float("inf")), "at": Path("x"), "on": True})
    assert found == {"1": [None, 2, None], "at": "x", "on": True}
    json.dumps(found, allow_nan=False)
    kept = json_value([np.float64("nan")], strict=False)
    assert isinstance(kept, list)
    assert math.isnan(kept[0])
