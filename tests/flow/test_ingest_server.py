"""Ingest in a real server on a real socket, over a call log on disk."""

import asyncio
import gzip
import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn

from tests.ingesting import House, basic, track
from tests.installed import PATIENCE_S
from uptake.stores.log.sqlite import SqliteCallLog
from uptake.web.ingest import IngestOptions

KEY = {"Authorization": basic("KEY:"), "Content-Type": "text/plain"}


class Server:
    """A uvicorn in a thread, on a free port."""

    def __init__(self, house: House) -> None:
        self.house = house
        config = uvicorn.Config(house.ingest, port=0, lifespan="off", log_level="critical", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def close(self) -> None:
        self.stop()
        self.house.close()


@pytest.fixture
def server(tmp_path):
    server = Server(House(log=SqliteCallLog(tmp_path)))
    yield server
    server.close()


def answer_to(connection, path, body, **headers):
    connection.request("POST", path, body, {**KEY, **headers})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_one_connection_serves_many_requests(server):
    """Successes, refusals and bodies that were never read leave the connection usable."""
    connection = server.connect()
    large = b"x" * 600_000
    for _ in range(3):
        assert answer_to(connection, "/v1/track", json.dumps(track())) == (200, {"success": True})
        assert answer_to(connection, "/v1/track", "{}")[0] == 400
        assert answer_to(connection, "/v1/batch", large)[0] == 413
        assert answer_to(connection, "/v1/batch", large, Authorization="Basic WRONG")[0] == 401
        assert answer_to(connection, "/v1/m", "{}")[0] == 200
    connection.close()

    assert len(server.house.calls()) == 3


def test_chunked_gzip_is_taken(server):
    """Kotlin's and Android's SDKs send gzip in chunks, without a length."""
    content = gzip.compress(json.dumps({"batch": [track(messageId=f"m{n}") for n in range(500)]}).encode())
    connection = server.connect()

    pieces = iter([content[:100], content[100:5000], content[5000:]])
    connection.request("POST", "/v1/b", pieces, {**KEY, "Content-Encoding": "gzip"}, encode_chunked=True)

    assert connection.getresponse().status == 200
    connection.close()
    assert len(server.house.calls()) == 500


def test_a_sender_that_goes_away_leaves_nothing(server):
    """A body that was cut off is no body."""
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('KEY:')}\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as cut:
            cut.sendall(head.encode() + b'{"batch": [')
    connection = server.connect()

    assert answer_to(connection, "/v1/track", json.dumps(track()))[0] == 200
    connection.close()
    assert len(server.house.calls()) == 1
    assert server.house.refused() == []


def test_a_slow_sender_is_told(tmp_path):
    """A body that stops coming is 408 after the time it may take, while others are served."""
    server = Server(House(log=SqliteCallLog(tmp_path), options=IngestOptions(body_timeout_s=2)))
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('KEY:')}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as slow:
        slow.sendall(head.encode() + b'{"batch": [')
        connection = server.connect()
        assert answer_to(connection, "/v1/track", json.dumps(track()))[0] == 200
        connection.close()

        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    server.close()


def test_senders_at_once_share_one_log(server):
    """Thirty senders at once: each answered call is in the log, once, and nothing else is."""
    answered = []

    def send(sender):
        connection = server.connect()
        for number in range(20):
            batch = {"batch": [track(messageId=f"{sender}-{number}-{each}") for each in range(3)]}
            answered.append(answer_to(connection, "/v1/batch", json.dumps(batch))[0])
        connection.close()

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(30)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert answered == [200] * 600
    assert len({call.message_id for call in server.house.calls()}) == len(server.house.calls()) == 1800


def test_a_stop_answers_what_was_taken(tmp_path):
    """Requests that wait for the log when the server is told to stop are answered, and are in the log."""
    log = SqliteCallLog(tmp_path)
    append, free = log.append, threading.Event()
    log.append = lambda requests: free.wait(PATIENCE_S) and append(requests)
    house = House(log=log)
    server = Server(house)
    connections = [server.connect() for _ in range(5)]
    for place, connection in enumerate(connections):
        connection.request("POST", "/v1/track", json.dumps(track(messageId=f"m{place}")), KEY)
    while house.acceptor.waiting < 5:
        time.sleep(0.005)

    server.server.should_exit = True
    time.sleep(0.2)
    free.set()

    assert [connection.getresponse().status for connection in connections] == [200] * 5
    server.stop()
    assert len(house.calls()) == 5
    house.close()
    for connection in connections:
        connection.close()


def test_requests_in_one_piece_are_answered_in_order(server):
    """A sender may write several requests before it reads (pipelining)."""
    bodies = [json.dumps(track(messageId=f"m{n}")).encode() for n in range(3)]
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('KEY:')}\r\nContent-Length: "

    async def pipelined():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"".join(head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body for body in bodies))
        heads = []
        for _ in bodies:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(len(b'{"success":true}'))
        writer.close()
        await writer.wait_closed()
        return heads

    heads = asyncio.run(pipelined())

    assert all(each.startswith(b"HTTP/1.1 200 ") for each in heads)
    assert [call.message_id for call in server.house.calls()] == ["m0", "m1", "m2"]
