"""SLEM as a plug-in (no torch, no numba)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec
from ersm_lab.papers.slem.schema import SCHEMAS
from ersm_lab.papers.slem.suites import schema

_SUITES = "ersm_lab.papers.slem.suites"
_STUDIES: dict[str, type[schema.SlemStudyConfig]] = {
    "agreement": schema.SlemAgreementConfig,
    "repeatability": schema.SlemRepeatabilityConfig,
    "dependence": schema.SlemDependenceConfig,
    "removal": schema.SlemRemovalConfig,
    "signature": schema.SlemSignatureConfig,
}

PLUGIN = Plugin(
    name="slem",
    package="ersm_lab.papers.slem",
    summary="an MLP learns an image pixel by pixel; how much it has to change maps what is informative",
    schemas={
        **SCHEMAS,
        ("evaluation", "schema_slem"): schema.SlemEvaluationConfig,
        **{("evaluation", f"schema_slem_{name}"): kind for name, kind in _STUDIES.items()},
    },
    verbs={"slem": "ersm_lab.papers.slem.verb"},
    suites={
        "slem": SuiteSpec(f"{_SUITES}.everything:evaluate", schema.SlemEvaluationConfig),
        "slem_maps": SuiteSpec(f"{_SUITES}.maps:evaluate", schema.SlemEvaluationConfig),
        "slem_points": SuiteSpec(f"{_SUITES}.points:evaluate", schema.SlemEvaluationConfig),
        **{
            f"slem_{name}": SuiteSpec(f"{_SUITES}.{name}_suite:evaluate", kind)
            for name, kind in _STUDIES.items()
        },
    },
    trial=(
        "experiment=slem/structures",
        "data.options={size: 32, count: 1, noise: 0.02, seed: 0}",
        "model.hidden=[4]",
        "model.memory=8",
        "trainer.max_epochs=2",
        "evaluation.panels=2",
    ),
)
