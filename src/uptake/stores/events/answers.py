"""What an event store answers about groups, events and the product as a whole.  Readers import it from `base`."""

from datetime import date

import msgspec


class GroupSize(msgspec.Struct, frozen=True):
    """How many members a group has, how many of them are active (score above 0), the plain average score of those
    (None where nobody is), and the sum of `mrr` of the accounts, or of the accounts that its users are in now."""

    members: int
    active: int
    average_score: float | None
    mrr: float


class GroupDay(msgspec.Struct, frozen=True):
    """A group on one day: members, active ones (score above 0) and their plain average score (None where nobody is).

    entered, left: members that the scored day before, in the same answer, did not have, and the other way round; 0 on
    the first day.
    """

    day: date
    members: int
    active: int
    average_score: float | None
    entered: int
    left: int


class Membership(msgspec.Struct, frozen=True):
    """A user is in an account from a moment until another (µs); None for the beginning and the end of time."""

    account: str
    from_us: int | None
    until_us: int | None


class EventVolume(msgspec.Struct, frozen=True):
    """An event's name with its times ever, first and last moment (µs), users and (attributed) accounts that ever did
    it."""

    event: str
    times: int
    first_us: int
    last_us: int
    users: int
    accounts: int


class Totals(msgspec.Struct, frozen=True):
    """The product's size: known users and accounts, events ever, users with an event that no account has, first and
    last event day."""

    users: int
    accounts: int
    events: int
    unattributed_users: int
    first_day: date | None
    last_day: date | None


class FeatureUse(msgspec.Struct, frozen=True):
    """How often an account's users did events of a feature within the window that ends at the day."""

    account: str
    day: date
    feature: str
    times: int


class Published(msgspec.Struct, frozen=True):
    """Which state of the log, of the configuration and of the clock the scores tell: offset, revision, as_of (µs)."""

    offset: int
    revision: int
    as_of_us: int
