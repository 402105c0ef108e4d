"""People: signing in, sessions, links and roles, on a clock that the test moves."""

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import ProductConfig
from uptake.core.days import DAY_US, SECOND_US
from uptake.core.errors import CODES, UptakeError
from uptake.pipeline import throttle
from uptake.pipeline.audit import DEEDS
from uptake.pipeline.passwords import fits, hashed
from uptake.pipeline.people import People
from uptake.pipeline.sign_in import IDLE_US, SESSION_US, Origin, SignIn, TooManyAttempts
from uptake.pipeline.standing import Standing, standing_of
from uptake.pipeline.throttle import ACCOUNT
from uptake.stores.meta.attempts import Failures
from uptake.stores.meta.audit import AuditQuery

ANA, BOB, OLGA = "ana@acme.example", "bob@acme.example", "olga@acme.example"
PASSWORD = "correct horse battery"
OFFICE = Origin("192.0.2.1", "Firefox on Linux")
CONSOLE = Standing("command line", owner=True)


class Gate:
    """An installation with two products, an owner, and nobody else."""

    def __init__(self):
        self.now_us = 1_000 * DAY_US
        self.meta = MemoryMetaStore()
        for name in ("Acme App", "Other App"):
            self.meta.create_product(ProductConfig(product=name), now_us=self.now_us, by="setup")
        self.door = SignIn(self.meta, self.clock)
        self.people = People(self.meta, self.clock, self.door)
        self.olga = self.people.create(CONSOLE, OLGA, PASSWORD, role=None, product_id=None)

    def clock(self):
        return self.now_us

    def later(self, us):
        self.now_us += us

    def joined(self, email, role="viewer", product_id=1):
        """Somebody who has accepted an invitation."""
        link = self.people.invite(self.standing(OLGA), email, role, product_id)
        return self.people.accept(link, OFFICE, name="", password=PASSWORD)

    def standing(self, email):
        """Who they are now."""
        return standing_of(self.meta.people.person_by_email(email), None, "192.0.2.9")

    def told(self):
        """What the audit log says, oldest first: who, what, of which product."""
        entries = [each.entry for each in reversed(self.meta.audit.entries(AuditQuery()))]
        return [(each.by, each.what, each.product_id) for each in entries]


@pytest.fixture
def gate():
    return Gate()


def code_of(call, *args, **more):
    """The code with which a call is refused."""
    with pytest.raises(UptakeError) as caught:
        call(*args, **more)
    assert caught.value.code in CODES
    return caught.value.code


# ---- passwords
def test_a_password_is_kept_as_argon2id_and_fits_alone():
    """The hash says how it was made; another password, no hash and a far too long one do not fit."""
    kept = hashed(PASSWORD)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed(PASSWORD) != kept
    assert fits(PASSWORD, kept) == (True, None)
    assert not fits("wrong horse battery", kept)[0]
    assert not fits("the password of nobody", "")[0]
    assert not fits("x" * 5_000, kept)[0]


def test_a_hash_of_weaker_settings_is_renewed_when_its_owner_signs_in(gate):
    """Nobody notices, and no session ends."""
    weak = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    gate.meta.people.set_password(gate.olga.id, weak, None)

    opened = gate.door.sign_in(OLGA, PASSWORD, OFFICE)

    assert "m=19456" in gate.meta.people.password(gate.olga.id)
    assert gate.door.standing(opened.text, "") is not None


# ---- signing in
def test_who_knows_the_password_gets_a_session(gate):
    """In any case of the address; the text is random and nowhere kept; the log says from where."""
    first, second = (
        gate.door.sign_in(" Olga@Acme.example ", PASSWORD, OFFICE),
        gate.door.sign_in(OLGA, PASSWORD, OFFICE),
    )

    standing = gate.door.standing(first.text, "192.0.2.7")

    assert first.text != second.text
    assert (standing.by, standing.owner, standing.address) == (OLGA, True, "192.0.2.7")
    assert (first.session.agent, first.session.address) == ("Firefox on Linux", "192.0.2.1")
    assert gate.told()[-1] == (OLGA, "sign_in", None)
    assert gate.door.standing("something else", "") is None


def test_every_failure_sounds_the_same(gate):
    """A wrong password, an unknown address and somebody who is kept out cannot be told apart, except in the log."""
    gate.joined(ANA)
    gate.people.put_disabled(gate.standing(OLGA), gate.standing(ANA).person.id, disabled=True)
    messages = set()

    for email, password in [(OLGA, "wrong"), ("nobody@acme.example", PASSWORD), (ANA, PASSWORD), ("", "")]:
        with pytest.raises(UptakeError) as caught:
            gate.door.sign_in(email, password, OFFICE)
        messages.add((caught.value.code, caught.value.message))

    assert messages == {("sign_in_failed", "the e-mail address or the password is not right")}
    assert [who for who, what, _ in gate.told() if what == "sign_in_failed"] == [OLGA, "somebody", ANA, "somebody"]
    assert "nobody@acme.example" not in repr(gate.meta.audit.kept)


def test_guessing_one_account_takes_ever_longer(gate):
    """After five failures it waits 1, 2, 4 … seconds, whatever the address, and with the right password too."""
    waits = []
    for number in range(4):
        code_of(gate.door.sign_in, OLGA, "wrong", Origin(f"192.0.2.{number}"))

    for number in range(5):
        code_of(gate.door.sign_in, OLGA, "wrong", Origin(f"198.51.100.{number}"))
        with pytest.raises(TooManyAttempts) as caught:
            gate.door.sign_in(OLGA, PASSWORD, Origin(f"203.0.113.{number}"))
        waits.append(caught.value.retry_after_s)
        gate.later(caught.value.retry_after_s * SECOND_US)

    assert waits == [1, 2, 4, 8, 16]
    assert gate.door.sign_in(OLGA, PASSWORD, OFFICE).person == gate.olga


def test_guessing_from_one_address_takes_ever_longer(gate):
    """After twenty failures of whatever accounts it waits; an IPv6 network counts as one address; others are free."""
    for number in range(20):
        code_of(gate.door.sign_in, f"{number}@acme.example", "wrong", Origin(f"2001:db8::{number}"))

    assert code_of(gate.door.sign_in, OLGA, PASSWORD, Origin("2001:db8::ffff")) == "too_many_attempts"
    assert gate.door.sign_in(OLGA, PASSWORD, Origin("2001:db8:1::1")).person == gate.olga
    gate.later(3_600 * SECOND_US)
    assert gate.door.sign_in(OLGA, PASSWORD, Origin("2001:db8::ffff")).person == gate.olga


def test_success_forgets_the_failures_of_the_account_alone(gate):
    """Four failures, a success, and four more: nobody waits; the address still has its eight."""
    for _ in range(2):
        for _ in range(4):
            code_of(gate.door.sign_in, OLGA, "wrong", OFFICE)
        gate.door.sign_in(OLGA, PASSWORD, OFFICE)

    assert gate.meta.attempts.kept == {"address 192.0.2.1": Failures(8, gate.now_us)}


def test_a_refused_attempt_is_not_in_the_log(gate):
    """Whoever is told to wait cannot fill the log meanwhile."""
    for _ in range(50):
        code_of(gate.door.sign_in, OLGA, "wrong", OFFICE)

    assert len(gate.told()) < 10


# ---- sessions
def test_a_session_ends_with_time(gate):
    """After fourteen days without use, and after thirty in any case."""
    idle, used = (gate.door.sign_in(OLGA, PASSWORD, OFFICE) for _ in range(2))

    for _ in range(2):
        gate.later(IDLE_US - 1)
        assert gate.door.standing(used.text, "") is not None
    assert gate.door.standing(idle.text, "") is None
    gate.later(SESSION_US - 2 * (IDLE_US - 1))
    assert gate.door.standing(used.text, "") is None


def test_sessions_are_ended_by_who_has_them(gate):
    """One, all others, or by signing out; somebody else's cannot be."""
    texts = [gate.door.sign_in(OLGA, PASSWORD, OFFICE).text for _ in range(4)]
    ana = gate.joined(ANA)
    olga = gate.door.standing(texts[0], "")
    second = gate.door.standing(texts[1], "").session.id

    assert code_of(gate.door.end_session, olga, ana.session.id) == "not_found"
    gate.door.end_session(olga, second)
    left = [gate.door.standing(text, "") is not None for text in texts]
    gate.door.end_others(olga)
    others = [gate.door.standing(text, "") is not None for text in texts]
    gate.door.sign_out(olga)

    assert left == [True, False, True, True]
    assert others == [True, False, False, False]
    assert gate.door.standing(texts[0], "") is None
    assert gate.door.standing(ana.text, "") is not None
    assert [what for _, what, _ in gate.told()[-4:]] == ["session_ended"] * 3 + ["sign_out"]


def test_a_new_password_ends_every_session_and_opens_one(gate):
    """The old one is asked for; the new one needs twelve characters and nothing else."""
    elsewhere, here = (gate.door.sign_in(OLGA, PASSWORD, OFFICE) for _ in range(2))
    standing = gate.door.standing(here.text, "")

    assert code_of(gate.door.change_password, standing, PASSWORD, "x" * 11, OFFICE) == "password_too_short"
    assert code_of(gate.door.change_password, standing, "wrong", "x" * 12, OFFICE) == "sign_in_failed"
    opened = gate.door.change_password(standing, PASSWORD, "x" * 12, OFFICE)

    assert [gate.door.standing(each.text, "") is not None for each in (elsewhere, here, opened)] == [False, False, True]
    assert code_of(gate.door.sign_in, OLGA, PASSWORD, OFFICE) == "sign_in_failed"
    assert gate.door.sign_in(OLGA, "x" * 12, OFFICE).person == gate.olga


def test_who_is_kept_out_has_no_session_however_it_came_about(gate):
    """Also one that was opened in the moment in which they were kept out."""
    ana = gate.joined(ANA)
    gate.people.put_disabled(gate.standing(OLGA), ana.person.id, disabled=True)

    late = gate.door.open(ana.person, OFFICE)

    assert gate.door.standing(late.text, "") is None


def test_who_tries_under_ever_new_names_fills_no_memory(gate, monkeypatch):
    """The oldest counts go; the newest stay."""
    monkeypatch.setattr(throttle, "MOST_SUBJECTS", 10)

    for number in range(30):
        gate.door.throttle.begin({f"account {number}": ACCOUNT}, gate.now_us)
        gate.later(60 * SECOND_US)

    assert len(gate.meta.attempts.kept) == 10
    assert "account 29" in gate.meta.attempts.kept


def test_a_restart_forgets_no_failures(gate):
    """The next start makes whoever guessed wait as this one would; so does another node."""
    for _ in range(5):
        code_of(gate.door.sign_in, OLGA, "wrong", OFFICE)

    started_again = SignIn(gate.meta, gate.clock)

    assert code_of(started_again.sign_in, OLGA, PASSWORD, OFFICE) == "too_many_attempts"


# ---- links
def test_the_first_owner_comes_by_a_link_that_works_once():
    """A newer link replaces the older; once there is an owner there is no link, and none works."""
    gate = Gate.__new__(Gate)
    gate.now_us, gate.meta = 1_000 * DAY_US, MemoryMetaStore()
    gate.door = SignIn(gate.meta, gate.clock)
    gate.people = People(gate.meta, gate.clock, gate.door)
    older, newer = gate.people.owner_link("setup"), gate.people.owner_link("setup")

    assert code_of(gate.people.link, older) == "link_not_good"
    assert code_of(gate.people.accept, newer, OFFICE, email="no address", password=PASSWORD) == "invalid_parameter"
    assert code_of(gate.people.accept, newer, OFFICE, email=OLGA, password="short") == "password_too_short"
    opened = gate.people.accept(newer, OFFICE, email=OLGA, name="Olga", password=PASSWORD)

    assert opened.person.owner
    assert gate.door.standing(opened.text, "").owner
    assert code_of(gate.people.accept, newer, OFFICE, email=ANA, password=PASSWORD) == "link_not_good"
    assert gate.people.owner_link("setup") is None
    assert gate.told() == [
        ("setup", "person_invited", None),
        ("setup", "person_invited", None),
        (OLGA, "owner_made", None),
        (OLGA, "sign_in", None),
    ]


def test_an_invitation_makes_a_person_with_a_role(gate):
    """In that product alone; the link is good for seven days, and once."""
    link = gate.people.invite(gate.standing(OLGA), "Ana@Acme.example", "editor", 1)
    late = gate.people.invite(gate.standing(OLGA), BOB, "editor", 1)

    opened = gate.people.accept(link, OFFICE, name="Ana", password=PASSWORD)
    gate.later(7 * DAY_US)

    assert (opened.person.email, opened.person.name, opened.person.roles) == (ANA, "Ana", {1: "editor"})
    assert standing_of(opened.person, None, "").role_in(2) is None
    assert code_of(gate.people.accept, link, OFFICE, password=PASSWORD) == "link_not_good"
    assert code_of(gate.people.accept, late, OFFICE, password=PASSWORD) == "link_not_good"
    assert code_of(gate.people.link, "anything") == "link_not_good"


def test_who_is_known_accepts_with_their_own_password(gate):
    """A second invitation widens what they may; whoever else holds the link gets nothing; it takes nothing away."""
    gate.joined(ANA, "admin")
    other = gate.people.invite(gate.standing(OLGA), ANA, "viewer", 2)
    lower = gate.people.invite(gate.standing(OLGA), ANA, "viewer", 1)

    assert code_of(gate.people.accept, other, OFFICE, password="an invented one") == "sign_in_failed"
    gate.people.accept(other, OFFICE, password=PASSWORD)
    gate.people.accept_as(lower, gate.standing(ANA))

    assert gate.standing(ANA).roles == {1: "admin", 2: "viewer"}


def test_an_invitation_is_for_one_person(gate):
    """Who is signed in as somebody else cannot take it, and it can be taken back."""
    gate.joined(ANA)
    link = gate.people.invite(gate.standing(OLGA), BOB, "admin", 2)

    assert code_of(gate.people.accept_as, link, gate.standing(ANA)) == "link_not_good"
    [opened] = gate.people.open_links(2)
    assert code_of(gate.people.withdraw, gate.standing(ANA), opened.id) == "not_found"
    gate.people.withdraw(gate.standing(OLGA), opened.id)

    assert gate.people.open_links(2) == []
    assert code_of(gate.people.accept, link, OFFICE, password=PASSWORD) == "link_not_good"


def test_a_reset_link_sets_a_password_once(gate):
    """For a day; every session ends; for somebody who is kept out it does nothing."""
    ana = gate.joined(ANA)
    link = gate.people.reset_link(gate.standing(OLGA), ana.person.id)
    late = gate.people.reset_link(gate.standing(OLGA), gate.olga.id)

    opened = gate.people.accept(link, OFFICE, password="another good one")
    again = code_of(gate.people.accept, link, OFFICE, password="another good one")
    out = gate.people.reset_link(gate.standing(OLGA), ana.person.id)
    gate.people.put_disabled(gate.standing(OLGA), ana.person.id, disabled=True)

    assert again == "link_not_good"
    assert gate.door.standing(ana.text, "") is None
    assert gate.door.standing(opened.text, "") is None, "kept out"
    assert code_of(gate.people.accept, out, OFFICE, password="another good one") == "link_not_good"
    gate.later(DAY_US)
    assert code_of(gate.people.accept, late, OFFICE, password="another good one") == "link_not_good"


# ---- roles
@pytest.mark.parametrize(
    ("role", "powers"),
    [
        ("viewer", {"viewer"}),
        ("editor", {"viewer", "editor"}),
        ("admin", {"viewer", "editor", "admin"}),
        ("owner", {"viewer", "editor", "admin", "owner"}),
    ],
)
def test_each_role_may_what_those_before_it_may(role, powers):
    """In its product; elsewhere only an owner may anything."""
    standing = Standing("x", owner=True) if role == "owner" else Standing("x", roles={1: role})

    may = {power for power in ("viewer", "editor", "admin", "owner") if standing.may(power, 1)}
    elsewhere = {power for power in ("viewer", "editor", "admin", "owner") if standing.may(power, 2)}

    assert may == powers
    assert elsewhere == (powers if role == "owner" else set())


def test_who_is_no_admin_lets_nobody_in(gate):
    """Neither invites, nor changes a role, nor keeps out; nor does an admin of another product."""
    ana, bob = gate.joined(ANA, "editor").person, gate.joined(BOB, "admin", product_id=2).person

    for email in (ANA, BOB):
        standing = gate.standing(email)
        assert code_of(gate.people.invite, standing, "x@acme.example", "viewer", 1) == "not_permitted"
        assert code_of(gate.people.put_role, standing, ana.id, 1, "admin") == "not_permitted"
        assert code_of(gate.people.put_disabled, standing, ana.id, disabled=True) == "not_permitted"
        assert code_of(gate.people.reset_link, standing, ana.id) == "not_permitted"
    assert code_of(gate.people.put_role, gate.standing(BOB), ana.id, 2, "viewer") == "not_found"
    assert gate.standing(BOB).roles == {2: "admin"}
    assert bob.id != ana.id


def test_an_admin_manages_only_who_has_nothing_elsewhere(gate):
    """A new password for somebody is a way to become them: not for owners, nor for members of other products."""
    gate.joined(ANA, "admin")
    bob = gate.joined(BOB, "viewer").person
    ana = gate.standing(ANA)

    assert gate.people.reset_link(ana, bob.id)
    gate.people.put_disabled(ana, bob.id, disabled=True)
    gate.people.put_disabled(ana, bob.id, disabled=False)
    gate.people.put_role(gate.standing(OLGA), bob.id, 2, "viewer")

    assert code_of(gate.people.reset_link, ana, bob.id) == "not_permitted"
    assert code_of(gate.people.put_disabled, ana, bob.id, disabled=True) == "not_permitted"
    assert code_of(gate.people.reset_link, ana, gate.olga.id) == "not_permitted"
    assert code_of(gate.people.put_owner, ana, bob.id, owner=True) == "not_permitted"
    assert code_of(gate.people.invite_owner, ana, ANA) == "not_permitted"
    assert code_of(gate.people.create, ana, "x@acme.example", PASSWORD, role=None, product_id=None) == "not_permitted"


def test_a_change_of_role_ends_the_sessions(gate):
    """And is told with what was before and after; without a role there is nothing left of the product."""
    ana = gate.joined(ANA)

    gate.people.put_role(gate.standing(OLGA), ana.person.id, 1, "editor")
    ended = gate.door.standing(ana.text, "")
    gate.people.put_role(gate.standing(OLGA), ana.person.id, 1, None)

    last = gate.meta.audit.entries(AuditQuery(limit=2))
    assert ended is None
    assert [(each.entry.before, each.entry.after) for each in last] == [("editor", "none"), ("viewer", "editor")]
    assert gate.standing(ANA).role_in(1) is None


def test_the_only_owner_stays(gate):
    """Until somebody else is one."""
    ana = gate.joined(ANA).person
    olga = gate.standing(OLGA)

    assert code_of(gate.people.put_owner, olga, gate.olga.id, owner=False) == "last_owner"
    assert code_of(gate.people.put_disabled, olga, gate.olga.id, disabled=True) == "last_owner"
    gate.people.put_owner(olga, ana.id, owner=True)
    gate.people.put_owner(olga, gate.olga.id, owner=False)

    assert gate.standing(ANA).owner
    assert not gate.standing(OLGA).owner


def test_somebody_is_created_at_once_with_a_password(gate):
    """As the command line does; a second of the same address is refused."""
    gate.people.create(CONSOLE, ANA, PASSWORD, role="editor", product_id=2)

    assert gate.door.sign_in(ANA, PASSWORD, OFFICE).person.roles == {2: "editor"}
    assert code_of(gate.people.create, CONSOLE, ANA, PASSWORD, role=None, product_id=None) == "email_taken"
    gate.people.set_password(CONSOLE, gate.standing(ANA).person.id, "y" * 12)
    assert gate.door.sign_in(ANA, "y" * 12, OFFICE)


def test_every_deed_has_its_words(gate):
    """What these tests put into the log can be said to people."""
    ana = gate.joined(ANA)
    gate.people.put_name(standing_of(ana.person, ana.session, ""), "Ana Alvarez")

    assert {what for _, what, _ in gate.told()} <= set(DEEDS)
    assert gate.standing(ANA).person.name == "Ana Alvarez"
    assert code_of(gate.people.put_name, gate.standing(ANA), " ") == "invalid_parameter"
