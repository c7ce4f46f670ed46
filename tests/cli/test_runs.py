"""`ersm-lab runs`: which runs are listed, in what order, and which are removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ersm_lab.cli import main
from ersm_lab.runs.directory import RunDirectory

RECORD = {"config_hash": "c0ffee", "package_digest": "f00d", "data_fingerprint": "dada", "upstream": {}}
