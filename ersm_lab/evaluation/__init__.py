"""Suites over finished trainings. A suite is a module with ``evaluate(subject) -> summary``; see ``subject.py``."""
