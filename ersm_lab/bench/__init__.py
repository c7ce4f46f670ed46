"""Benchmarks, and the plain reference implementations that tests use as oracles too."""
