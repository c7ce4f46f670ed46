"""The labels of Cityscapes (Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, 2016).

Ids, trainIds, categories and colours are those of the official table. Its ``license plate`` has the id -1 and
is never in a label picture; it has no row here. Mean sizes of instances are those of the official evaluator,
in pixels of 1024 x 2048 images.
"""

from __future__ import annotations

from ersm_lab.vision.labels import IGNORE, LabelTable, table_of

CITYSCAPES = LabelTable(
    "Cityscapes",
    table_of(
        [
            ("unlabeled", IGNORE, "void", False, (0, 0, 0)),
            ("ego vehicle", IGNORE, "void", False, (0, 0, 0)),
            ("rectification border", IGNORE, "void", False, (0, 0, 0)),
            ("out of roi", IGNORE, "void", False, (0, 0, 0)),
            ("static", IGNORE, "void", False, (0, 0, 0)),
            ("dynamic", IGNORE, "void", False, (111, 74, 0)),
            ("ground", IGNORE, "void", False, (81, 0, 81)),
            ("road", 0, "flat", False, (128, 64, 128)),
            ("sidewalk", 1, "flat", False, (244, 35, 232)),
            ("parking", IGNORE, "flat", False, (250, 170, 160)),
            ("rail track", IGNORE, "flat", False, (230, 150, 140)),
            ("building", 2, "construction", False, (70, 70, 70)),
            ("wall", 3, "construction", False, (102, 102, 156)),
            ("fence", 4, "construction", False, (190, 153, 153)),
            ("guard rail", IGNORE, "construction", False, (180, 165, 180)),
            ("bridge", IGNORE, "construction", False, (150, 100, 100)),
            ("tunnel", IGNORE, "construction", False, (150, 120, 90)),
            ("pole", 5, "object", False, (153, 153, 153)),
            ("polegroup", IGNORE, "object", False, (153, 153, 153)),
            ("traffic light", 6, "object", False, (250, 170, 30)),
            ("traffic sign", 7, "object", False, (220, 220, 0)),
            ("vegetation", 8, "nature", False, (107, 142, 35)),
            ("terrain", 9, "nature", False, (152, 251, 152)),
            ("sky", 10, "sky", False, (70, 130, 180)),
            ("person", 11, "human", True, (220, 20, 60)),
            ("rider", 12, "human", True, (255, 0, 0)),
            ("car", 13, "vehicle", True, (0, 0, 142)),
            ("truck", 14, "vehicle", True, (0, 0, 70)),
            ("bus", 15, "vehicle", True, (0, 60, 100)),
            ("caravan", IGNORE, "vehicle", True, (0, 0, 90)),
            ("trailer", IGNORE, "vehicle", True, (0, 0, 110)),
            ("train", 16, "vehicle", True, (0, 80, 100)),
            ("motorcycle", 17, "vehicle", True, (0, 0, 230)),
            ("bicycle", 18, "vehicle", True, (119, 11, 32)),
        ]
    ),
    thin=("pole", "traffic light", "traffic sign", "fence", "person", "rider", "bicycle", "motorcycle"),
    instance_size=(
        ("person", 3462.4756337644),
        ("rider", 3930.4788056518),
        ("car", 12794.0202738185),
        ("truck", 27855.1264367816),
        ("bus", 35732.1511111111),
        ("train", 67583.7075812274),
        ("motorcycle", 6298.7200839748),
        ("bicycle", 4672.3249222261),
    ),
)
