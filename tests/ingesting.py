"""The ingest routes over a call log in memory, without a socket: post something, read the answer, look into the log."""

import asyncio
import base64
import json
from collections.abc import Iterable

import msgspec

from tests.fakes_log import MemoryCallLog
from uptake.core.calls import Call, Projection
from uptake.pipeline.accept import Acceptor, IngestProduct
from uptake.stores.log.base import CallLog
from uptake.web.ingest import Ingest, IngestOptions

NOON_US = 1_795_435_200_000_000  # 2026-11-23T12:00:00Z
NOON = "2026-11-23T12:00:00.000Z"
ACME, BOBS = 1, 2


class Answer(msgspec.Struct):
    """One response as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        """The body's JSON."""
        return json.loads(self.body)


class House:
    """Ingest with two products, whose keys are KEY and BOB."""

    def __init__(self, log: CallLog | None = None, options: IngestOptions | None = None, **limits: int) -> None:
        self.log = log or MemoryCallLog()
        self.products = {"KEY": IngestProduct(ACME, Projection()), "BOB": IngestProduct(BOBS, Projection())}
        self.acceptor = Acceptor(self.log, **{"max_waiting": 100, **limits})
        self.acceptor.start()
        self.now_us = NOON_US
        self.ingest = Ingest(self.find, self.acceptor, lambda: self.now_us, options)

    def find(self, key: str) -> IngestProduct | None:
        """As the directory does: a `stg_` prefix does not count."""
        return self.products.get(key[4:] if key.lower().startswith("stg_") else key)

    def ask(self, method: str, target: str, body=b"", *, headers=None, chunks: Iterable[bytes] = (), **more) -> Answer:
        """Send one request; a body that is not bytes becomes JSON; chunks: the body in several messages."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(self.answered(method, target, [*chunks] or [content], headers or {}, **more))

    async def answered(
        self, method: str, target: str, chunks: list[bytes], headers: dict[str, str], *, stalled=False, **scope
    ) -> Answer:
        """The answer to one request, or a TimeoutError where none came; stalled: the body never ends."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode("latin-1"),
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            **scope,
        }
        incoming = [
            {"type": "http.request", "body": chunk, "more_body": stalled or place < len(chunks) - 1}
            for place, chunk in enumerate(chunks)
        ]
        sent: list[dict] = []

        async def receive():
            return incoming.pop(0) if incoming else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        assert self.ingest.handles(path, method)
        await asyncio.wait_for(self.ingest(scope, receive, send), 10)
        start, end = sent
        heads = {name.decode(): value.decode() for name, value in start["headers"]}
        assert int(heads["content-length"]) == len(end["body"])
        return Answer(start["status"], heads, end["body"])

    def post(self, path: str, body, *, key: str | None = "KEY", headers=None, **more) -> Answer:
        """Post with the key as Segment's SDKs send it; None for no Authorization header."""
        authorization = {} if key is None else {"Authorization": basic(f"{key}:")}
        return self.ask("POST", path, body, headers={**authorization, **(headers or {})}, **more)

    def calls(self, product_id: int = ACME) -> list[Call]:
        """Every call in the product's log."""
        return [logged.call for logged in self.log.read(product_id, 0, most=10**6)]

    def refused(self, product_id: int = ACME) -> list[str]:
        """The codes of the refused items of the product, oldest first."""
        return [each.rejection.code for each in self.log.refusals(product_id, most=10**6)][::-1]

    def close(self) -> None:
        """Stop the writer."""
        self.acceptor.stop()
        self.log.close()


def basic(text: str) -> str:
    """An Authorization header of the text in base64."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def track(**fields) -> dict:
    """A track call as an SDK sends it; a field of ... is left out."""
    call = {"type": "track", "userId": "ana", "event": "Report_Created", "messageId": "m1", "timestamp": NOON, **fields}
    return {key: value for key, value in call.items() if value is not ...}
