"""How often somebody may try: after some failures each further one makes the next wait twice as long.

An attempt counts as failed from its beginning until it succeeds, so that many at once gain nothing.  The counts are in
memory and bounded; a restart forgets them.
"""

import ipaddress
import threading
from collections import OrderedDict

import msgspec

from uptake.core.days import SECOND_US

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
    """Attempts by subject.  Safe for several threads."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, subjects: dict[str, Limit], now_us: int) -> int:
        """Count an attempt of all subjects, or, where one of them has to wait, count nothing.

        Returns the seconds to wait, 0 for none.
        """
        with self._lock:
            wait_s = max(self._wait_s(subject, limit, now_us) for subject, limit in subjects.items())
            if not wait_s:
                for subject in subjects:
                    self._failures[subject] = (self._count(subject, now_us) + 1, now_us)
                    self._failures.move_to_end(subject)
            while len(self._failures) > MOST_SUBJECTS:
                self._failures.popitem(last=False)
        return wait_s

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of the account, and this attempt of the address."""
        with self._lock:
            self._failures.pop(account, None)
            failures, at_us = self._failures.pop(address, (0, 0))
            if failures > 1:
                self._failures[address] = (failures - 1, at_us)

    def _count(self, subject: str, now_us: int) -> int:
        failures, at_us = self._failures.get(subject, (0, now_us))
        return failures if now_us - at_us < FORGOTTEN_US else 0

    def _wait_s(self, subject: str, limit: Limit, now_us: int) -> int:
        _, at_us = self._failures.get(subject, (0, now_us))
        left_us = at_us + limit.delay_s(self._count(subject, now_us)) * SECOND_US - now_us
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
