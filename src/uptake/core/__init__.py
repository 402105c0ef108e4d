"""The words of the product as plain frozen types, and the arithmetic between them.

Nothing here reads a clock, a file or a setting, and nothing here imports another part of Uptake.
"""
