"""Rows and offset of the embedded event store are one commit, whenever the process dies.

A child process folds in a loop and tells each commit that returned; it is killed, and what the file then holds is
compared with an oracle that folds just as far.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes import MemoryEventStore
from tests.installed import SOAK_ROUNDS
from uptake.stores.events import duckdb_file
from uptake.stores.events.base import ActedRow, FoldBatch, JoinedRow, KnownRow, StoreRules, TraitRow
from uptake.stores.events.duckdb import DuckEventStore
from uptake.stores.events.duckdb_file import DuckSession
from uptake.stores.events.fold_sql import SET_OFFSET

RULES = StoreRules("Europe/Berlin")
CALLS = 40
NOON_US = 1_780_315_200_000_000
ROOT = Path(__file__).parents[2]


def batch_from(first: int) -> FoldBatch:
    """The rows of the calls from `first` on: the same whoever asks; now and then a user moves, and is counted again."""
    rng = random.Random(first)
    calls = range(first, first + CALLS)
    moments = [NOON_US + rng.randrange(-(10**12), 10**12) for _ in calls]
    users = [f"user {rng.randrange(20)}" for _ in calls]
    joined = [JoinedRow(users[0], f"account {rng.randrange(4)}", moments[0], f"m{first}")]
    traits = [TraitRow("account", "account 1", "parent", f'"account {rng.randrange(2, 4)}"', moments[1], f"m{first}")]
    return FoldBatch(
        first=first,
        after=first + CALLS,
        messages=[(offset.to_bytes(16, "big"), NOON_US) for offset in calls],
        known=[KnownRow("user", users[2])],
        acted=[ActedRow(user, None, f"event {at_us % 5}", at_us) for user, at_us in zip(users, moments, strict=True)],
        joined=joined,
        traits=traits,
        fates=[],
        outcomes=[],
    )


def fold_until_killed(path: Path, kill: str) -> None:
    """The child: fold for ever, telling each commit; from its third fold on it may kill itself at the offset."""
    duckdb_file.SET_CHECKPOINT = "set checkpoint_threshold = '64KB'"  # so that kills meet checkpoints too
    store = DuckEventStore(path, RULES, generation=1, memory_limit="256MB", threads=1)
    run, folds = DuckSession.run, 0

    def run_or_die(self: DuckSession, sql: str, **values: object) -> None:
        if sql == SET_OFFSET and folds == 2 and kill == "before the offset":
            os.kill(os.getpid(), signal.SIGKILL)
        run(self, sql, **values)
        if sql == SET_OFFSET and folds == 2 and kill == "after the offset":
            os.kill(os.getpid(), signal.SIGKILL)

    DuckSession.run = run_or_die  # type: ignore[method-assign]
    while True:
        batch = batch_from(store.offset())
        store.commit(batch)
        folds += 1
        os.write(sys.stdout.fileno(), f"{batch.after}\n".encode())


def killed_at(path: Path, kill: str, rng: random.Random) -> int:
    """Run the child until it is dead; return the last offset that it told."""
    words = [
        sys.executable,
        "-c",
        f"from tests.flow.test_offset_and_rows import *\nfold_until_killed(Path({str(path)!r}), {kill!r})",
    ]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment()) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline())]  # kill only after this round's first commit
        if kill == "at any moment":
            time.sleep(rng.uniform(0, 0.4))
            child.kill()
        told += [int(line) for line in child.stdout if line.endswith("\n")]
        assert child.wait() == -signal.SIGKILL
    return told[-1]


def environment() -> dict[str, str]:
    """The child's: it finds the sources and the tests as this process does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


@pytest.mark.parametrize("kill", ["before the offset", "after the offset", "at any moment"])
def test_offset_and_rows_commit_together(tmp_path, kill):
    """After kill -9, in every round, the file holds exactly the rows before its offset, and all that was told."""
    path, rng, offset, ahead = tmp_path / "store.duckdb", random.Random(kill), 0, 0
    rounds = 4 if kill == "at any moment" else 2
    for _ in range(max(rounds, SOAK_ROUNDS // 10)):
        told = killed_at(path, kill, rng)
        assert told > offset, "nothing was committed in this round"

        store = DuckEventStore(path, RULES, generation=1, memory_limit="256MB", threads=1)
        offset, digest = store.offset(), store.digest()
        messages = [(place.to_bytes(16, "big"), NOON_US) for place in range(offset + CALLS)]
        seen = store.seen(messages)
        store.close()

        assert offset in (told, told + CALLS)  # one commit may have returned without having been told
        ahead += offset > told
        assert digest == oracle_at(offset).digest()
        assert seen == [True] * offset + [False] * CALLS
    assert kill == "at any moment" or ahead == 0


def oracle_at(offset: int) -> MemoryEventStore:
    """An oracle that folded just so far."""
    oracle = MemoryEventStore(RULES)
    batches = [batch_from(first) for first in range(0, offset, CALLS)]
    rows = {
        name: [row for batch in batches for row in getattr(batch, name)]
        for name in ("known", "acted", "joined", "traits")
    }
    oracle.commit(FoldBatch(0, offset, [], **rows, fates=[], outcomes=[]))
    return oracle
