"""Tables, claims and pages: views of run directories, which they read and never change."""
