"""Sweeps: many cells from one command line, as a full grid or by a search."""
