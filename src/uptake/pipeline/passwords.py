"""Passwords: what a good one is, and how only a hash of it is kept (Argon2id).

One thing to know: a hash takes 19 MiB and about 30 ms, so few are made at a time, however many ask.
"""

import threading
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from uptake.core.errors import UptakeError

FEWEST_CHARACTERS, MOST_CHARACTERS = 12, 1_000
AT_A_TIME = 2

_hashing = threading.BoundedSemaphore(AT_A_TIME)


@cache
def _hasher() -> PasswordHash:
    # OWASP's smallest of equal strength: an installation of 150 MB has no 64 MiB to spare for each that knocks.
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


@cache
def _nobodys() -> str:
    """What the password of nobody is compared with, so that an unknown address takes as long as a known one."""
    return _hasher().hash("the password of nobody")


def demand_good(password: str) -> None:
    """Raises UptakeError (`password_too_short`, `invalid_parameter`) for what cannot be a password here."""
    if len(password) < FEWEST_CHARACTERS:
        told = f"a password has at least {FEWEST_CHARACTERS} characters; this one has {len(password)}"
        raise UptakeError("password_too_short", told)
    if len(password) > MOST_CHARACTERS:
        raise UptakeError("invalid_parameter", f"a password has at most {MOST_CHARACTERS:,} characters")


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _hashing:
        return _hasher().hash(_encoded(password))


def fits(password: str, kept: str) -> tuple[bool, str | None]:
    """Is it the password of which this hash is kept, and the hash to keep instead where that one is of weaker settings.

    kept: '' never fits, and takes as long.
    """
    if len(password) > MOST_CHARACTERS:
        return False, None
    with _hashing:
        good, renewed = _hasher().verify_and_update(_encoded(password), kept or _nobodys())
    return good and bool(kept), renewed


def _encoded(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
