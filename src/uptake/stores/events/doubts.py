"""What may be wrong with what arrives, as an event store sees it: users, accounts and events to look at."""

from datetime import date
from typing import Literal

import msgspec

Doubt = Literal["users_without_account", "accounts_without_group", "email_as_id", "one_email_many_ids"]
"""users_without_account: known users who are in none and of whom no event counts for one.  accounts_without_group:
known accounts that have no trait, as no group call told one.  email_as_id: users whose id is an e-mail address.
one_email_many_ids: e-mail addresses, in any case, that several users have."""

DOUBTS: tuple[Doubt, ...] = ("users_without_account", "accounts_without_group", "email_as_id", "one_email_many_ids")
EMAIL_ID = "[^@ ]+@[^@ ]+[.][^@ ]+"
MOST_IDS = 5


class Doubtful(msgspec.Struct, frozen=True):
    """How many there are, and the first of them: an id each; for `one_email_many_ids` the address in lower case and up
    to five of its users, the address that most share first."""

    times: int
    samples: list[tuple[str, ...]]


class EventRhythm(msgspec.Struct, frozen=True):
    """On how many days of a range an event was done, the first and the last of them."""

    event: str
    days: int
    first_day: date
    last_day: date
