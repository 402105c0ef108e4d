"""Wires between processes and servers are cut, silently, while calls come in: nothing is lost or counted twice.

Each process has a wire of its own to each server, so that one may lose PostgreSQL, which says who folds, and keep the
others.  `UPTAKE_SOAK_ROUNDS` says how many rounds of random faults follow, MOST_ROUNDS at most.
"""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from tests.cluster import Cluster, cluster, folded, leased_in, ready
from tests.counted import counted, counted_alone
from tests.installed import SOAK_ROUNDS, Installed, wait_for
from tests.links import Link, link
from tests.postgres_pair import postgres_pair
from tests.senders import Sender

ANSWER_S = 15
"""How long ClickHouse may be silent here."""

PAUSE_S = 0.4
"""Between two requests of a sender: faults take tens of seconds, and all that is sent is to be compared."""

MOST_ROUNDS = 30
"""Of random faults: about half a minute each."""

REFUSED_AFTER_S = 60
"""No sender waits longer for its answer, also on a busy machine: 5 s for the log, and no more than 12 s beside them."""


class Node:
    """A process and its wires."""

    def __init__(self, process: Installed, wires: dict[str, Link]) -> None:
        self.process, self.wires = process, wires

    def hole(self, *names: str) -> None:
        """Swallow what goes over these wires."""
        for name in names:
            self.wires[name].hole()

    def heal(self, *names: str, forget: bool) -> None:
        """Deliver again; see Link."""
        for name in names:
            self.wires[name].heal(forget=forget)

    def ready(self) -> bool:
        """Does it say that it can do its work?"""
        return ready(self.process)

    def leased(self) -> set[int]:
        """The products that it says it holds."""
        return leased_in(self.process.get("/metrics").text)


class Town:
    """A web node and two workers under load."""

    def __init__(self, web: Node, workers: list[Node]) -> None:
        self.web, self.workers = web, workers
        self.token = web.process.good("key", "create", "--kind", "read").strip()
        self.senders = [Sender("big", 40, pause_s=PAUSE_S), Sender("single", 0, pause_s=PAUSE_S)]

    def send(self) -> None:
        """Begin, or go on, to send calls."""
        for sender in self.senders:
            sender.send_to(self.web.process)

    def acknowledged(self) -> list[int]:
        """How many requests of each sender were."""
        return [sender.acknowledged for sender in self.senders]

    def folded(self) -> int:
        """How many calls are."""
        return folded(self.web.process, self.token)

    def holder(self) -> tuple[Node, Node]:
        """The worker that folds, and the other one."""
        wait_for(lambda: sorted(map(Node.leased, self.workers)) == [set(), {1}], pause_s=0.2)
        first, second = self.workers
        return (first, second) if first.leased() else (second, first)

    def goes_on(self) -> None:
        """Wait until calls are taken and folded that came after this moment."""
        before = self.acknowledged()
        wait_for(lambda: all(now > then for now, then in zip(self.acknowledged(), before, strict=True)))
        stood = self.folded()
        wait_for(lambda: self.folded() > stood, pause_s=0.2)

    def stop(self) -> None:
        """Send no more, and wait until everything is scored."""
        for sender in self.senders:
            sender.stop()
        self.web.process.settle(self.token)

    def refusals(self) -> set[int]:
        """With which statuses calls were refused."""
        return {status for sender in self.senders for status, _ in sender.refused}


def wired(servers: Cluster, role: str, stack: ExitStack) -> Node:
    """A process that reaches its servers by wires of its own."""
    wires, environment = {}, {}
    for name in ("META", "LOG", "STORE"):
        url = servers.environment[f"UPTAKE_{name}_URL"]
        at = urlsplit(url)
        wires[name.lower()] = stack.enter_context(link(str(at.hostname), int(at.port or 0)))
        environment[f"UPTAKE_{name}_URL"] = url.replace(f":{at.port}", f":{wires[name.lower()].port}")
    return Node(servers.start(role, **environment), wires)


@contextmanager
def town() -> Iterator[Town]:
    """A town that lasts as long as the block."""
    with (
        postgres_pair() as pair,
        cluster(1, meta_url=pair.url(hosts=f"127.0.0.1:{pair.first.port}")) as servers,
        ExitStack() as stack,
    ):
        servers.environment["UPTAKE_STORE_URL"] += f"?answer_s={ANSWER_S}"
        yield Town(wired(servers, "web", stack), [wired(servers, "worker", stack) for _ in range(2)])


@pytest.mark.slow
def test_wires_that_are_cut_lose_nothing(tmp_path):
    """Each server is lost to those who need it, and found again; then every number is that of a clean run.

    A worker that lost PostgreSQL alone does not fold beside its successor, also where its last statements reach
    ClickHouse late.  Without NATS senders get 503; without PostgreSQL or ClickHouse calls are taken all the same.  What
    was connected during a cut hears nothing ever after, and is given up.
    """
    with town() as here:
        here.send()
        here.goes_on()
        worker_loses_the_database(here)
        nobody_reaches_the_log(here)
        nobody_reaches_store_and_database(here)
        here.goes_on()
        here.stop()
        told = counted(here.web.process, here.token)

    assert here.refusals() <= {429, 503}
    assert max(sender.slowest_s for sender in here.senders) < REFUSED_AFTER_S
    assert told == counted_alone(tmp_path / "alone", here.senders)


def worker_loses_the_database(here: Town) -> None:
    """The one that folds; what it was just telling ClickHouse arrives when its successor is at work."""
    holder, other = here.holder()
    holder.hole("store", "meta")

    wait_for(lambda: other.leased() == {1}, pause_s=0.2)
    here.goes_on()
    holder.heal("store", forget=False)
    assert not holder.ready()
    here.goes_on()
    assert holder.leased() == set()
    holder.heal("meta", forget=True)
    wait_for(holder.ready, pause_s=0.2)


def nobody_reaches_the_log(here: Town) -> None:
    """Then nothing is acknowledged, and the web node says so."""
    nodes = [here.web, *here.workers]
    for node in nodes:
        node.hole("log")

    wait_for(lambda: 503 in here.refusals())
    wait_for(lambda: not here.web.ready(), pause_s=0.2)
    before = here.acknowledged()
    seen = [len(sender.refused) for sender in here.senders]
    wait_for(lambda: all(len(each.refused) > count for each, count in zip(here.senders, seen, strict=True)))
    assert here.acknowledged() == before
    for node in nodes:
        node.heal("log", forget=True)
    wait_for(here.web.ready, pause_s=0.2)
    here.goes_on()


def nobody_reaches_store_and_database(here: Town) -> None:
    """Calls are taken: they go to the log, and keys are known.  Workers stand still."""
    nodes = [here.web, *here.workers]
    for node in nodes:
        node.hole("store", "meta")

    wait_for(lambda: not any(worker.ready() for worker in here.workers), pause_s=0.2)
    before = here.acknowledged()
    wait_for(lambda: all(now > then + 5 for now, then in zip(here.acknowledged(), before, strict=True)))
    assert here.web.ready()
    for node in nodes:
        node.heal("store", "meta", forget=True)
    wait_for(lambda: all(worker.ready() for worker in here.workers), pause_s=0.2)


@pytest.mark.skipif(not SOAK_ROUNDS, reason="a long test: make soak")
def test_any_wires_may_be_cut(tmp_path):
    """Random wires of random processes, cut for random times and healed either way or slow: the numbers stay right."""
    chosen = random.Random(SOAK_ROUNDS)
    with town() as here:
        for _ in range(min(SOAK_ROUNDS, MOST_ROUNDS)):
            here.send()
            nodes = [here.web, *here.workers]
            cut = [(node, name) for node in nodes for name in node.wires if chosen.random() < 0.3]
            for node, name in cut:
                chosen.choice(
                    [node.wires[name].hole, node.wires[name].cut, lambda n=node, w=name: n.wires[w].delay(0.2)]
                )()
            time.sleep(chosen.uniform(0, 15))
            for node, name in cut:
                node.wires[name].delay(0)
                node.heal(name, forget=chosen.random() < 0.5)
            here.goes_on()
            here.stop()
        told = counted(here.web.process, here.token)

    assert here.refusals() <= {429, 503}
    assert told == counted_alone(tmp_path / "alone", here.senders)
