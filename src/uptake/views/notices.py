"""What somebody should look at before trusting the numbers: calls that are refused or not counted, users whom no
account has, parents in a circle, and silence.
"""

from collections import Counter
from typing import Literal

import msgspec

from uptake.core.days import DAY_US
from uptake.views.base import ProductView

Concern = Literal["silent", "refused", "invalid", "no_user", "unmatched", "unattributed", "circle"]
CALL_FATES: tuple[Concern, ...] = ("invalid", "no_user", "unmatched")


class Notice(msgspec.Struct, frozen=True):
    """One concern and how many it is about: calls of the last day, users, accounts, or days of silence.

    name: an account's tracking_id, where the concern is one account; else ''.
    """

    concern: Concern
    count: int
    name: str = ""


def notices(product: ProductView, now_us: int) -> list[Notice]:
    """Everything that there is to look at, the gravest first; none where all is well.

    What became of calls is asked for the last 24 hours, in steps of ten minutes.
    """
    since_us, store = max(now_us - DAY_US, 1), product.store
    outcomes = store.outcomes(since_us=0)
    latest_us = max((row.bucket_us for row in outcomes), default=now_us)
    fates = Counter[str]()
    for row in outcomes:
        fates[row.fate] += row.times if row.bucket_us >= since_us else 0
    refused = sum(each.times for each in product.log.refusal_counts(product.product_id, since_us=since_us))
    counted = [
        Notice("silent", (now_us - latest_us) // DAY_US),
        Notice("refused", refused),
        *(Notice(fate, fates[fate]) for fate in CALL_FATES),
        Notice("unattributed", store.totals().unattributed_users),
        *(Notice("circle", len(cycle), cycle[0]) for cycle in store.parent_cycles()),
    ]
    return [each for each in counted if each.count]
