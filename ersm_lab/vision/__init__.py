"""Reading images, overlays, and the style of figures."""
