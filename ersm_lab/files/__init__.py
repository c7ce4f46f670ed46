"""Atomic writing, advisory locks, safe archives, and reading of image files: everything that touches a file system with care."""
