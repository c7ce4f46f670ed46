"""The compiled learner (``learner``, and below it ``sweep``, ``pretrain``, ``kernel``), the same on CUDA, and plain twins of both phases."""
