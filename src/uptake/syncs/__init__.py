"""Changes out: one module for each place that wants to hear of a score or a segment that changed.

The place is kept for automations; nothing is sent yet.
"""
