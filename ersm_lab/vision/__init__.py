"""Label tables and palettes, occluders and fills, and the style of figures."""
