"""The suite over any segmentation network: ``suite`` puts the parts together, ``settings`` says what can be asked for."""
