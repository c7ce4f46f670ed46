"""The labels of CamVid as published with SegNet: 11 classes of Brostow et al. (2009), merged, and void.

Colours are those of SegNet's figures.
"""

from __future__ import annotations

from ersm_lab.vision.labels import IGNORE, LabelTable, table_of

CAMVID = LabelTable(
    "CamVid",
    table_of(
        [
            ("Sky", 0, "", False, (128, 128, 128)),
            ("Building", 1, "", False, (128, 0, 0)),
            ("Pole", 2, "", False, (192, 192, 128)),
            ("Road", 3, "", False, (128, 64, 128)),
            ("Pavement", 4, "", False, (60, 40, 222)),
            ("Tree", 5, "", False, (128, 128, 0)),
            ("SignSymbol", 6, "", False, (192, 128, 128)),
            ("Fence", 7, "", False, (64, 64, 128)),
            ("Car", 8, "", False, (64, 0, 128)),
            ("Pedestrian", 9, "", False, (64, 64, 0)),
            ("Bicyclist", 10, "", False, (0, 128, 192)),
            ("void", IGNORE, "", False, (0, 0, 0)),
        ]
    ),
    thin=("Pole", "SignSymbol", "Fence", "Pedestrian", "Bicyclist"),
)
