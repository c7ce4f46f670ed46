"""Versions of the generators, by layout: part of the identity of what they make. No torch here."""

GENERATED = {"digits": 1, "composites": 1, "toy_streets": 1, "photographs": 1, "structures": 1}
