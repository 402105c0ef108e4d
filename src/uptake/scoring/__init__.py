"""What a workspace's numbers mean: its model, its curves, its activation, and how a score is explained.

Definitions only. The sums over many users and days are run by `uptake.stores.events`.
"""
