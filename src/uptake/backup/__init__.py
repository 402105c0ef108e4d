"""Backups: what is precious of a data folder in one file, and a data folder again from such a file."""
