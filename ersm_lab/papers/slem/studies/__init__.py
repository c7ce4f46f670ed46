"""Studies of SLEM that are more than one sweep: functional cores, arrays in and tables out, no files."""
