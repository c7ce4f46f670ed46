"""The suites over any classifier and any segmenter, as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec
from ersm_lab.evaluation.classifiers.deletion import settings as deletion
from ersm_lab.evaluation.classifiers.occlusion import settings as occlusion
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.evaluation.segmenters import settings as segmentation

_CLASSIFIERS = "ersm_lab.evaluation.classifiers"
_SEGMENTERS = "ersm_lab.evaluation.segmenters"
_SUITES = {
    "classification": "classification.suite:Classification",
    "deletion": "deletion.suite:Deletion",
    "localisation": "localisation.suite:Localisation",
    "occlusion": "occlusion.suite:Occlusion",
    "stress": "stress:Stress",
}
_CURVES = {"deletion": deletion.CURVES, "occlusion": occlusion.CURVES}
_ATTRIBUTIONS = ("grad_cam", "grad_cam_baseline", "integrated_gradients")

PLUGIN = Plugin(
    name="evaluation",
    package="ersm_lab.evaluation",
    summary="suites over any classifier and any segmentation network",
    schemas={
        ("evaluation", "schema_classifiers"): ClassifierEvaluationConfig,
        ("evaluation", "schema_segmentation"): segmentation.SegmentationEvaluationConfig,
    },
    suites={
        **{
            name: SuiteSpec(
                f"{_CLASSIFIERS}.{target}", ClassifierEvaluationConfig, curves=_CURVES.get(name, ())
            )
            for name, target in _SUITES.items()
        },
        "segmentation": SuiteSpec(
            f"{_SEGMENTERS}.suite:Segmentation",
            segmentation.SegmentationEvaluationConfig,
            curves=segmentation.CURVES,
            sums=f"{_SEGMENTERS}.sums:scores_of_sums",
        ),
    },
    rankings={
        name: f"{_CLASSIFIERS}.{'attributions' if name in _ATTRIBUTIONS else 'rankings'}:{name}"
        for name in deletion.RANKINGS
    },
)
