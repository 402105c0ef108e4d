"""The filter language: conditions on users and accounts as text, as a tree, and judged one by one.

>>> from uptake.segments import parse, text
>>> text(parse('did("Report_Created") >= 3 within 30 days and account.plan = "pro"'))
'did("Report_Created") >= 3 within 30 days and account.plan = "pro"'
"""

from uptake.segments.reading import ConditionError, parse
from uptake.segments.writing import text

__all__ = ["ConditionError", "parse", "text"]
