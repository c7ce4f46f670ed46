"""Names that settings and metrics share. No torch here."""

POOLS = ("mean", "masked_mean")  # how tokens become one vector
