"""Conditions on users and accounts: what segments, workspace filters, activation and exclusions are made of.

A condition is a tree of plain values.  `uptake.segments` reads and writes its text form and judges single users and
accounts; an event store turns the same tree into one query over columns.
"""

from typing import Literal

import msgspec

Of = Literal["user", "account"]
"""Whose trait, or who acted: `user` of an account means any of its users, `account` of a user the account it is in."""

NumberField = Literal[
    "score",
    "score_change",
    "raw_score",
    "activation",
    "adoption",
    "adoption_all_time",
    "frequency",
    "active_users",
    "total_users",
    "active_users_percent",
    "tenure_days",
    "first_seen_days",
    "last_active_days",
]
"""A number of the day; the last three are days since creation, first and last event (never: no value)."""

Comparison = Literal["=", "!=", "<", "<=", ">", ">="]
TraitOperator = Literal["=", "!=", "<", "<=", ">", ">=", "contains", "exists", "before", "after", "on", "within"]
Scalar = str | int | float | bool

NUMBER_TEXT = r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"
"""What a trait's text must look like, as a whole, to be compared with a number."""


class Did(msgspec.Struct, frozen=True, tag="did"):
    """How often an event (or any event of a feature) was done: `times` compared.

    of: who did it.  None and the own kind: the user, or for an account all its users together, accounts below it
    included.  `account` for a user: all users of the account that he is in.  `user` for an account: that one of
    its users who did it most.  Never done is 0 times.
    within_days: 1–90 days ending at the day, None for ever up to the day.
    """

    event: str = ""
    feature: str = ""
    of: Of | None = None
    comparison: Comparison = ">="
    times: int = 1
    within_days: int | None = None


class Trait(msgspec.Struct, frozen=True, tag="trait"):
    """A trait compared by its data type.

    of: whose.  `account` for a user: the account that he is in; `user` for an account: any user who is in it.  The
    operand decides how values compare: a number with numbers (in texts too), true and false with booleans, a text with
    plain texts; the type that the operator chose for the trait comes before that (`uptake.core.traits`).  `contains`
    looks for an item of a list, else for a part of the text in any case.
    A trait that is not there satisfies `!=` and nothing else.  before, after, on: a day (ISO) in the
    product's zone.  within: in the last so many days, today included.  exists takes no value.
    """

    of: Of
    key: str
    operator: TraitOperator
    value: Scalar | None = None


class Number(msgspec.Struct, frozen=True, tag="number"):
    """A number of the day compared; no value (an account without creation date) satisfies nothing.

    over_days: of `score_change` alone, 1–90: the score against the one that stood so many days before, 0 where none
    did.  None, and as many days as the window has: against one window before, as it is listed.
    """

    field: NumberField
    comparison: Comparison
    value: float
    over_days: int | None = None


class LevelIs(msgspec.Struct, frozen=True, tag="level"):
    """The level is this one."""

    level: Literal["most_engaged", "slightly_engaged", "passive", "least_engaged", "inactive"]


class Everyone(msgspec.Struct, frozen=True, tag="everyone"):
    """Always true."""


class All(msgspec.Struct, frozen=True, tag="all"):
    """True where every part is; parts: two or more."""

    parts: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    """True where at least one part is; parts: two or more."""

    parts: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """True where the part is not."""

    part: "Condition"


Condition = Did | Trait | Number | LevelIs | Everyone | All | AnyOf | Not
