"""Versions of the generators, by layout: part of the identity of what they make. No torch here."""

from __future__ import annotations

from ersm_lab.core.plugins import merged

GENERATED = {"digits": 1, "composites": 1, "toy_streets": 1, "photographs": 1, "structures": 1}


def generated() -> dict[str, int]:
    """The versions of all generators, those of plug-ins too."""
    return merged("generated")
