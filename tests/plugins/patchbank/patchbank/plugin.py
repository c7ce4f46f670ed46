"""What the lab is told (no torch)."""

from pathlib import Path

from ersm_lab.core.plugins import Plugin, SuiteSpec

PLUGIN = Plugin(
    name="patchbank",
    package="patchbank",
    summary="anomalies by distance to a memory bank of normal patches",
    schemas={
        ("model", "schema_patchbank"): "patchbank.schema:PatchBankConfig",
        ("evaluation", "schema_patchbank"): "patchbank.schema:DetectionConfig",
    },
    suites={
        "patchbank_detection": SuiteSpec("patchbank.suite:DetectionSuite", "patchbank.schema:DetectionConfig")
    },
    conf=Path(__file__).parent / "conf",
    lead=("greedy",),
    baselines=("spread",),
    smoke=("experiment=patchbank/digits", "data.batch_size=256", "model.share=0.01"),
)
