"""What an event store answers about use: how much events were done, by how many, and by whom most.

The excluded of a model are in none of the answers.  An event counts for the account that it is attributed to and for
every account above it, as everywhere; users and accounts count once each, however much they did.
"""

from datetime import date

import msgspec

from uptake.core.effects import Kind

EVERYBODY: tuple[Kind, ...] = ("user", "account")
USERS: tuple[Kind, ...] = ("user",)


class Use(msgspec.Struct, frozen=True):
    """How often the events of a set were done, by how many users, and for how many accounts.

    number: the set's place in what was asked.  day: the last of some days; None for all of them together.
    """

    number: int
    day: date | None
    times: int
    users: int
    accounts: int


class ActiveDay(msgspec.Struct, frozen=True):
    """How many users and accounts did anything, scored or not, in a model's window up to the day."""

    day: date
    users: int
    accounts: int


class Doer(msgspec.Struct, frozen=True):
    """A user or account that did events: how often, on how many days, and when last."""

    tracking_id: str
    times: int
    days: int
    last_day: date
