"""The HTTP client, against sockets that send exactly the bytes of a test."""

import gzip
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.http.client import (
    AnswerTooLarge,
    BodySink,
    HttpAnswer,
    HttpClient,
    HttpFailure,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
    Timeouts,
    is_loopback_host,
    shown_url,
)
from image_builder_adapters.http.message import StreamedBody, may_carry_secrets
from image_builder_adapters.http.proxy import Proxies
from image_builder_contracts.cancellation import ManualCancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure

from tests.raw_server import RawServer, answer, raw_server, says

LIMIT = 1000
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with closing(HttpClient(timeouts=Timeouts(10, 10, 10))) as client:
        yield client


def send(client: HttpClient, url: str, **changes: object) -> HttpAnswer | HttpFailure:
    request = replace(HttpRequest("GET", url), **changes)  # type: ignore[arg-type]  # keywords are the test's own
    return unwrap_or_failure(client.send(request, ManualCancellation(), LIMIT))


def get(client: HttpClient, url: str, **changes: object) -> HttpAnswer:
    found = send(client, url, **changes)
    assert isinstance(found, HttpAnswer), found
    return found


def failure(client: HttpClient, url: str, **changes: object) -> NoAnswer:
    found = send(client, url, **changes)
    assert isinstance(found, NoAnswer), found
    return found


def endless(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def upload(client: HttpClient, url: str, size: int, pieces: Callable[[], Iterator[bytes]]) -> HttpAnswer | HttpFailure:
    return send(client, url, method="PUT", stream=StreamedBody(size, pieces))


# --- streamed bodies of requests --------------------------------------------------------------------------------------


def test_a_streamed_body_arrives_whole_and_is_read_anew_each_time(client: HttpClient) -> None:
    arrived = []

    def take(connection: socket.socket, head: bytes) -> None:
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < 3 << 20:
            body += connection.recv(65536)
        arrived.append((b"Content-Length: 3145728" in head, body == b"x" * (3 << 20)))
        connection.sendall(answer("201 Created"))

    with raw_server(take) as server:
        for _ in range(2):
            sent = upload(client, server.url, 3 << 20, lambda: iter([b"x" * (1 << 20)] * 3))
            assert isinstance(sent, HttpAnswer)
    assert arrived == [(True, True)] * 2


def broken() -> Iterator[bytes]:
    yield b"begin"
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("pieces", [broken, lambda: iter([b"short"])], ids=["unreadable", "too-short"])
def test_a_body_that_cannot_be_read_whole_is_a_failure_and_not_retried(
    client: HttpClient, pieces: Callable[[], Iterator[bytes]]
) -> None:
    with raw_server(says(answer("201 Created"))) as server:
        found = upload(client, server.url, 10 << 20, pieces)
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.UNUSABLE_REQUEST


def test_a_cancellation_ends_an_upload() -> None:
    cancellation, asked = ManualCancellation(), threading.Event()

    def endless_pieces() -> Iterator[bytes]:
        while not asked.wait(0.01):
            cancellation.cancel()
            yield b"x" * 1000

    def swallow(connection: socket.socket, _head: bytes) -> None:
        while connection.recv(65536):
            pass

    with closing(HttpClient()) as client, raw_server(swallow) as server:
        request = HttpRequest("PUT", server.url, stream=StreamedBody(1 << 40, endless_pieces))
        found = unwrap_or_failure(client.send(request, cancellation, LIMIT))
    asked.set()
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.STOPPED


def test_the_time_of_an_exchange_begins_anew_with_each_piece() -> None:
    def slow() -> Iterator[bytes]:
        for _ in range(6):
            time.sleep(0.1)
            yield b"x"

    def take(connection: socket.socket, head: bytes) -> None:
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < 6:
            body += connection.recv(10)
        connection.sendall(answer("201 Created"))

    with closing(HttpClient(timeouts=Timeouts(5, 5, 0.4))) as client, raw_server(take) as server:
        assert isinstance(upload(client, server.url, 6, slow), HttpAnswer)


# --- answers and their limits -------------------------------------------------------------------------------------


def test_an_answer_has_status_headers_and_exact_bytes(client: HttpClient) -> None:
    headers = ("X-A: 1", "x-a: 2", "Content-Type: Text/HTML; charset=x")
    with raw_server(says(answer("418 Teapot", *headers, body=b"\x00short"))) as server:
        got = get(client, server.url)
    assert (got.status, got.header_values("X-a"), got.body) == (418, ("1", "2"), b"\x00short")
    assert got.media_type == "text/html"


def test_headers_and_body_arrive_as_given(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK"))) as server:
        get(client, f"{server.url}/p?q=1", method="POST", headers=(("Authorization", "Token x"),), body=b"exact")
    assert server.requests[0].startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Token x\r\n" in server.requests[0]


def test_a_redirect_is_an_answer(client: HttpClient) -> None:
    with raw_server(says(answer("302 Found", "Location: /elsewhere"))) as server:
        assert get(client, server.url).header("location") == "/elsewhere"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "script", [says(answer("200 OK", body=b"x" * (LIMIT + 1))), endless], ids=["one-too-many", "endless"]
)
def test_a_body_over_the_limit_is_a_failure(client: HttpClient, script: Callable[[socket.socket, bytes], None]) -> None:
    with raw_server(script) as server:
        assert send(client, server.url) == AnswerTooLarge(server.url, LIMIT)


@pytest.mark.parametrize(("status", "sent", "kept"), [("200 OK", LIMIT, LIMIT), ("503 Busy", 1_000_000, 64 * 1024)])
def test_a_body_within_the_limit_is_kept_and_that_of_an_error_is_cut(
    client: HttpClient, status: str, sent: int, kept: int
) -> None:
    with raw_server(says(answer(status, body=b"x" * sent))) as server:
        assert len(get(client, server.url).body) == kept


def test_an_encoded_body_is_refused_and_never_decoded(client: HttpClient) -> None:
    """2 kB of gzip in gzip expand to gigabytes; ``Accept-Encoding: identity`` accepts neither."""
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    for coding in ("gzip, gzip", "GZIP", "br", "identity, deflate"):
        with raw_server(says(answer("200 OK", f"Content-Encoding: {coding}", body=bomb))) as server:
            tracemalloc.start()
            found = failure(client, server.url)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (found.kind, found.may_have_arrived) == (NoAnswerKind.UNUSABLE_ANSWER, True)
        assert coding.lower().removeprefix("identity, ") in found.reason
        assert most < 10_000_000
        assert b"\r\nAccept-Encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("status", "coding", "body"),
    [("503 Busy", "gzip", b""), ("200 OK", "identity", b"x"), ("200 OK", "Identity", b"x"), ("200 OK", "", b"x")],
)
def test_an_encoded_error_keeps_its_status_and_identity_is_not_an_encoding(
    client: HttpClient, status: str, coding: str, body: bytes
) -> None:
    with raw_server(says(answer(status, f"Content-Encoding: {coding}", body=b"x"))) as server:
        assert (got := get(client, server.url)).body == body
    assert got.status == int(status[:3])


# --- no answer ----------------------------------------------------------------------------------------------------


def test_a_truncated_body_is_transient(client: HttpClient) -> None:
    with raw_server(says(HALF)) as server:
        assert failure(client, server.url).kind is NoAnswerKind.TRANSIENT


def test_a_closed_port_is_transient_and_the_request_has_not_arrived(client: HttpClient) -> None:
    found = failure(client, closed_port())
    assert (found.kind, found.may_have_arrived) == (NoAnswerKind.TRANSIENT, False)
    assert "refused" in found.reason


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half"])
def test_a_request_that_a_server_read_may_have_arrived(client: HttpClient, sent: bytes) -> None:
    with raw_server(says(sent)) as server:
        assert failure(client, server.url).may_have_arrived


def test_a_request_stopped_before_it_was_sent_has_not_arrived(client: HttpClient) -> None:
    cancellation = ManualCancellation()
    cancellation.cancel()
    found = client.send(HttpRequest("POST", "http://127.0.0.1:1/"), cancellation, 9).failure()
    assert isinstance(found, NoAnswer)
    assert (found.kind, found.may_have_arrived) == (NoAnswerKind.STOPPED, False)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"], ids=["head", "body"])
def test_single_bytes_do_not_extend_the_timeout_of_the_whole(head: bytes) -> None:
    client, gone = HttpClient(timeouts=Timeouts(10, 10, 1)), threading.Event()

    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        while not gone.wait(0.1):
            connection.sendall(b"H")

    with raw_server(drip) as server, closing(client):
        found = failure(client, server.url)
        gone.set()
    assert (found.kind, found.reason) == (NoAnswerKind.TRANSIENT, "no complete answer within 1 s")


def test_a_cancellation_ends_a_request_to_a_silent_server() -> None:
    cancellation, silent = ManualCancellation(), threading.Event()

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
    ("url", "value"),
    [
        pytest.param("ftp://h/", "", id="scheme"),
        pytest.param("no url", "", id="no-scheme"),
        pytest.param("http://h\n/", "", id="newline"),
        pytest.param("http://127.0.0.1:99999/", "", id="port"),
        pytest.param("", "s3cret\nX: y", id="header-newline"),
        pytest.param("", "s3cret\u2028", id="header-unicode"),
    ],
)
def test_an_invalid_request_is_a_permanent_failure_that_quotes_nothing(
    client: HttpClient, url: str, value: str
) -> None:
    with raw_server(says(answer("200 OK"))) as server:
        found = failure(client, url or server.url, headers=(("A", value),) if value else ())
    assert found.kind is NoAnswerKind.UNUSABLE_REQUEST
    assert "s3cret" not in str(found)


# --- bodies that go to a sink -------------------------------------------------------------------------------------


def stream(
    client: HttpClient, server: RawServer, taken: list[bytes], *, wanted: bool = True
) -> HttpAnswer | HttpFailure:
    def decide(head: HttpAnswer) -> bool:
        assert head.body == b""
        return wanted

    sink = BodySink(decide, taken.append)
    return unwrap_or_failure(client.stream(HttpRequest("GET", server.url), ManualCancellation(), sink))


def test_a_wanted_body_arrives_whole_and_in_order(client: HttpClient) -> None:
    body, taken = bytes(range(256)) * 40_000, list[bytes]()
    with raw_server(says(answer("200 OK", "X-A: 1", body=body))) as server:
        got = stream(client, server, taken)
    assert got == HttpAnswer(200, (("Content-Length", str(len(body))), ("X-A", "1"), ("Connection", "close")), b"")
    assert b"".join(taken) == body
    assert len(taken) > 1


@pytest.mark.parametrize(
    ("status", "sent", "wanted", "kept"),
    [("200 OK", 1024 * 1024, False, 64 * 1024), ("500 Oh", 3, True, 3)],
    ids=["unwanted", "error"],
)
def test_an_unwanted_body_and_that_of_an_error_do_not_go_to_the_sink(
    client: HttpClient, status: str, sent: int, wanted: bool, kept: int
) -> None:
    taken = list[bytes]()
    with raw_server(says(answer(status, body=b"x" * sent))) as server:
        got = stream(client, server, taken, wanted=wanted)
    assert isinstance(got, HttpAnswer)
    assert (len(got.body), taken) == (kept, [])


def test_the_sink_keeps_what_arrived_before_a_failure(client: HttpClient) -> None:
    taken = list[bytes]()
    with raw_server(says(HALF)) as server:
        found = stream(client, server, taken)
    assert b"".join(taken) == b"half"
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.TRANSIENT


def test_a_cancellation_ends_an_endless_body(client: HttpClient) -> None:
    cancellation = ManualCancellation()
    with raw_server(endless) as server:
        sink = BodySink(lambda _: True, lambda _: cancellation.cancel())
        found = client.stream(HttpRequest("GET", server.url), cancellation, sink)
    assert found == Failure(NoAnswer(server.url, "stopped before the answer was complete", NoAnswerKind.STOPPED))


# --- secrets, proxies and cookies ---------------------------------------------------------------------------------


def test_cookies_are_not_kept(client: HttpClient) -> None:
    with raw_server(says(answer("200 OK", "Set-Cookie: a=b; Path=/"))) as server:
        get(client, server.url)
        get(client, server.url)
    assert b"ookie" not in server.requests[1]


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("netrc")
def test_loopback_uses_neither_proxies_nor_netrc(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with raw_server(says(answer("200 OK"))) as server:
        get(client, server.url)
    assert b"uthorization" not in server.requests[0]


@pytest.mark.usefixtures("netrc")
def test_other_hosts_use_the_proxy_of_the_environment_without_netrc(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(says(answer("200 OK"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        get(client, "http://reg.example/v2/")
    assert proxy.requests[0].startswith(b"GET http://reg.example/v2/ ")
    assert b"uthorization" not in proxy.requests[0]


def test_a_range_of_ipv6_in_no_proxy_stops_nothing(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,fd00::/8,[::1]")
    with raw_server(says(answer("200 OK"))) as server:
        assert get(client, server.url).status == 200


@pytest.mark.parametrize(("no_proxy", "through"), [("", True), ("10.0.0.0/8", False), ("*.example", True)])
def test_exceptions_by_range_and_pattern(no_proxy: str, through: bool) -> None:
    with raw_server(says(answer("204 No Content"))) as proxy:
        proxies = Proxies.of({"HTTP_PROXY": proxy.url, "NO_PROXY": no_proxy})
        with closing(HttpClient(timeouts=Timeouts(0.2, 1, 1), proxies=proxies)) as client:
            send(client, "http://10.255.255.1/")
    assert len(proxy.requests) == int(through)


def socks_proxy(target: RawServer, greetings: list[bytes]) -> Callable[[socket.socket, bytes], None]:
    """A SOCKS5 proxy (RFC 1928) that connects every request to ``target``."""

    def script(connection: socket.socket, head: bytes) -> None:
        greetings.append(head)
        connection.sendall(b"\x05\x00")
        greetings.append(connection.recv(300))
        connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        with socket.create_connection(("127.0.0.1", target.port)) as other:
            other.sendall(connection.recv(65536))
            while piece := other.recv(65536):
                connection.sendall(piece)

    return script


def test_a_socks_proxy_gets_the_name_of_the_host() -> None:
    greetings = list[bytes]()
    with raw_server(says(answer("200 OK", body=b"x"))) as server, socks_server(server, greetings) as port:
        proxies = Proxies.of({"HTTP_PROXY": f"socks5://127.0.0.1:{port}"})
        with closing(HttpClient(proxies=proxies)) as client:
            assert get(client, "http://reg.example/").body == b"x"
    assert b"\x0breg.example\x00\x50" in greetings[1]


@contextmanager
def socks_server(target: RawServer, greetings: list[bytes]) -> Iterator[int]:
    script = socks_proxy(target, greetings)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                script(connection, connection.recv(300))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_a_proxy_that_cannot_be_used_is_named_without_its_password() -> None:
    proxies = Proxies.of({"HTTPS_PROXY": "socks4://u:s3cret@proxy.example"})
    with closing(HttpClient(proxies=proxies)) as client:
        found = failure(client, "https://reg.example/")
    assert found.kind is NoAnswerKind.UNUSABLE_REQUEST
    assert "HTTPS_PROXY has the scheme 'socks4'" in found.reason
    assert "s3cret" not in str(found)


def test_secrets_are_neither_logged_nor_in_repr(client: HttpClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = (("Authorization", "s3cret"),)
    with raw_server(says(answer("200 OK", "X-Token: s3cret"))) as server:
        get(client, f"{server.url}/?token=s3cret&scope=a", headers=secret)
    assert "scope=a" in caplog.text
    shown = f"{HttpRequest('POST', 'http://h/', secret, b's3cret')}{HttpAnswer(200, secret, b's3cret')}"
    assert "s3cret" not in caplog.text + shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://u:p@h:1/a?x=1&n=2#f", "https://h:1/a?n=2", id="userinfo-query-fragment"),
        pytest.param("https://h/t?service=r&scope=repository:a/b:pull", None, id="scope-unchanged"),
        pytest.param("https://u:p@[::1/", "(malformed URL)", id="malformed"),
    ],
)
def test_shown_url_keeps_harmless_parts_only(url: str, shown: str | None) -> None:
    assert shown_url(url) == (shown or url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.9.9.9", True), ("[::1]", True), ("127.0.0.1.example", False), ("10.0.0.1", False)],
)
def test_loopback_is_exact_and_may_have_secrets_without_tls(host: str, expected: bool) -> None:
    assert is_loopback_host(host.strip("[]")) is expected
    assert may_carry_secrets(f"http://{host}:80/") is expected
    assert may_carry_secrets(f"https://{host}/")


@pytest.mark.parametrize("url", ["https://", "https://u:p@h/", "ftp://localhost/", "https://h:99999/", "https://[x/"])
def test_no_secrets_are_sent_to_a_malformed_url(url: str) -> None:
    assert not may_carry_secrets(url)
