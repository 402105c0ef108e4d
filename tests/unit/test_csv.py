"""CSV files as rows, as calls, and as an import that is resumed and never taken twice."""

import csv
import gzip
import io
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes_log import MemoryCallLog
from tests.fakes_meta import MemoryMetaStore
from uptake.core.calls import Call, Projection
from uptake.core.errors import CODES, UptakeError
from uptake.pipeline import import_file
from uptake.pipeline.import_csv import CsvReading, import_csv, preview_csv
from uptake.pipeline.import_file import File
from uptake.sources.base import Incoming
from uptake.sources.csv_calls import plan_of, read_rows
from uptake.sources.csv_table import LONGEST_LINE, CsvFault, CsvRow, CsvTable, CsvUnfit

NOW_US = 1_800_000_000_000_000
USERS = "userId,name,traits.plan,Seats,active,since,timestamp\nana,Ana,pro,12,TRUE,007,2026-01-02\nbob,,free,1.5,,,\n"


def table(text):
    """A table of a text, or of bytes."""
    return CsvTable(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


def calls(text, **how):
    """What the rows of a text become."""
    found = table(text)
    plan = plan_of(found.header, **how)
    rows = list(found.rows())
    return read_rows(plan, rows, Incoming(NOW_US, Projection(), str), [f"m{n}" for n in range(len(rows))])


# ---- rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found_out(delimiter, end):
    """Whatever separates cells and lines, and with a byte order mark: the rows are the same."""
    lines = [["id", "note"], ["ana", 'she said "no, later"; thanks'], ["bob", "two\nlines"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(lines)

    found = table("\ufeff" + out.getvalue())

    assert found.delimiter == delimiter
    assert [found.header, *(tuple(row.cells) for row in found.rows())] == [tuple(line) for line in lines]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=8)


@given(rows=st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_what_was_written_is_read(rows):
    """Any cells, written as RFC 4180 says, come back, each row with the line that it begins on."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b", "c"), *rows])

    found = list(table(out.getvalue()).rows())

    assert [tuple(row.cells) for row in found] == rows
    line = 2
    for row in found:
        assert row.line == line
        line += 1 + sum(cell.count("\n") for cell in row.cells)


@pytest.mark.parametrize(
    ("row", "code", "line", "column"),
    [
        (b"ana,1,2", "csv_cells", 3, 3),
        (b"ana", "csv_cells", 3, 2),
        (b'ana,"x"y', "csv_quoting", 3, 0),
        (b"ana,pl\xe4n", "csv_not_utf8", 3, 2),
        (b"ana," + b"x" * (LONGEST_LINE + 10), "csv_quoting", 3, 0),
    ],
)
def test_a_bad_row_costs_its_neighbours_nothing(row, code, line, column):
    """It is a fault with its line and column; those before and after it are read."""
    found = list(table(b"id,plan\neve,pro\n" + row + b"\n\nbob,free,,\n").rows())

    faults = [each for each in found if isinstance(each, CsvFault)]
    rows = [each.cells[0] for each in found if isinstance(each, CsvRow)]
    assert (faults[0].code, faults[0].line, faults[0].column) == (code, line, column)
    assert faults[0].code in CODES
    assert (rows[0], rows[-1]) == ("eve", "bob")


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("", "csv_no_header", 0),
        ("\n\n", "csv_no_header", 0),
        ("id,plan,id\n", "csv_column_repeated", 3),
        (b"id,pl\xe4n\n", "csv_not_utf8", 2),
        (",".join(f"c{n}" for n in range(501)), "csv_too_large", 501),
    ],
)
def test_a_file_without_a_good_header_is_refused(text, code, column):
    """The reason has a code and a place."""
    with pytest.raises(CsvUnfit) as refused:
        table(text)

    assert (refused.value.fault.code, refused.value.fault.column) == (code, column)


# ---- calls


def test_columns_are_what_their_names_say():
    """Ids, time and traits by convention; numbers and truth values are such, empty cells say nothing."""
    ana, bob = calls(USERS)

    assert ana == Call(
        type="identify",
        message_id="m0",
        at_us=1_767_312_000_000_000,
        user_id="ana",
        traits={"name": "Ana", "plan": "pro", "Seats": 12, "active": True, "since": "007"},
        direct=True,
    )
    assert bob.traits == {"plan": "free", "Seats": 1.5}
    assert bob.at_us == NOW_US


@pytest.mark.parametrize(
    ("header", "how", "kind", "targets"),
    [
        ("user_id,plan", {}, "user", ("userId", "traits.plan")),
        ("id,group_id", {}, "user", ("userId", "groupId")),
        ("Account ID,mrr", {}, "account", ("groupId", "traits.mrr")),
        ("id,mrr", {"kind": "account"}, "account", ("groupId", "traits.mrr")),
        ("userId,id", {}, "user", ("userId", "traits.id")),
        ("No,Plan,x", {"columns": {"No": "groupId", "Plan": "traits.plan", "x": ""}}, "account",
         ("groupId", "traits.plan", "")),
        ("userId,,b", {}, "user", ("userId", "", "traits.b")),
    ],
)  # fmt: skip
def test_a_plan_follows_names_and_what_is_told(header, how, kind, targets):
    """What is told goes before what a name says."""
    plan = plan_of(header.split(","), **how)

    assert (plan.kind, plan.targets) == (kind, targets)


@pytest.mark.parametrize(
    ("header", "how", "code", "column"),
    [
        ("plan,mrr", {}, "csv_column_missing", 0),
        ("userId,plan", {"kind": "account"}, "csv_column_missing", 0),
        ("userId,user_id", {}, "csv_mapping", 1),
        ("userId,plan", {"columns": {"Plan": "traits.plan"}}, "csv_mapping", 0),
        ("userId,plan", {"columns": {"plan": "plan"}}, "csv_mapping", 2),
        ("userId,plan", {"columns": {"plan": "traits."}}, "csv_mapping", 2),
        ("userId,plan,p", {"columns": {"p": "traits.plan"}}, "csv_mapping", 2),
    ],
)
def test_a_plan_that_cannot_be_is_refused(header, how, code, column):
    """No id, one target twice, an unknown column or target: each has its code."""
    with pytest.raises(CsvUnfit) as refused:
        plan_of(header.split(","), **how)

    assert (refused.value.fault.code, refused.value.fault.column) == (code, column)


@pytest.mark.parametrize(
    ("row", "code", "column", "field"),
    [
        (",pro,", "missing_user_id", 1, "userId"),
        ("ana,pro,yesterday", "bad_timestamp", 3, "timestamp"),
        ("x" * 501 + ",pro,", "id_too_long", 1, "userId"),
        ("ana," + "x" * 33_000 + ",", "call_too_large", 0, ""),
    ],
)
def test_a_row_that_is_no_call_says_where(row, code, column, field):
    """Its line, its column and the column's name."""
    (found,) = calls(f"userId,plan,timestamp\n{row}\n")

    assert (found.code, found.line, found.column, found.field) == (code, 2, column, field)


def test_a_file_of_accounts_becomes_group_calls():
    """With a user's id in a row that user joins the account."""
    acme, beta = calls("group_id,user_id,mrr\nacme,,100\nbeta,bob,5\n", kind="account")

    assert (acme.type, acme.group_id, acme.user_id, acme.traits) == ("group", "acme", None, {"mrr": 100})
    assert (beta.group_id, beta.user_id) == ("beta", "bob")


# ---- the import


@pytest.fixture
def ledger():
    return SimpleNamespace(
        meta=MemoryMetaStore(), log=MemoryCallLog(), product_id=1, projection=Projection(), clock=lambda: NOW_US
    )


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(import_file, "CHUNK_LINES", 10)


def many(rows):
    """A file of so many users, each tenth row without an id."""
    lines = [f"{'' if n % 10 == 9 else f'u{n}'},{n}" for n in range(rows)]
    return "\n".join(["userId,n", *lines]).encode()


def taken(content, ledger, reading=None, *, again=False):
    file = File("users.csv", len(content), lambda: io.BytesIO(content))
    return import_csv(file, ledger, reading or CsvReading(), again=again, told=lambda _done, _all: None)


def logged(ledger):
    return [each.call for each in ledger.log.read(1, 0, most=10_000)]


def test_every_row_is_logged_once(ledger):
    """Refused rows are told with line and column, a second import takes nothing, and gzip is no other file."""
    first, second = taken(many(35), ledger), taken(many(35), ledger)

    assert [call.traits["n"] for call in logged(ledger)] == [n for n in range(35) if n % 10 != 9]
    assert len({call.message_id for call in logged(ledger)}) == 32
    assert (first.lines, first.logged, first.refused, first.reasons) == (35, 32, 3, {"missing_user_id": 3})
    assert first.refusals[0] == (11, "missing_user_id", "column 1 (userId): a row of a user needs the id; it is empty")
    assert (second.skipped, second.logged) == (True, 32)
    assert taken(gzip.compress(many(35)), ledger).logged == 32


def test_the_same_file_read_otherwise_is_another_import(ledger):
    """Another mapping makes other calls, with other messageIds."""
    taken(many(5), ledger)

    outcome = taken(many(5), ledger, CsvReading(columns={"n": "traits.number"}))

    assert (outcome.skipped, outcome.logged) == (False, 5)
    assert len({call.message_id for call in logged(ledger)}) == 10


@pytest.mark.parametrize("crash", range(1, 8))
def test_an_import_that_was_killed_goes_on_where_it_stopped(ledger, monkeypatch, crash):
    """At any write the process may end: afterwards each row is in the log exactly once."""

    class Crash(BaseException):
        """Stands for kill -9."""

    before, count = ledger.meta.set_fact, iter(range(1, 100))

    def sometimes(name, value):
        if next(count) == crash:
            raise Crash
        before(name, value)

    monkeypatch.setattr(ledger.meta, "set_fact", sometimes)
    try:
        taken(many(35), ledger)
    except Crash:
        taken(many(35), ledger)

    assert [call.traits["n"] for call in logged(ledger)] == [n for n in range(35) if n % 10 != 9]


def test_a_preview_shows_calls_and_faults_and_logs_nothing(ledger):
    """The first calls in Segment's words, what each column is, and every row counted."""
    content = many(35) + b"\n,1\nx,2,3"
    file = File("users.csv", len(content), lambda: io.BytesIO(content))

    found = preview_csv(file, CsvReading(), now_us=NOW_US)

    assert [(each.name, each.target) for each in found.columns] == [("userId", "userId"), ("n", "traits.n")]
    assert found.calls[0] == {"type": "identify", "userId": "u0", "traits": {"n": 0}}
    assert len(found.calls) == 10
    assert (found.rows, found.refused, found.reasons) == (37, 5, {"csv_cells": 1, "missing_user_id": 4})
    assert [(fault.line, fault.column) for fault in found.faults[-2:]] == [(37, 1), (38, 3)]


def test_a_file_that_is_none_is_refused(ledger):
    """The code is the CSV's own, and the file's name is told."""
    with pytest.raises(UptakeError, match=r"users.csv, line 1") as refused:
        taken(b"plan\nfree\n", ledger)

    assert refused.value.code == "csv_column_missing"
