"""How much of an event store's file stays in memory, and when its write-ahead log goes into it."""

import pytest

from uptake.stores.events.duckdb_file import DuckFile

MANY = "create table numbers as select hash(range) as number from range(8000000)"
LOOK = "select max(number) from numbers"
HELD = "select sum(memory_usage_bytes) from duckdb_memory()"
CHECKPOINT = "select current_setting('checkpoint_threshold')"
LIMIT = "select current_setting('memory_limit')"

KEPT = 32_000_000


@pytest.fixture
def file(tmp_path):
    """A file of more pages than are kept between writes, all of them read once."""
    made = DuckFile(tmp_path / "numbers.duckdb", memory_limit="256MB", threads=2)
    with made.writing() as session:
        session.run(MANY)
    with made.reading() as session:
        session.rows(LOOK)
    yield made
    made.close()


def test_pages_are_given_back_between_writes(file):
    """Trimming leaves an eighth of the limit, and the limit for the next question is what it was."""
    limit, before = asked(file, LIMIT), asked(file, HELD)

    file.trim()

    assert before > KEPT >= asked(file, HELD)
    assert asked(file, LIMIT) == limit


def test_nothing_is_taken_from_who_reads(file):
    """While a question is under way its pages stay, and the limit with them."""
    with file.reading() as session:
        limit = session.rows(LIMIT)[0][0]
        before = session.rows(HELD)[0][0]
        file.trim()

        assert session.rows(HELD)[0][0] >= before
        assert session.rows(LIMIT)[0][0] == limit


def test_a_larger_file_is_brought_up_to_date_less_often(tmp_path):
    """Its write-ahead log may be as long as a quarter of it, also once it is opened anew."""
    made = DuckFile(tmp_path / "grown.duckdb", memory_limit="1GB", threads=2)
    when_new = asked(made, CHECKPOINT)
    with made.writing() as session:
        session.run(MANY.replace("8000000", "10000000"))
    made.trim()
    when_grown = asked(made, CHECKPOINT)
    made.close()
    opened = DuckFile(tmp_path / "grown.duckdb", memory_limit="1GB", threads=2)

    assert when_new == "15.2 MiB"
    assert when_grown == asked(opened, CHECKPOINT) == "20.0 MiB"
    opened.close()


def test_a_file_that_somebody_deleted_is_trimmed_all_the_same(file, tmp_path):
    """A server goes on until it is told to build its store anew."""
    (tmp_path / "numbers.duckdb").unlink()

    file.trim()

    assert asked(file, LOOK) > 0


def asked(file, text):
    """The one value that a text finds."""
    with file.reading() as session:
        return session.rows(text)[0][0]
