"""From bytes to calls: one module for each protocol that a sender may speak.

A source decodes and refuses; it does not ask what a call means. That begins in `uptake.destination`.
"""
