"""The suites over any classifier and any segmenter, as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec
from ersm_lab.evaluation.classifiers.schema import RANKINGS, ClassifierEvaluationConfig
from ersm_lab.evaluation.segmenters.schema import SegmentationEvaluationConfig

_CLASSIFIERS = "ersm_lab.evaluation.classifiers"
_SEGMENTERS = "ersm_lab.evaluation.segmenters"

PLUGIN = Plugin(
    name="evaluation",
    package="ersm_lab.evaluation",
    summary="suites over any classifier and any segmentation network",
    schemas={
        ("evaluation", "schema_classifiers"): ClassifierEvaluationConfig,
        ("evaluation", "schema_segmentation"): SegmentationEvaluationConfig,
    },
    suites={
        **{
            name: SuiteSpec(f"{_CLASSIFIERS}.{name}:evaluate", ClassifierEvaluationConfig)
            for name in ("classification", "deletion", "localisation", "occlusion", "stress")
        },
        "segmentation": SuiteSpec(
            f"{_SEGMENTERS}.segmentation:evaluate",
            SegmentationEvaluationConfig,
            sums=f"{_SEGMENTERS}.sums:scores_of_sums",
        ),
    },
    rankings={name: f"{_CLASSIFIERS}.rankings:{name}" for name in RANKINGS},
)
