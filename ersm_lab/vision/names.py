"""Names of occluders and fills, for schemas and for the code that draws them. No torch here."""

OCCLUDERS = ("square", "horizontal_bars", "vertical_bars", "grid", "scattered", "checkerboard", "border")
TARGETED = ("object", "background")  # occluders that need the object's mask
FILLS = ("mean", "black", "noise", "blur", "image")
EXPORTS = {"cityscapes": "Cityscapes"}  # formats of predictions, and the label table that each is of
PIXEL_FILLS = ("mean", "blur", "noise")  # what the deletion protocol covers pixels with
