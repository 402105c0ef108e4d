"""Files of long work: what every place for them promises."""

import random
import time

import pytest

from tests.fakes_files import MemoryFiles
from uptake.core.errors import UptakeError
from uptake.stores.files.base import FilesUnavailable
from uptake.stores.files.folder import FolderFiles
from uptake.stores.files.nats import PIECE_BYTES, NatsFiles

MOST = 20_000_000
LARGE = random.Random(7).randbytes(3 * PIECE_BYTES + 11)


def now_us():
    return time.time_ns() // 1000


@pytest.fixture(params=["memory", "folder", "nats"])
def engine(request):
    return request.param


@pytest.fixture
def room(engine, request, tmp_path):
    if engine == "memory":
        made = MemoryFiles(clock=now_us, most_bytes=MOST)
    elif engine == "folder":
        made = FolderFiles(tmp_path / "kept", most_bytes=MOST)
    else:
        address = request.getfixturevalue("addresses")()
        made = NatsFiles(address, clock=now_us, most_bytes=MOST, most_s=3600)
    yield made
    made.close()


@pytest.fixture
def written(tmp_path):
    """Writes content to a path that a room may take."""
    (tmp_path / "kept").mkdir()

    def write(content):
        path = tmp_path / "kept" / ".fresh"
        path.write_bytes(content)
        return path

    return write


def keep(room, name, path):
    """Take it all; how far each step had come."""
    return list(room.keep(name, path))


def content(room, name):
    return b"".join(room.read(name))


@pytest.mark.parametrize("what", [b"", b"ana", LARGE])
def test_a_file_comes_back_as_it_was(room, written, what):
    """Its name, its size and since when it is there are told, and the path that it came from is free."""
    before_us, path = now_us() - 1_000_000, written(what)

    keep(room, "p1-j7-export-users.csv", path)

    (kept,) = room.all()
    assert (kept.name, kept.size_bytes) == ("p1-j7-export-users.csv", len(what))
    assert before_us <= kept.kept_us <= now_us() + 1_000_000
    assert content(room, kept.name) == what
    assert max((len(piece) for piece in room.read(kept.name)), default=0) <= 1_000_000
    assert not path.exists()


def test_a_file_takes_the_place_of_one_with_its_name(room, written):
    """Nothing of the old one is left, and others stay."""
    for name, what in (("b.csv", b"old"), ("a.csv", b"ana"), ("b.csv", LARGE), ("b.csv", b"new")):
        keep(room, name, written(what))

    assert [(each.name, each.size_bytes) for each in room.all()] == [("a.csv", 3), ("b.csv", 3)]
    assert content(room, "b.csv") == b"new"


def test_a_file_that_is_not_there_is_none(room, written):
    """Whether there never was one or it was deleted; deleting it twice is no fault."""
    keep(room, "a.csv", written(b"ana"))

    for _ in range(2):
        room.drop("a.csv")

    assert room.all() == []
    for name in ("a.csv", "never.csv"):
        with pytest.raises(KeyError):
            room.read(name)


def test_half_a_file_is_never_offered(room, written):
    """While it is taken in there is none, the one before it stays, and whoever ends half-way leaves nothing."""
    keep(room, "a.csv", written(b"before"))
    taking = room.keep("a.csv", written(LARGE))

    steps = [next(taking, None) for _ in range(2)]
    seen = content(room, "a.csv") if steps[0] is not None else b"before"
    taking.close()
    room.clear(now_us() + 1)

    if steps[0] is not None:
        assert 0 < steps[0] < steps[1] < len(LARGE)
        assert [each.size_bytes for each in room.all()] == [6]
    assert seen == b"before"


def test_only_so_many_bytes_are_kept(room, written):
    """What is too much beside the others is refused with a code, and fits once they are gone."""
    keep(room, "a.csv", written(bytes(MOST * 2 // 3)))

    with pytest.raises(UptakeError, match="files_full"):
        keep(room, "b.csv", written(bytes(MOST // 2)))
    before = [each.name for each in room.all()]
    room.drop("a.csv")
    keep(room, "b.csv", written(bytes(MOST // 2)))

    assert before == ["a.csv"]
    assert [each.name for each in room.all()] == ["b.csv"]


def test_what_is_whole_stays_when_remains_are_cleared(room, written):
    """However long ago it was begun."""
    keep(room, "a.csv", written(LARGE))

    room.clear(now_us() + 60_000_000)

    assert content(room, "a.csv") == LARGE


# ---- servers
def test_another_node_has_the_file(request, written):
    """A second connection finds what the first one kept; one that was deleted meanwhile ends with a fault."""
    address = request.getfixturevalue("addresses")()
    first, second = (NatsFiles(address, clock=now_us, most_bytes=MOST, most_s=3600) for _ in range(2))
    large = LARGE * 3
    keep(first, "a.csv", written(large))

    whole, pieces = content(second, "a.csv"), second.read("a.csv")
    next(pieces)
    first.drop("a.csv")

    assert whole == large
    with pytest.raises(FilesUnavailable, match="gone"):
        list(pieces)
    first.close()
    second.close()


def test_what_a_killed_node_left_is_cleared_after_its_time(request, written):
    """Pieces without the word that they are whole are no file, and go with every byte."""
    address, at = request.getfixturevalue("addresses")(), [1_000_000]
    killed, other = (NatsFiles(address, clock=lambda: at[0], most_bytes=MOST, most_s=3600) for _ in range(2))
    taking = killed.keep("a.csv", written(LARGE))
    next(taking)
    next(taking)
    killed.close()
    with pytest.raises(FilesUnavailable):
        next(taking)

    none = other.all()
    other.clear(at[0])
    before = other._cluster.subjects(other._stream, f"{other._subject}.piece.*")
    other.clear(at[0] + 1)

    assert none == []
    assert len(before) == 1
    assert other._cluster.subjects(other._stream, f"{other._subject}.piece.*") == []
    other.close()
