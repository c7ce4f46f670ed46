"""SLEM as a plug-in (no torch, no numba)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec

_SUITES = "ersm_lab.papers.slem.suites"
_MAPS = f"{_SUITES}.settings:SlemEvaluationConfig"
_STUDIES = {
    name: f"{_SUITES}.{name}.settings:Slem{name.capitalize()}Config"
    for name in ("agreement", "repeatability", "dependence", "removal", "signature")
}
_CURVES = {name: f"{_SUITES}.{name}.settings:CURVES" for name in ("repeatability", "signature")}
_SEEDS = {"removal": "seeds", "signature": "seeds"}

PLUGIN = Plugin(
    name="slem",
    package="ersm_lab.papers.slem",
    summary="an MLP learns an image pixel by pixel; how much it has to change maps what is informative",
    schemas={
        ("model", "schema_slem"): "ersm_lab.papers.slem.schema:SLEMConfig",
        ("evaluation", "schema_slem"): _MAPS,
        **{("evaluation", f"schema_slem_{name}"): settings for name, settings in _STUDIES.items()},
    },
    suites={
        "slem": SuiteSpec(f"{_SUITES}.everything:EverythingSuite", _MAPS),
        "slem_maps": SuiteSpec(f"{_SUITES}.maps.suite:MapsSuite", _MAPS),
        "slem_points": SuiteSpec(f"{_SUITES}.points.suite:PointsSuite", _MAPS),
        **{
            f"slem_{name}": SuiteSpec(
                f"{_SUITES}.{name}.suite:{name.capitalize()}Suite",
                settings,
                curves=_CURVES.get(name, ""),
                seeds=_SEEDS.get(name, ""),
            )
            for name, settings in _STUDIES.items()
        },
    },
    verbs={"slem": "ersm_lab.papers.slem.verb"},
    smoke=(
        "experiment=slem/structures",
        "data.options={size: 32, count: 1, noise: 0.02, seed: 0}",
        "model.hidden=[4]",
        "model.memory=8",
        "trainer.max_epochs=2",
        "evaluation.panels=2",
    ),
)
