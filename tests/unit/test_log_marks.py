"""The form of a mark: what was written is read, and nothing else is taken for a mark."""

import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from uptake.stores.log.sqlite_marks import MARK_BYTES, Mark, Marks, decoded, encoded, marks_in

OFFSETS = st.integers(0, 2**63 - 1)
MONTHS = st.builds("{:04}-{:02}".format, st.integers(1970, 9999), st.integers(1, 12))
MARKS = st.builds(Mark, OFFSETS, MONTHS, OFFSETS)


@given(MARKS)
def test_a_mark_is_read_as_it_was_written(mark):
    """In 32 bytes, for every product, month and offset."""
    assert len(encoded(mark)) == MARK_BYTES
    assert decoded(encoded(mark)) == mark


@given(MARKS, MARKS, st.integers(0, MARK_BYTES))
def test_half_a_mark_over_another_is_one_of_them_or_none(before, after, written):
    """Wherever the write is torn."""
    torn = encoded(after)[:written] + encoded(before)[written:]

    assert decoded(torn) in (before, after, None)


@given(MARKS, st.integers(0, 8 * MARK_BYTES - 1))
def test_a_mark_with_a_flipped_bit_is_none(mark, bit):
    """Whichever it is."""
    content = bytearray(encoded(mark))
    content[bit // 8] ^= 1 << bit % 8

    assert decoded(bytes(content)) is None


@given(st.lists(st.dictionaries(st.integers(1, 5), st.integers(1, 1000), max_size=3), max_size=20), st.data())
def test_the_furthest_marks_are_told_and_survive_a_torn_one(commits, data):
    """After any commits, over any number of starts, each product's furthest mark is told; with one mark lost each
    product has that or an earlier one of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder, ends = Path(name), {}
        marks = Marks(folder)
        for number, commit in enumerate(commits):
            marks.put("2026-11", commit)
            ends = {each: max(ends.get(each, 0), commit.get(each, 0)) for each in {*ends, *commit}}
            if number % 3 == 2:
                marks.close()
        marks.close()

        assert {mark.product_id: mark.end for mark in marks_in(folder)} == ends

        if ends:
            content = bytearray((folder / "marks-1").read_bytes())
            at = data.draw(st.integers(0, len(content) // MARK_BYTES - 1)) * MARK_BYTES
            content[at : at + MARK_BYTES] = bytes(MARK_BYTES)
            (folder / "marks-1").write_bytes(content)
            told = {mark.product_id: mark.end for mark in marks_in(folder)}
            assert all(told[each] in {commit.get(each) for commit in commits} for each in told)
            assert all(told[each] <= ends[each] for each in told)
            assert len(ends) - len(told) <= 1


def halves(folder):
    """Where both marks of the first place say that it ends."""
    content = (folder / "marks-1").read_bytes().ljust(2 * MARK_BYTES, b"\0")
    marks = [decoded(content[at : at + MARK_BYTES]) for at in (0, MARK_BYTES)]
    return [mark and mark.end for mark in marks]


def test_the_first_mark_after_a_restart_goes_over_the_older_half(tmp_path):
    """Whichever that is: the furthest mark is never written over, for the write may be torn."""
    for end, expected in [(1, [1, None]), (2, [1, 2]), (3, [3, 2]), (4, [3, 4]), (5, [5, 4])]:
        marks = Marks(tmp_path)
        marks.put("2026-11", {1: end})
        marks.close()

        assert halves(tmp_path) == expected


@contextmanager
def files_end_at(count):
    """No file of this process grows beyond so many bytes: a write that would ends there."""
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_mark_that_was_written_in_part_is_written_again_in_its_place(tmp_path):
    """A disk that is full takes half of it: the mark before it stays, also while the next ones are written."""
    marks = Marks(tmp_path)
    marks.put("2026-11", {1: 10})

    with files_end_at(MARK_BYTES + MARK_BYTES // 2):
        marks.put("2026-11", {1: 20})
    assert (tmp_path / "marks-1").stat().st_size == MARK_BYTES + MARK_BYTES // 2
    assert halves(tmp_path) == [10, None]

    marks.put("2026-11", {1: 20})
    assert halves(tmp_path) == [10, 20]
    marks.close()
