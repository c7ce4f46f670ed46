"""The names that other people's code binds to."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ersm_lab.metrics


@pytest.mark.parametrize("name", ersm_lab.metrics.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(ersm_lab.metrics, name).__name__ == name


def test_the_package_alone_loads_no_torch() -> None:
    """Breaks when a name is imported eagerly: help and configuration errors would take seconds."""
    code = "import sys, ersm_lab.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
