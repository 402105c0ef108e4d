"""The server that the ingest benchmark drives: the real ingest routes, and beside them one that only decodes."""

import logging
import os
import sys
import time
from pathlib import Path

import msgspec
import uvicorn

from uptake.core.calls import Projection
from uptake.pipeline.accept import Acceptor, IngestProduct
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.web.ingest import Ingest
from uptake.web.ingest_answers import SUCCESS

_decode = msgspec.json.Decoder().decode


async def _body(receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            return body


def application(folder: Path):
    """The ASGI application over a call log in a folder."""
    acceptor = Acceptor(SqliteCallLog(folder), max_waiting=1_000)
    acceptor.start()
    product = IngestProduct(1, Projection())
    ingest = Ingest({"KEY": product}.get, acceptor, lambda: time.time_ns() // 1000)

    async def serve(scope, receive, send) -> None:
        if scope["path"].startswith("/bare/"):
            _decode(await _body(receive))
            await send(SUCCESS.start)
            await send(SUCCESS.body)
        else:
            await ingest(scope, receive, send)

    return serve


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvicorn.run(
        application(Path(sys.argv[2])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        lifespan="off",
    )
    os._exit(0)
