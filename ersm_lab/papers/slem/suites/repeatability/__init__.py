"""The suite ``slem_repeatability``: points found again in a changed picture."""
