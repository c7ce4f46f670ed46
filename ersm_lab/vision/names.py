"""Names of occluders and fills, for schemas and for the code that draws them. No torch here."""

OCCLUDERS = ("square", "horizontal_bars", "vertical_bars", "grid", "scattered", "checkerboard", "border")
FILLS = ("mean", "black", "noise", "blur", "image")
