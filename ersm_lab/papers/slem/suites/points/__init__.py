"""The suite ``slem_points``: entropy points beside other sources of points."""
