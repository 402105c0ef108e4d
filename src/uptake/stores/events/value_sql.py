"""How a trait's stored value reads in SQL: as a number, a truth, a day, or an item of a list.

The columns are those of the table `traits`: value (JSON text), text (plain), moment_us.
"""

from uptake.core.conditions import NUMBER_TEXT
from uptake.core.config import TraitType

DAY_OF = "cast(make_timestamp({moment}) at time zone 'UTC' at time zone $zone as date)"

PLAIN = "left(value, 1) not in ('[', '{')"
ITEMS = "json_extract_string(value, '$[*]')"
"""The texts of a list's items."""
CONTAINS = f"""
case when left(value, 1) = '[' then coalesce(list_contains({ITEMS}, ${{name}}_value), false)
else instr(lower(case when left(value, 1) = '{{' then value else text end), lower(${{name}}_value)) > 0 end
"""
AS_NUMBER = f"""
case when {PLAIN} and regexp_full_match(text, '{NUMBER_TEXT}')
then try_cast(text as double) end
"""
AS_BOOLEAN = f"case when {PLAIN} then case lower(text) when 'true' then 1 when 'false' then 0 end end"
AS_PERCENTAGE = f"case when ({AS_NUMBER}) between 0 and 100 then {AS_NUMBER} end"
DAY_COMPARISONS = {"before": "<", "after": ">", "on": "="}

READ_AS: dict[TraitType, str] = {
    "string": f"case when {PLAIN} then text end",
    "number": AS_NUMBER,
    "percentage": AS_PERCENTAGE,
    "boolean": AS_BOOLEAN,
    "date": DAY_OF.format(moment="moment_us"),
}
"""A trait's value under a type; null where it does not fit."""
