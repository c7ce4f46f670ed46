"""Suites over finished trainings. A suite is a module with ``evaluate(subjects) -> summaries``; see ``subject.py``."""
