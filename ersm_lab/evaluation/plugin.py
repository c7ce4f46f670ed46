"""The suites over any classifier and any segmenter, as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin, SuiteSpec

_CLASSIFIERS = "ersm_lab.evaluation.classifiers"
_SEGMENTERS = "ersm_lab.evaluation.segmenters"
_SUITES = {
    "classification": "classification.suite:Classification",
    "deletion": "deletion.suite:Deletion",
    "localisation": "localisation.suite:Localisation",
    "occlusion": "occlusion.suite:Occlusion",
    "stress": "stress:Stress",
}
_OF_CLASSIFIERS = f"{_CLASSIFIERS}.settings:ClassifierEvaluationConfig"
_OF_SEGMENTERS = f"{_SEGMENTERS}.settings:SegmentationEvaluationConfig"
_CURVES = {
    "deletion": f"{_CLASSIFIERS}.deletion.curves:CURVES",
    "occlusion": f"{_CLASSIFIERS}.occlusion.settings:CURVES",
}

PLUGIN = Plugin(
    name="evaluation",
    package="ersm_lab.evaluation",
    summary="suites over any classifier and any segmentation network",
    schemas={
        ("evaluation", "schema_classifiers"): _OF_CLASSIFIERS,
        ("evaluation", "schema_segmentation"): _OF_SEGMENTERS,
    },
    suites={
        **{
            name: SuiteSpec(f"{_CLASSIFIERS}.{target}", _OF_CLASSIFIERS, curves=_CURVES.get(name, ""))
            for name, target in _SUITES.items()
        },
        "segmentation": SuiteSpec(
            f"{_SEGMENTERS}.suite:Segmentation",
            _OF_SEGMENTERS,
            curves=f"{_SEGMENTERS}.settings:CURVES",
            sums=f"{_SEGMENTERS}.sums:scores_of_sums",
            drawn=("classes",),
        ),
    },
    rankings={
        "magnitude": f"{_CLASSIFIERS}.rankings:magnitude",
        "grad_cam": f"{_CLASSIFIERS}.attributions:grad_cam",
        "grad_cam_baseline": f"{_CLASSIFIERS}.attributions:grad_cam_baseline",
        "integrated_gradients": f"{_CLASSIFIERS}.attributions:integrated_gradients",
        "centre": f"{_CLASSIFIERS}.rankings:centre",
        "random": f"{_CLASSIFIERS}.rankings:random",
    },
)
