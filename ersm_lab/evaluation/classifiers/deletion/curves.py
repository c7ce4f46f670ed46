"""What the report page draws of deletion with switches (no torch)."""

from __future__ import annotations

from ersm_lab.core.plugins import CurveFamily, plugins
from ersm_lab.evaluation.plugin import PLUGIN


def own_rankings() -> tuple[str, ...]:
    """The ranking that each plug-in calls its own, its first; that which any classifier of tokens has comes last."""
    own = {plugin.name: next(iter(plugin.rankings)) for plugin in plugins().values() if plugin.rankings}
    own.pop(PLUGIN.name, None)
    return (*own.values(), next(iter(PLUGIN.rankings)))


CURVES = (
    CurveFamily(
        table="deletion_curves",
        title="Deletion",
        x="share",
        x_label="tokens deleted, %",
        ys={"accuracy": "accuracy"},
        panels=("order",),
        picks=("ranking",),
        prefer={"ranking": own_rankings()},
        help="Accuracy as tokens are deleted: least important first, higher is better; most important first, lower is better.",
        replaces=("deletion", "deletion_curves"),
    ),
    CurveFamily(
        table="pixel_curves",
        title="Deletion and insertion of pixels",
        x="share",
        x_label="pixels changed, %",
        ys={"probability": "probability", "accuracy": "accuracy"},
        panels=("mode",),
        picks=("fill",),
        help="Deletion: lower is better. Insertion: higher is better.",
        replaces=("pixel_curves",),
    ),
)
