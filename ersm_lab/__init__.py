"""Train, stress and believe ERSM classifiers, FoR-Net segmenters and SLEM entropy learners."""

__version__ = "0.1.0"
