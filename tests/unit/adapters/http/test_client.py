"""The HTTP client, against sockets that answer what a test wants."""

import gzip
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.http.client import (
    AnswerTooLarge,
    HttpAnswer,
    HttpClient,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
    Timeouts,
    is_loopback_host,
    shown_url,
)
from image_builder_contracts.cancellation import ManualCancellation
from returns.result import Failure

from tests.raw_server import answer, raw_server, says

LIMIT = 1000


@pytest.fixture
def client() -> Iterator[HttpClient]:
    import httpx  # noqa: F401 (so that its import does not count against the timeouts)

    client = HttpClient(timeouts=Timeouts(10, 10, 10))
    yield client
    client.close()


def get(client: HttpClient, url: str, **changes: object) -> HttpAnswer:
    request = replace(HttpRequest("GET", url), **changes)  # type: ignore[arg-type]  # keywords are the test's own
    return client.send(request, ManualCancellation(), LIMIT).unwrap()


def failure(client: HttpClient, request: HttpRequest) -> NoAnswer:
    found = client.send(request, ManualCancellation(), LIMIT).failure()
    assert isinstance(found, NoAnswer)
    return found


def test_an_answer_has_status_headers_and_exact_bytes(client: HttpClient) -> None:
    with raw_server(says(answer("418 Teapot", "X-A: 1", "x-a: 2", body=b"\x00short"))) as server:
        got = get(client, server.url)
    assert (got.status, got.header_values("X-a"), got.body) == (418, ("1", "2"), b"\x00short")


def test_headers_and_body_arrive_as_given(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK"))) as server:
        get(client, f"{server.url}/p?q=1", method="POST", headers=(("Authorization", "Token x"),), body=b"exact")
    assert server.requests[0].startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Token x\r\n" in server.requests[0]


def test_a_redirect_is_an_answer(client: HttpClient) -> None:
    with raw_server(says(answer("302 Found", "Location: /elsewhere"))) as server:
        assert get(client, server.url).header("location") == "/elsewhere"
    assert len(server.requests) == 1


def test_a_body_over_the_limit_is_a_failure(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK", body=b"x" * (LIMIT + 1)))) as server:
        result = client.send(HttpRequest("GET", server.url), ManualCancellation(), LIMIT)
    assert result == Failure(AnswerTooLarge(server.url, LIMIT))


def test_a_body_of_exactly_the_limit_is_fine(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK", body=b"x" * LIMIT))) as server:
        assert len(get(client, server.url).body) == LIMIT


def test_an_endless_body_is_left_unread(client: HttpClient) -> None:
    def endless(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with raw_server(endless) as server:
        result = client.send(HttpRequest("GET", server.url), ManualCancellation(), LIMIT)
    assert result == Failure(AnswerTooLarge(server.url, LIMIT))


def test_an_error_body_is_cut_not_refused(client: HttpClient) -> None:
    with raw_server(says(answer("503 Busy", body=b"x" * 1_000_000))) as server:
        got = get(client, server.url)
    assert (got.status, len(got.body)) == (503, 64 * 1024)


def test_a_body_that_is_encoded_unasked_is_refused_and_never_decoded(client: HttpClient) -> None:
    """2 kB of gzip in gzip are gigabytes; ``Accept-Encoding: identity`` asked for neither."""
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    for coding in ("gzip, gzip", "GZIP", "br", "identity, deflate"):
        encoded = answer("200 OK", f"Content-Encoding: {coding}", body=bomb)
        with raw_server(says(encoded)) as server:
            tracemalloc.start()
            found = failure(client, HttpRequest("GET", server.url))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (found.kind, found.may_have_arrived) == (NoAnswerKind.UNUSABLE_ANSWER, True)
        assert coding.lower().removeprefix("identity, ") in found.reason
        assert most < 10_000_000
        assert b"\r\nAccept-Encoding: identity\r\n" in server.requests[0]


def test_of_an_encoded_error_the_status_is_kept(client: HttpClient) -> None:
    with raw_server(says(answer("503 Busy", "Content-Encoding: gzip", body=b"x"))) as server:
        got = get(client, server.url)
    assert (got.status, got.body) == (503, b"")


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_called_as_it_is_is_taken(client: HttpClient, coding: str) -> None:
    with raw_server(says(answer("200 OK", f"Content-Encoding: {coding}", body=b"plain"))) as server:
        assert get(client, server.url).body == b"plain"


def test_a_cut_off_body_is_transient(client: HttpClient) -> None:
    with raw_server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as server:
        assert failure(client, HttpRequest("GET", server.url)).kind is NoAnswerKind.TRANSIENT


def test_a_closed_port_is_transient(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = failure(client, HttpRequest("GET", f"http://127.0.0.1:{port}"))
    assert found.kind is NoAnswerKind.TRANSIENT
    assert "refused" in found.reason


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"], ids=["head", "body"])
def test_a_byte_now_and_then_does_not_outlast_the_whole_timeout(head: bytes) -> None:
    client, gone = HttpClient(timeouts=Timeouts(10, 10, 1)), threading.Event()

    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        while not gone.wait(0.1):
            connection.sendall(b"H")

    with raw_server(drip) as server, closing(client):
        found = failure(client, HttpRequest("GET", server.url))
        gone.set()
    assert (found.kind, found.reason) == (NoAnswerKind.TRANSIENT, "no complete answer within 1 s")


def test_a_cancellation_is_heard_while_a_server_is_silent() -> None:
    cancellation = ManualCancellation()
    silent = threading.Event()

    def silence(_connection: socket.socket, _head: bytes) -> None:
        cancellation.cancel()
        silent.wait(10)

    started = time.monotonic()
    with raw_server(silence) as server, closing(HttpClient()) as client:
        found = client.send(HttpRequest("GET", server.url), cancellation, LIMIT).failure()
        silent.set()
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.STOPPED
    assert time.monotonic() - started < 9


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HttpRequest("GET", "ftp://h/"), id="scheme"),
        pytest.param(HttpRequest("GET", "no url"), id="no-scheme"),
        pytest.param(HttpRequest("GET", "http://h\n/"), id="newline"),
        pytest.param(HttpRequest("GET", "http://127.0.0.1:99999/"), id="port"),
        pytest.param(HttpRequest("GET", "http://127.0.0.1:1/", (("A", "s3cret\nX: y"),)), id="header-newline"),
        pytest.param(HttpRequest("GET", "http://127.0.0.1:1/", (("A", "s3cret\u2028"),)), id="header-unicode"),
    ],
)
def test_what_cannot_be_sent_is_final_and_quotes_nothing(client: HttpClient, request_: HttpRequest) -> None:
    if request_.headers:
        with raw_server(says(answer("200 OK"))) as server:
            found = failure(client, replace(request_, url=server.url))
    else:
        found = failure(client, request_)
    assert found.kind is NoAnswerKind.UNUSABLE_REQUEST
    assert "s3cret" not in str(found)


def test_cookies_are_not_kept(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK", "Set-Cookie: a=b; Path=/"))) as server:
        get(client, server.url)
        get(client, server.url)
    assert b"ookie" not in server.requests[1]


def test_netrc_and_proxies_are_not_for_loopback(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(says(answer("200 OK"))) as server:
        get(client, server.url)
    assert b"uthorization" not in server.requests[0]


def test_a_proxy_of_the_environment_serves_other_hosts_without_netrc(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine reg.example login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(says(answer("200 OK"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        get(client, "http://reg.example/v2/")
    assert proxy.requests[0].startswith(b"GET http://reg.example/v2/ ")
    assert b"uthorization" not in proxy.requests[0]


def test_nothing_secret_is_logged(client: HttpClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(says(answer("200 OK", "X-Token: s3cret"))) as server:
        get(client, f"{server.url}/?token=s3cret&scope=a", headers=(("Authorization", "s3cret"),))
    assert "scope=a" in caplog.text
    assert "s3cret" not in caplog.text


def test_repr_shows_neither_headers_nor_bodies() -> None:
    assert "s3cret" not in repr(HttpRequest("POST", "http://h/", (("A", "s3cret"),), b"s3cret"))
    assert "s3cret" not in repr(HttpAnswer(200, (("A", "s3cret"),), b"s3cret"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://u:p@h:1/a?x=1&n=2#f", "https://h:1/a?n=2", id="userinfo-query-fragment"),
        pytest.param("https://h/t?service=r&scope=repository:a/b:pull", None, id="scope-unchanged"),
        pytest.param("https://u:p@[::1/", "(malformed URL)", id="malformed"),
    ],
)
def test_shown_url_keeps_what_is_harmless(url: str, shown: str | None) -> None:
    assert shown_url(url) == (shown or url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("127.0.0.1.example", False), ("10.0.0.1", False)],
)
def test_loopback_is_exact(host: str, expected: bool) -> None:
    assert is_loopback_host(host) is expected
