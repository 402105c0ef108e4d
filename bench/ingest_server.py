"""The server that the ingest benchmark drives: the real ingest routes, and beside them one that only decodes.

Run: python -m bench.ingest_server PORT FOLDER [--making]      a thread beside makes rows
"""

import gzip
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path

import msgspec
import uvicorn

from bench.row_making import make_for_ever
from uptake.core.calls import Projection
from uptake.pipeline.accept import Acceptor, IngestProduct
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.web.ingest import Ingest
from uptake.web.ingest_answers import SUCCESS

_decode = msgspec.json.Decoder().decode
_GZIP = b"\x1f\x8b"


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
            body = await _body(receive)
            _decode(gzip.decompress(body) if body[:2] == _GZIP else body)
            await send(SUCCESS.start)
            await send(SUCCESS.body)
        else:
            await ingest(scope, receive, send)

    return serve


def listening(port: int) -> socket.socket:
    """A socket on a port that other processes may share."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    return listener


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    config = uvicorn.Config(
        application(Path(sys.argv[2])),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        lifespan="off",
    )
    if "--making" in sys.argv:
        threading.Thread(target=make_for_ever, daemon=True).start()
    shared = listening(int(sys.argv[1]))
    print("listening", flush=True)
    uvicorn.Server(config).run(sockets=[shared])
    os._exit(0)
