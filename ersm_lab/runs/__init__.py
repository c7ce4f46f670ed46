"""The run directory: layout, status, identity, provenance, index. Nothing here imports torch."""
