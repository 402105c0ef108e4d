"""The servers of the call log lose one another, not their clients: what was acknowledged is in the log, and once."""

import random
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cluster import ready
from tests.counted import counted, counted_alone
from tests.installed import SOAK_ROUNDS, Installed, wait_for
from tests.jetstream import Server, jetstream
from tests.links import Link, link
from tests.senders import Sender
from uptake.stores.log.nats_address import parse
from uptake.stores.log.nats_cluster import Cluster

STREAM = "SPLIT_CALLS_1"
ROUNDS = max(1, min(SOAK_ROUNDS, 20))


class Split:
    """A process, three servers with wires between them, and the process's own wire to each."""

    def __init__(self, servers: list[Server], stack: ExitStack) -> None:
        self.servers = servers
        self.reached: dict[str, Link] = {}
        for each in servers:
            self.reached[each.name] = stack.enter_context(link("127.0.0.1", int(urlsplit(each.url).port or 0)))
        names = ",".join(f"127.0.0.1:{each.port}" for each in self.reached.values())
        self.url = f"nats://{names}?name=split"

    def told(self, among: list[Server]) -> Any:
        """What these servers tell of the stream of calls: who leads it, and who has all of it."""
        address = parse("nats://" + ",".join(urlsplit(each.url).netloc for each in among))
        with closing(Cluster(address, patience_s=90)) as at:
            return at._ask(lambda: at._js.stream_info(STREAM)).cluster

    def leader(self, among: list[Server]) -> Server:
        """The server that leads the stream of calls, as these tell."""
        name = self.told(among).leader
        return next(each for each in self.servers if each.name == name)

    def is_whole(self) -> bool:
        """Has every server all of the stream?"""
        told = self.told(self.servers)
        return len(told.replicas) == 2 and all(each.current and not each.offline for each in told.replicas)

    def only(self, server: Server) -> None:
        """Let the process be connected to this server."""
        others = [wire for name, wire in self.reached.items() if name != server.name]
        for wire in others:
            wire.hole()
            wire.cut()
        wait_for(lambda: self.reached[server.name].in_use == 1, pause_s=0.1)
        for wire in others:
            wire.heal(forget=False)


@pytest.mark.slow
def test_a_leader_that_lost_its_peers_is_left(tmp_path):
    """The process is connected to it, and it answers pings: calls are refused, and then taken where the others are.

    Nothing that was acknowledged is lost or counted twice, also after the leader is back.
    """
    chosen = random.Random(ROUNDS)
    senders = [Sender("big", 40, pause_s=0.4), Sender("single", 0, pause_s=0.4)]
    with jetstream(3, wired=True) as (servers, _), ExitStack() as stack:
        here = Split(servers, stack)
        node = Installed(tmp_path / "data", UPTAKE_LOG_URL=here.url)
        stack.callback(node.close)
        node.start()
        token = node.good("key", "create", "--kind", "read").strip()
        for _ in range(ROUNDS):
            for sender in senders:
                sender.send_to(node)
            goes_on(senders)
            cut_off_the_leader(here, senders, forget=chosen.random() < 0.5)
            for sender in senders:
                sender.stop()
        wait_for(lambda: ready(node))
        node.settle(token)
        told = counted(node, token)

    assert refusals(senders) <= {429, 503}
    assert told == counted_alone(tmp_path / "alone", senders)


def cut_off_the_leader(here: Split, senders: list[Sender], *, forget: bool) -> None:
    """While calls come in; then let it find the others again, by the same connections or only by new ones."""
    wait_for(here.is_whole, pause_s=0.5)
    old = here.leader(here.servers)
    here.only(old)
    goes_on(senders)
    refused = sum(len(each.refused) for each in senders)
    for wire in old.wires:
        wire.hole()

    wait_for(lambda: sum(len(each.refused) for each in senders) > refused)
    goes_on(senders)
    assert here.leader([each for each in here.servers if each is not old]) is not old
    assert here.reached[old.name].in_use == 0
    for wire in old.wires:
        wire.heal(forget=forget)
    goes_on(senders)


def goes_on(senders: list[Sender]) -> None:
    """Wait until calls of each are acknowledged that were not before."""
    before = [each.acknowledged for each in senders]
    wait_for(lambda: all(each.acknowledged > count + 2 for each, count in zip(senders, before, strict=True)))


def refusals(senders: list[Sender]) -> set[int]:
    """With which statuses calls were refused."""
    return {status for sender in senders for status, _ in sender.refused}
