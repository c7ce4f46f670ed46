"""The layouts of files that the lab reads, as a plug-in (no torch)."""

from ersm_lab.core.plugins import Plugin
from ersm_lab.data.sources import SOURCES
from ersm_lab.data.version import GENERATED

_LAYOUTS = (
    "camvid",
    "cifar10",
    "cityscapes",
    "composites",
    "cub200",
    "digits",
    "folder",
    "food101",
    "imagefolder",
    "pets",
    "photographs",
    "structures",
    "toy_streets",
)

PLUGIN = Plugin(
    name="data",
    package="ersm_lab.data",
    summary="data modules for real layouts, and generators that write embedded data in them",
    schemas={
        ("data", "schema"): "ersm_lab.data.schema:ImageDataConfig",
        ("data", "schema_labelled_pictures"): "ersm_lab.data.schema:LabelledPictureDataConfig",
        ("data", "schema_segmentation"): "ersm_lab.data.schema:SegmentationDataConfig",
        ("data", "schema_pictures"): "ersm_lab.data.schema:PictureDataConfig",
    },
    layouts={name: f"ersm_lab.data.layouts.{name}:read" for name in _LAYOUTS},
    label_tables={
        "camvid": "ersm_lab.vision.camvid:CAMVID",
        "cityscapes": "ersm_lab.vision.cityscapes:CITYSCAPES",
        "toy_streets": "ersm_lab.vision.cityscapes:CITYSCAPES",
    },
    generated=GENERATED,
    sources=SOURCES,
)
