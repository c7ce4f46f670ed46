"""Anomalies by distance to a memory bank of normal patches, in the manner of PatchCore (arXiv 2106.08265)."""
