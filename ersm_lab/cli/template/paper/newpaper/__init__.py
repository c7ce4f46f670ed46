"""NewPaper: a classifier that learns where to look."""
