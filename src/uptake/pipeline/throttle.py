"""How often somebody may try: after some failures each further one makes the next wait twice as long.

An attempt counts as failed from its beginning until it succeeds, so that many at once gain nothing.  The counts are in
the meta store, bounded and forgotten after an hour: neither a restart nor another node gives guesses for nothing.
"""

import ipaddress
from collections.abc import Mapping

import msgspec

from uptake.core.days import SECOND_US
from uptake.stores.meta.attempts import AttemptStore, Failures

FORGOTTEN_US = 3_600 * SECOND_US
MOST_SUBJECTS = 20_000


class Limit(msgspec.Struct, frozen=True):
    """free: failures that cost nothing.  longest_s: the most that one has to wait."""

    free: int
    longest_s: int

    def delay_s(self, failures: int) -> int:
        """How long after its last failure a subject with so many has to wait.

        >>> [Limit(free=2, longest_s=5).delay_s(failures) for failures in (1, 2, 3, 4, 5, 90)]
        [0, 1, 2, 4, 5, 5]
        """
        return 0 if failures < self.free else min(2 ** min(failures - self.free, 30), self.longest_s)


ACCOUNT = Limit(free=5, longest_s=300)
ADDRESS = Limit(free=20, longest_s=900)
"""A whole office may sit behind one address."""


class Throttle:
    """Attempts by subject.  Safe for several threads and processes."""

    def __init__(self, store: AttemptStore) -> None:
        self._store = store

    def begin(self, subjects: dict[str, Limit], now_us: int) -> int:
        """Count an attempt of all subjects, or, where one of them has to wait, count nothing.

        Returns the seconds to wait, 0 for none.
        """
        wait_s = 0

        def counted(before: Mapping[str, Failures]) -> Mapping[str, Failures]:
            nonlocal wait_s
            wait_s = max(_wait_s(before.get(subject), limit, now_us) for subject, limit in subjects.items())
            if wait_s:
                return before
            return {subject: Failures(_times(before.get(subject)) + 1, now_us) for subject in subjects}

        self._store.change(tuple(subjects), counted, forgotten_us=now_us - FORGOTTEN_US, most=MOST_SUBJECTS)
        return wait_s

    def succeeded(self, account: str, address: str, now_us: int) -> None:
        """Forget the failures of the account, and this attempt of the address."""

        def counted(before: Mapping[str, Failures]) -> Mapping[str, Failures]:
            left = before.get(address)
            if left is None or left.times < 2:
                return {}
            return {address: Failures(left.times - 1, left.last_us)}

        forgotten_us = now_us - FORGOTTEN_US
        self._store.change((account, address), counted, forgotten_us=forgotten_us, most=MOST_SUBJECTS)


def _times(failures: Failures | None) -> int:
    return failures.times if failures else 0


def _wait_s(failures: Failures | None, limit: Limit, now_us: int) -> int:
    if failures is None:
        return 0
    left_us = failures.last_us + limit.delay_s(failures.times) * SECOND_US - now_us
    return max(0, -(-left_us // SECOND_US))


def network_of(address: str) -> str:
    """Whom an address stands for: an IPv6 host has a whole /64 to choose addresses from.

    >>> network_of("192.0.2.1"), network_of("2001:db8::1:2"), network_of("unix")
    ('192.0.2.1', '2001:db8::/64', 'unix')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
