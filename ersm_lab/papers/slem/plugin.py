"""SLEM as a plug-in (no torch, no numba)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec
from ersm_lab.papers.slem.schema import SCHEMAS
from ersm_lab.papers.slem.suites.agreement.settings import SlemAgreementConfig
from ersm_lab.papers.slem.suites.dependence.settings import SlemDependenceConfig
from ersm_lab.papers.slem.suites.removal.settings import SlemRemovalConfig
from ersm_lab.papers.slem.suites.repeatability import settings as repeatability
from ersm_lab.papers.slem.suites.settings import SlemEvaluationConfig
from ersm_lab.papers.slem.suites.signature import settings as signature

_SUITES = "ersm_lab.papers.slem.suites"

PLUGIN = Plugin(
    name="slem",
    package="ersm_lab.papers.slem",
    summary="an MLP learns an image pixel by pixel; how much it has to change maps what is informative",
    schemas={
        **SCHEMAS,
        ("evaluation", "schema_slem"): SlemEvaluationConfig,
        ("evaluation", "schema_slem_agreement"): SlemAgreementConfig,
        ("evaluation", "schema_slem_repeatability"): repeatability.SlemRepeatabilityConfig,
        ("evaluation", "schema_slem_dependence"): SlemDependenceConfig,
        ("evaluation", "schema_slem_removal"): SlemRemovalConfig,
        ("evaluation", "schema_slem_signature"): signature.SlemSignatureConfig,
    },
    suites={
        "slem": SuiteSpec(f"{_SUITES}.everything:EverythingSuite", SlemEvaluationConfig),
        "slem_maps": SuiteSpec(f"{_SUITES}.maps.suite:MapsSuite", SlemEvaluationConfig),
        "slem_points": SuiteSpec(f"{_SUITES}.points.suite:PointsSuite", SlemEvaluationConfig),
        "slem_agreement": SuiteSpec(f"{_SUITES}.agreement.suite:AgreementSuite", SlemAgreementConfig),
        "slem_repeatability": SuiteSpec(
            f"{_SUITES}.repeatability.suite:RepeatabilitySuite",
            repeatability.SlemRepeatabilityConfig,
            curves=repeatability.CURVES,
        ),
        "slem_dependence": SuiteSpec(f"{_SUITES}.dependence.suite:DependenceSuite", SlemDependenceConfig),
        "slem_removal": SuiteSpec(f"{_SUITES}.removal.suite:RemovalSuite", SlemRemovalConfig),
        "slem_signature": SuiteSpec(
            f"{_SUITES}.signature.suite:SignatureSuite",
            signature.SlemSignatureConfig,
            curves=signature.CURVES,
        ),
    },
    verbs={"slem": "ersm_lab.papers.slem.verb"},
    trial=(
        "experiment=slem/structures",
        "data.options={size: 32, count: 1, noise: 0.02, seed: 0}",
        "model.hidden=[4]",
        "model.memory=8",
        "trainer.max_epochs=2",
        "evaluation.panels=2",
    ),
)
