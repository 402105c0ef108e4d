"""Signing in and out, and the sessions that come of it.

A session's text is told once, to the browser; the store knows its digest alone.  It ends after thirty days, after
fourteen without use, when it is ended by hand, and whenever its person's powers or password change.
"""

import secrets
from hashlib import sha256

import msgspec

from uptake.core.days import DAY_US, SECOND_US
from uptake.core.errors import UptakeError
from uptake.pipeline.passwords import demand_good, fits, hashed
from uptake.pipeline.product import Clock
from uptake.pipeline.standing import Standing, standing_of
from uptake.pipeline.throttle import ACCOUNT, ADDRESS, Throttle, network_of
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.people import Person, Session

SESSION_US, IDLE_US = 30 * DAY_US, 14 * DAY_US
SEEN_EVERY_US = 300 * SECOND_US
MOST_AGENT, MOST_ADDRESS = 200, 60
NOBODY = "somebody"


class Origin(msgspec.Struct, frozen=True):
    """Where a request comes from: the network address, and what the browser says it is."""

    address: str = ""
    agent: str = ""


class Opened(msgspec.Struct, frozen=True):
    """A session that was just opened, with its text for the browser."""

    text: str
    session: Session
    person: Person


class SignIn:
    """The door of an installation.  Safe for several threads."""

    def __init__(self, meta: MetaStore, clock: Clock) -> None:
        self._meta, self._store, self._clock = meta, meta.people, clock
        self.throttle = Throttle(meta.attempts)

    def sign_in(self, email: str, password: str, origin: Origin) -> Opened:
        """Open a session for whoever knows the password.

        Raises UptakeError: `sign_in_failed` in the same words whatever was wrong, `too_many_attempts`.
        """
        person = self.proven(email, password, origin)
        return self.open(person, origin)

    def proven(self, email: str, password: str, origin: Origin) -> Person:
        """The person of this address, if this is the password.  Raises UptakeError as `sign_in` does."""
        email = normalised(email)
        account, network = f"account {email}", f"address {network_of(origin.address)}"
        wait_s = self.throttle.begin({account: ACCOUNT, network: ADDRESS}, self._clock())
        if wait_s:
            raise TooManyAttempts(wait_s)
        person = self._store.person_by_email(email)
        good, renewed = fits(password, self._store.password(person.id) if person else "")
        if person is None or not good or person.disabled_us is not None:
            self._tell_failure(person, origin)
            raise UptakeError("sign_in_failed", "the e-mail address or the password is not right")
        self.throttle.succeeded(account, network, self._clock())
        if renewed:
            self._store.set_password(person.id, renewed, None)
        return person

    def _tell_failure(self, person: Person | None, origin: Origin) -> None:
        # What was typed is not kept: it may be a password in the wrong field.
        who = person.email if person else NOBODY
        why = "an unknown e-mail address" if person is None else "kept out" if person.disabled_us else ""
        self._meta.audit.add(Entry(self._clock(), who, "sign_in_failed", about=why, address=origin.address))

    def open(self, person: Person, origin: Origin, *, how: str = "") -> Opened:
        """Open a session for somebody who has proven who they are.

        how: by what means, if not by password.
        """
        now_us, text = self._clock(), new_text()
        session = Session(
            id=0,
            person_id=person.id,
            created_us=now_us,
            seen_us=now_us,
            expires_us=now_us + SESSION_US,
            agent=origin.agent[:MOST_AGENT],
            address=origin.address[:MOST_ADDRESS],
        )
        entry = Entry(now_us, person.email, "sign_in", about=how, address=origin.address)
        return Opened(text, self._store.open_session(session, digest_of(text), entry), person)

    def standing(self, text: str, address: str) -> Standing | None:
        """Who has the session with this text; None where it is none, or is no longer good."""
        found = self._store.session(digest_of(text))
        if found is None:
            return None
        session, person = found
        now_us = self._clock()
        if now_us >= session.expires_us or now_us - session.seen_us >= IDLE_US or person.disabled_us is not None:
            return None
        if now_us - session.seen_us >= SEEN_EVERY_US:
            self._store.see_session(session.id, now_us)
        return standing_of(person, session, address)

    def sign_out(self, standing: Standing) -> None:
        """End the session of who asks."""
        if standing.session:
            self._end(standing, standing.session.id, "sign_out")

    def end_session(self, standing: Standing, session_id: int) -> None:
        """End a session of who asks.  Raises UptakeError (`not_found`) where it is not theirs."""
        if session_id not in [session.id for session in self.sessions(standing)]:
            raise UptakeError("not_found", f"you have no session {session_id}")
        self._end(standing, session_id, "session_ended")

    def end_others(self, standing: Standing) -> None:
        """End every session of who asks but the one they ask in."""
        for session in self.sessions(standing):
            if session != standing.session and (standing.session is None or session.id != standing.session.id):
                self._end(standing, session.id, "session_ended")

    def _end(self, standing: Standing, session_id: int, what: str) -> None:
        self._store.end_session(session_id, Entry(self._clock(), standing.by, what, address=standing.address))

    def sessions(self, standing: Standing) -> list[Session]:
        """The sessions of who asks that are still good, those seen last first."""
        if standing.person is None:
            return []
        now_us = self._clock()
        kept = self._store.sessions(standing.person.id)
        return [each for each in kept if now_us < each.expires_us and now_us - each.seen_us < IDLE_US]

    def change_password(self, standing: Standing, old: str, new: str, origin: Origin) -> Opened:
        """Take another password; every session ends, and a new one opens here.

        Raises UptakeError: `sign_in_failed` where the old one is not right, `too_many_attempts`, `password_too_short`.
        """
        if standing.person is None:
            raise UptakeError("not_permitted", "there is nobody whose password could change")
        demand_good(new)
        person = self.proven(standing.person.email, old, origin)
        entry = Entry(self._clock(), person.email, "password_changed", address=origin.address)
        self._store.set_password(person.id, hashed(new), entry)
        return self.open(person, origin, how="with the new password")


class TooManyAttempts(UptakeError):
    """Somebody has to wait before they may try again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too_many_attempts", f"too many attempts failed: try again in {_in_words(retry_after_s)}")
        self.retry_after_s = retry_after_s


def _in_words(seconds: int) -> str:
    """A wait for people.

    >>> _in_words(1), _in_words(45), _in_words(130)
    ('1 second', '45 seconds', '3 minutes')
    """
    number, unit = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{number} {unit}" + ("s" if number > 1 else "")


def normalised(email: str) -> str:
    """An e-mail address as it is kept."""
    return email.strip().lower()


def new_text() -> str:
    """The text of a new session or link: 256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of(text: str) -> bytes:
    """What a session or link is found by; texts are random, so that a plain digest cannot be turned back."""
    return sha256(text.encode(errors="surrogatepass")).digest()
