"""FoR-Net as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin

PLUGIN = Plugin(
    name="fornet",
    package="ersm_lab.papers.fornet",
    summary="a selector and Top-K masks put effort where segmentation is hard",
    schemas={("model", "schema_fornet"): "ersm_lab.papers.fornet.schema:FoRNetConfig"},
    lead=("fornet",),
    baselines=("fornet_k1",),
    smoke=(
        "experiment=fornet/toy_streets",
        "data.options.height=64",
        "data.options.width=128",
        "data.options.train=8",
        "data.options.val=5",
        "data.transform.crop=[48,96]",
        "data.batch_size=4",
        "data.eval_batch_size=2",
        "model.backbone.kwargs.channels=[4,8,8,8]",
        "model.head.channels=8",
        "model.head.low_project=4",
        "trainer.max_epochs=2",
        "trainer.check_val_every=1",
        "evaluation.panels=2",
        "evaluation.cost=false",  # a latency is never measured twice alike
    ),
)
