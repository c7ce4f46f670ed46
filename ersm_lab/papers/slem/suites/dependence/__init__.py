"""The suite ``slem_dependence``: maps under settings that could have been others."""
