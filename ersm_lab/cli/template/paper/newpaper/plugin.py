"""What the lab is told about this paper (no torch)."""

from pathlib import Path

from ersm_lab.core.plugins import Plugin, SuiteSpec

PLUGIN = Plugin(
    name="newpaper",
    package="newpaper",
    summary="a classifier learns where to look",
    schemas={
        ("model", "schema_newpaper"): "newpaper.schema:NewPaperConfig",
        ("evaluation", "schema_newpaper"): "newpaper.settings:FocusConfig",
    },
    suites={"newpaper_focus": SuiteSpec("newpaper.suite:FocusSuite", "newpaper.settings:FocusConfig")},
    conf=Path(__file__).parent / "conf",
    lead=("focus",),
    baselines=("everywhere",),
    smoke=("experiment=newpaper/digits", "trainer.max_epochs=2", "model.width=4"),
)
