"""The report page: one HTML file that shows and compares all runs, and opens offline."""
