"""The base snapshot: what calls meant whose period has left the call log."""
