"""Which earlier days a condition compares with."""

from uptake.core.conditions import All, AnyOf, Condition, Not, Number


def looks_back(condition: Condition | None) -> set[int]:
    """How many days before the day that is asked about numbers must be known too; each 1 to 90.

    >>> from uptake.segments import parse
    >>> looks_back(parse("score > 5 and not score_change over 30 days < 0"))
    {30}
    """
    match condition:
        case All(parts) | AnyOf(parts):
            return {days for part in parts for days in looks_back(part)}
        case Not(part):
            return looks_back(part)
        case Number(over_days=int(days)):
            return {days}
    return set()
