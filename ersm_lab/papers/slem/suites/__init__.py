"""What is measured of entropy learners: a folder for each suite with its settings and figures, and beside them what suites share."""
