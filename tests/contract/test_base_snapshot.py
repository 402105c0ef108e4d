"""What every base snapshot promises, and what is the SQLite file's own."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from tests.fakes_retained import MemoryBaseSnapshot
from uptake.stores.events.batches import ActedRow, FateRow, FoldBatch, JoinedRow, KnownRow, OutcomeRow, TraitRow
from uptake.stores.retained.base import BaseDamaged
from uptake.stores.retained.sqlite import SqliteBaseSnapshot

ACME, BOBS = 1, 2
DEDUPE_US = 1_000


@pytest.fixture(params=["sqlite", "memory"])
def base(request, tmp_path):
    base = SqliteBaseSnapshot(tmp_path / "base.sqlite") if request.param == "sqlite" else MemoryBaseSnapshot()
    yield base
    base.close()


@pytest.fixture
def sqlite_base(tmp_path):
    base = SqliteBaseSnapshot(tmp_path / "base.sqlite")
    yield base
    base.close()


def digest(number):
    return number.to_bytes(16, "little", signed=True)


def batch(first, after, *, user="ana", at_us=10, messages=()):
    """A batch with a row of every kind, some of them twice."""
    return FoldBatch(
        first=first,
        after=after,
        messages=list(messages),
        known=[KnownRow("user", user), KnownRow("user", user), KnownRow("account", "acme")],
        acted=[ActedRow(user, None, "Shared", at_us), ActedRow(user, "acme", "Shared", at_us + 1)],
        joined=[JoinedRow(user, "acme", at_us, "m1")],
        traits=[
            TraitRow("user", user, "plan", '"pro"', at_us, "m1"),
            TraitRow("user", user, "plan", None, at_us + 1, "m2"),
        ],
        fates=[FateRow(first, at_us, at_us, "track", user, "acme", "Shared", "applied")],
        outcomes=[OutcomeRow(0, "track", "applied", "", "", after - first)],
    )


def kept(base, product_id, piece, *, before_us=100):
    base.append(product_id, piece, before_us=before_us, dedupe_us=DEDUPE_US)


def test_a_piece_comes_back_with_what_a_store_needs_of_it(base):
    """Rows as they were, of repeats one, of traits the latest, and no fates; the last one with the messages."""
    messages = [(digest(1), 5), (digest(-2), 7)]
    given = batch(0, 20, messages=messages)

    kept(base, ACME, given)

    told = base.piece(ACME, 0)
    assert (told.first, told.after, told.fates) == (0, 20, [])
    assert told.known == [KnownRow("user", "ana"), KnownRow("account", "acme")]
    assert (told.acted, told.joined, told.outcomes) == (given.acted, given.joined, given.outcomes)
    assert told.traits == [given.traits[1]]
    assert told.messages == messages


def test_pieces_follow_one_another_for_each_product(base):
    """The next begins where the last ended; only the last tells messages; products are apart."""
    kept(base, ACME, batch(0, 20, messages=[(digest(1), 5)]))
    kept(base, ACME, batch(20, 30, messages=[(digest(2), 6)]), before_us=200)
    kept(base, BOBS, batch(0, 7, user="bob"))

    assert (base.end(ACME), base.end(BOBS), base.end(3)) == (30, 7, 0)
    assert (base.before_us(ACME), base.before_us(BOBS), base.before_us(3)) == (200, 100, 0)
    assert base.piece(ACME, 0).messages == []
    assert base.piece(ACME, 20).messages == [(digest(1), 5), (digest(2), 6)]
    assert base.piece(ACME, 5) is base.piece(ACME, 30) is base.piece(3, 0) is None
    with pytest.raises(ValueError, match="ends at 30"):
        kept(base, ACME, batch(20, 40))
    assert base.end(ACME) == 30


def test_messages_are_remembered_for_their_window(base):
    """A repeat counts as one within the window only, of the same product, and old ones are forgotten."""
    kept(base, ACME, batch(0, 1, messages=[(digest(1), 1_000)]))

    assert base.seen(ACME, [(digest(1), 1_999), (digest(1), 2_000), (digest(3), 1_000)], dedupe_us=DEDUPE_US) == [
        True,
        False,
        False,
    ]
    assert base.seen(BOBS, [(digest(1), 1_000)], dedupe_us=DEDUPE_US) == [False]

    kept(base, ACME, batch(1, 2, messages=[(digest(2), 3_000)]))
    assert base.piece(ACME, 1).messages == [(digest(2), 3_000)]


def test_rewriting_changes_rows_and_nothing_else(base):
    """What is taken out is gone from every piece of the product; offsets stay; it may be repeated."""
    for product_id in (ACME, BOBS):
        kept(base, product_id, batch(0, 20))
        kept(base, product_id, batch(20, 30, user="bob", messages=[(digest(1), 5)]))

    for _ in range(2):
        base.rewrite(ACME, lambda piece: msgspec.structs.replace(piece, acted=[]))
        assert base.scrub()

    assert [base.piece(ACME, first).acted for first in (0, 20)] == [[], []]
    assert base.piece(ACME, 20).messages == [(digest(1), 5)]
    assert (base.end(ACME), len(base.piece(BOBS, 0).acted)) == (30, 2)


def test_what_is_kept_survives(sqlite_base, tmp_path):
    """The file opened anew tells the same."""
    kept(sqlite_base, ACME, batch(0, 20, messages=[(digest(1), 5)]))
    sqlite_base.close()

    with closing(SqliteBaseSnapshot(tmp_path / "base.sqlite")) as again:
        assert (again.end(ACME), again.piece(ACME, 0).messages) == (20, [(digest(1), 5)])


def test_a_damaged_piece_is_named_and_the_next_one_read(sqlite_base, tmp_path):
    """A checksum that does not match raises with the offset to go on at; rewriting leaves the piece as it is."""
    kept(sqlite_base, ACME, batch(0, 20))
    kept(sqlite_base, ACME, batch(20, 30))
    with closing(sqlite3.connect(tmp_path / "base.sqlite")) as file, file:
        file.execute("update pieces set body = zeroblob(9) where first = 0")

    with pytest.raises(BaseDamaged) as damage:
        sqlite_base.piece(ACME, 0)
    sqlite_base.rewrite(ACME, lambda piece: msgspec.structs.replace(piece, acted=[]))

    assert damage.value.after == 20
    assert sqlite_base.piece(ACME, 20).acted == []
