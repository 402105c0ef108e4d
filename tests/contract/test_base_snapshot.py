"""What every base snapshot promises, and what is its engine's own: files that survive, damage, and who may add."""

from contextlib import ExitStack, closing

import msgspec
import pytest
import sqlalchemy

from tests.fakes_retained import MemoryBaseSnapshot
from uptake.control.requests import Silence
from uptake.core.config import ProductConfig
from uptake.core.errors import UptakeError
from uptake.migrating import copy_pieces
from uptake.stores.events.batches import ActedRow, FateRow, FoldBatch, JoinedRow, KnownRow, OutcomeRow, TraitRow
from uptake.stores.meta.sql import SqlMetaStore
from uptake.stores.retained.base import BaseDamaged, BaseUnavailable, Overtaken
from uptake.stores.retained.postgres import PostgresBaseSnapshot
from uptake.stores.retained.sqlite import SqliteBaseSnapshot

ACME, BOBS = 1, 2
DEDUPE_US = 1_000


SPOILED = {
    "sqlite": "update pieces set body = zeroblob(9) where first = 0",
    "postgresql": "update base_pieces set body = 'damaged' where first = 0",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Where an engine keeps a base snapshot."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'base.sqlite'}"
    return request.getfixturevalue("databases")()


@pytest.fixture
def opened(tmp_path):
    """Opens the base snapshot at a URL, as often as asked."""
    with ExitStack() as stack:

        def open_base(url):
            sqlite = url.startswith("sqlite")
            base = SqliteBaseSnapshot(tmp_path / "base.sqlite") if sqlite else PostgresBaseSnapshot(url)
            return stack.enter_context(closing(base))

        yield open_base


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def base(request, tmp_path, opened):
    if request.param == "memory":
        return MemoryBaseSnapshot()
    return opened(request.getfixturevalue("databases")() if request.param == "postgresql" else "sqlite")


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


class BrokenOff(Exception):
    """The process that copied is gone."""


class Breaking(Silence):
    """Breaks off when it is first told of progress."""

    def progress(self, *_):
        raise BrokenOff


def test_a_copy_that_broke_off_goes_on_and_ends_equal(base):
    """Pieces, messages and the moment that it reaches to are those of the other one; a repeat adds nothing."""
    source = MemoryBaseSnapshot()
    messages = [(digest(3), 5), (digest(-1), 5), (digest(2), 6)]  # two of one moment, in no engine's order
    for first, told in ((0, messages[:2]), (10, messages[2:]), (20, [])):
        kept(source, ACME, batch(first, first + 10, messages=told), before_us=100 + first)

    with pytest.raises(BrokenOff):
        copy_pieces(ACME, source, base, Breaking())
    broken_at = base.end(ACME)
    for _ in range(2):
        copy_pieces(ACME, source, base, Silence())

    assert broken_at == 10
    assert (base.end(ACME), base.before_us(ACME)) == (source.end(ACME), source.before_us(ACME))
    assert [base.piece(ACME, first) for first in (0, 10)] == [source.piece(ACME, first) for first in (0, 10)]
    assert sorted(base.piece(ACME, 20).messages) == sorted(messages)


def test_a_copy_adds_nothing_to_other_pieces(base):
    """Where rows were erased since, or the copy was whole and pieces came behind it, the target stays as it is."""
    source, grown = MemoryBaseSnapshot(), MemoryBaseSnapshot()
    for each in (source, grown):
        kept(each, ACME, batch(0, 20, messages=[(digest(1), 5)]))
    copy_pieces(ACME, source, base, Silence())
    kept(grown, ACME, batch(20, 30, messages=[(digest(2), 6)]))
    source.rewrite(ACME, lambda piece: msgspec.structs.replace(piece, acted=[]))

    for each in (source, grown):
        with pytest.raises(UptakeError, match="E018"):
            copy_pieces(ACME, each, base, Silence())

    assert (base.end(ACME), len(base.piece(ACME, 0).acted)) == (20, 2)
    assert base.piece(ACME, 0).messages == [(digest(1), 5)]


def test_what_is_kept_survives(url, opened):
    """Opened anew it tells the same, and takes room."""
    kept(opened(url), ACME, batch(0, 20, messages=[(digest(1), 5)]))

    again = opened(url)

    assert (again.end(ACME), again.piece(ACME, 0).messages) == (20, [(digest(1), 5)])
    assert again.size_bytes() > 0


def test_of_two_writers_one_is_refused(url, opened):
    """Whoever adds a piece where another one was added meanwhile keeps nothing."""
    ours, theirs = opened(url), opened(url)
    kept(ours, ACME, batch(0, 20))

    with pytest.raises(ValueError, match="ends at 20"):
        kept(theirs, ACME, batch(0, 30, user="bob", messages=[(digest(1), 5)]))

    assert (theirs.end(ACME), theirs.piece(ACME, 0).messages) == (20, [])


def test_a_damaged_piece_is_named_and_the_next_one_read(url, opened):
    """A checksum that does not match raises with the offset to go on at; rewriting leaves the piece as it is."""
    base, engine = opened(url), sqlalchemy.create_engine(url)
    kept(base, ACME, batch(0, 20))
    kept(base, ACME, batch(20, 30))
    with engine.begin() as connection:
        connection.exec_driver_sql(SPOILED[engine.dialect.name])
    engine.dispose()

    with pytest.raises(BaseDamaged) as damage:
        base.piece(ACME, 0)
    base.rewrite(ACME, lambda piece: msgspec.structs.replace(piece, acted=[]))

    assert damage.value.after == 20
    assert base.piece(ACME, 20).acted == []


def test_rows_of_another_configuration_are_not_kept(databases, opened):
    """Where configurations are in the same database, a piece of one that is no longer in force is refused."""
    url = databases()
    with closing(SqlMetaStore(url, b"k" * 40)) as meta:
        base, product_id = opened(url), meta.create_product(ProductConfig(), now_us=1, by="ana").id
        changed = {"from_offset": 0, "now_us": 2, "by": "ana", "why": "", "even_if_equal": True}
        base.append(product_id, batch(0, 20), before_us=1, dedupe_us=DEDUPE_US, under=1)
        meta.save_config(product_id, lambda version: version.config, **changed)

        with pytest.raises(Overtaken):
            base.append(product_id, batch(20, 30), before_us=1, dedupe_us=DEDUPE_US, under=1)
        base.append(product_id, batch(20, 30), before_us=1, dedupe_us=DEDUPE_US, under=2)

    assert base.end(product_id) == 30


def test_bytes_wait_for_who_is_reading(databases, opened):
    """While another program reads the pieces nothing is overwritten; afterwards it is."""
    url = databases()
    base, engine = opened(url), sqlalchemy.create_engine(url)
    kept(base, ACME, batch(0, 20))

    with engine.begin() as reader:
        reader.exec_driver_sql("select count(*) from base_pieces").all()
        assert not base.scrub()
    engine.dispose()

    assert base.scrub()
    assert base.piece(ACME, 0).after == 20


def test_a_server_that_is_gone_is_said_to_be():
    """What cannot be reached is unavailable, without the address, which may hold a password."""
    with pytest.raises(BaseUnavailable, match=r"^(?!.*secret)"):
        PostgresBaseSnapshot("postgresql+psycopg://ana:secret@127.0.0.1:1/none")
