"""FoR-Net as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin
from ersm_lab.papers.fornet.schema import SCHEMAS

PLUGIN = Plugin(
    name="fornet",
    package="ersm_lab.papers.fornet",
    summary="a selector and Top-K masks put effort where segmentation is hard",
    schemas=SCHEMAS,
    lead=("fornet",),
    baselines=("fornet_k1",),
)
