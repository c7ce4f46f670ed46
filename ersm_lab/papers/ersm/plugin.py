"""ERSM as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin

PLUGIN = Plugin(
    name="ersm",
    package="ersm_lab.papers.ersm",
    summary="an energy mask learns which spatial tokens of a classifier to keep",
    schemas={("model", "schema_ersm"): "ersm_lab.papers.ersm.schema:ERSMConfig"},
    rankings={
        name: f"ersm_lab.papers.ersm.rankings:{name}" for name in ("energy", "total_energy", "position_only")
    },
    lead=("recommended",),
    baselines=("baseline",),
    smoke=(
        "experiment=ersm/digits",
        "model.backbone.from_experiment=null",
        "model.backbone.name=resnet18",
        "model.backbone.small_stem=true",
        "model.backbone.out_index=2",
        "model.backbone.kwargs={layers: [1, 1, 1, 1], channels: [4, 8, 8, 8]}",
        "data.options.train=30",
        "data.options.val=10",
        "data.options.test=20",
        "data.batch_size=8",
        "trainer.max_epochs=2",
        "evaluation.panels=2",
    ),
)
