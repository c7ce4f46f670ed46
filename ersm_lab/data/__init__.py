"""Data modules for real layouts, and generators that write embedded data in those same layouts."""
