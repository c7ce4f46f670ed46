"""ERSM as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin
from ersm_lab.papers.ersm.schema import SCHEMAS

PLUGIN = Plugin(
    name="ersm",
    package="ersm_lab.papers.ersm",
    summary="an energy mask learns which spatial tokens of a classifier to keep",
    schemas=SCHEMAS,
    lead=("recommended",),
    baselines=("baseline",),
)
