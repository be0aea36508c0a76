"""Bodies that go to a sink piece by piece, and whether a request may have arrived."""

import socket
from collections.abc import Iterator

import pytest
from image_builder_adapters.http.client import (
    BodySink,
    HttpAnswer,
    HttpClient,
    HttpFailure,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
    Timeouts,
)
from image_builder_contracts.cancellation import ManualCancellation
from returns.result import Result

from tests.raw_server import RawServer, answer, raw_server, says

MIB = 1024 * 1024


@pytest.fixture
def client() -> Iterator[HttpClient]:
    import httpx  # noqa: F401 (so that its import does not count against the timeouts)

    client = HttpClient(timeouts=Timeouts(1, 1, 5))
    yield client
    client.close()


def stream(
    client: HttpClient, server: RawServer, taken: list[bytes], *, wanted: bool = True
) -> Result[HttpAnswer, HttpFailure]:
    sink = BodySink(lambda _head: wanted, taken.append)
    return client.stream(HttpRequest("GET", server.url), ManualCancellation(), sink)


def test_a_wanted_body_arrives_whole_and_in_order(client: HttpClient) -> None:
    body, taken = bytes(range(256)) * 40_000, list[bytes]()
    with raw_server(says(answer("200 OK", "X-A: 1", body=body))) as server:
        got = stream(client, server, taken).unwrap()
    assert (got.status, got.header("x-a"), got.body) == (200, "1", b"")
    assert b"".join(taken) == body
    assert len(taken) > 1


def test_the_sink_is_asked_with_the_head_alone(client: HttpClient) -> None:
    heads = list[HttpAnswer]()
    with raw_server(says(answer("200 OK", "Content-Type: text/html", body=b"sign in"))) as server:

        def wanted(head: HttpAnswer) -> bool:
            heads.append(head)
            return False

        sink = BodySink(wanted, lambda _: None)
        client.stream(HttpRequest("GET", server.url), ManualCancellation(), sink)
    assert [(head.status, head.header("content-type"), head.body) for head in heads] == [(200, "text/html", b"")]


def test_a_body_that_is_not_wanted_comes_with_the_answer_and_is_cut(client: HttpClient) -> None:
    taken = list[bytes]()
    with raw_server(says(answer("200 OK", body=b"x" * MIB))) as server:
        got = stream(client, server, taken, wanted=False).unwrap()
    assert (len(got.body), taken) == (64 * 1024, [])


def test_the_body_of_an_error_never_goes_to_the_sink(client: HttpClient) -> None:
    taken = list[bytes]()
    with raw_server(says(answer("500 Oh", body=b"why"))) as server:
        got = stream(client, server, taken).unwrap()
    assert (got.body, taken) == (b"why", [])


def test_what_came_before_a_cut_is_kept_and_the_cut_is_told(client: HttpClient) -> None:
    taken = list[bytes]()
    with raw_server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as server:
        found = stream(client, server, taken).failure()
    assert b"".join(taken) == b"half"
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.TRANSIENT


def test_a_cancellation_ends_an_endless_body(client: HttpClient) -> None:
    def endless(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    cancellation = ManualCancellation()
    with raw_server(endless) as server:
        sink = BodySink(lambda _: True, lambda _: cancellation.cancel())
        found = client.stream(HttpRequest("GET", server.url), cancellation, sink).failure()
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.STOPPED


def arrived(client: HttpClient, url: str) -> bool:
    found = client.send(HttpRequest("POST", url), ManualCancellation(), 9).failure()
    assert isinstance(found, NoAnswer)
    return found.may_have_arrived


def test_a_request_to_a_closed_port_has_not_arrived(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not arrived(client, f"http://127.0.0.1:{port}")


def test_a_request_that_was_stopped_before_has_not_arrived(client: HttpClient) -> None:
    cancellation = ManualCancellation()
    cancellation.cancel()
    found = client.send(HttpRequest("POST", "http://127.0.0.1:1/"), cancellation, 9).failure()
    assert isinstance(found, NoAnswer)
    assert not found.may_have_arrived


@pytest.mark.parametrize(
    "bytes_sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"], ids=["none", "half"]
)
def test_a_request_that_a_server_read_may_have_arrived(client: HttpClient, bytes_sent: bytes) -> None:
    with raw_server(says(bytes_sent)) as server:
        assert arrived(client, server.url)
