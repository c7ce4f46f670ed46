"""The shared trainer: turns a checked configuration into a run directory."""
