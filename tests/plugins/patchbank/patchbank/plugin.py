"""What the lab is told (no torch)."""

from pathlib import Path

from ersm_lab.core.plugins import Plugin, SuiteSpec
from patchbank.schema import DetectionConfig, PatchBankConfig

PLUGIN = Plugin(
    name="patchbank",
    package="patchbank",
    summary="anomalies by distance to a memory bank of normal patches",
    schemas={
        ("model", "schema_patchbank"): PatchBankConfig,
        ("evaluation", "schema_patchbank"): DetectionConfig,
    },
    suites={"patchbank_detection": SuiteSpec("patchbank.suite:DetectionSuite", DetectionConfig)},
    conf=Path(__file__).parent / "conf",
    lead=("greedy",),
    baselines=("spread",),
    trial=("experiment=patchbank/digits", "data.batch_size=256", "model.share=0.01"),
)
