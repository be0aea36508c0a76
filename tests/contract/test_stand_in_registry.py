"""The registry in memory: strict, honest about what it holds, and good enough for our client and for real engines."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import built, manifest, step
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST
from image_builder_domain.ports import ImageEngine
from image_builder_stand_ins.registry import Registry

from tests.buildkit import PrivateDaemon
from tests.contract.registry_bench import PushedImages


class TestOurClientWithIt(PushedImages):
    @pytest.fixture
    def running(self) -> Iterator[Registry]:
        with Registry.start() as running:
            yield running


class TestBuildkitWithIt(PrivateDaemon, DockerfileEngineFixtures):
    @pytest.fixture
    def registry(self) -> Iterator[str]:
        with Registry.start() as running:
            yield running.host_port

    def test_an_engine_pushes_to_it(self, engine: ImageEngine, ask: RequestFactory) -> None:
        request = ask(step("echo x > /x"))
        digest = built(engine, request).descriptor.digest
        assert [(manifest(place, digest) or ("",))[0] for place in request.repositories] == [str(digest)] * 2


def send(method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body if method != "GET" else None, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def running() -> Iterator[Registry]:
    with Registry.start() as running:
        yield running


def test_a_blob_under_another_digest_is_refused(running: Registry) -> None:
    url = f"http://{running.host_port}/v2/app/blobs/uploads/?digest=sha256:{'0' * 64}"
    assert send("POST", url, b"content")[0] == 400


def test_a_manifest_that_names_what_is_not_there_is_refused(running: Registry) -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 1}
    for media_type, key in ((OCI_INDEX, "manifests"), (OCI_MANIFEST, "layers")):
        content = json.dumps({"schemaVersion": 2, "mediaType": media_type, key: [entry]}).encode()
        status, body = send("PUT", f"http://{running.host_port}/v2/app/manifests/v1", content, Content_Type=media_type)
        assert (status, "MANIFEST_BLOB_UNKNOWN" in body) == (400, True)


def test_a_manifest_of_another_type_than_it_says_is_refused(running: Registry) -> None:
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
    url = f"http://{running.host_port}/v2/app/manifests/v1"
    assert send("PUT", url, content, Content_Type=OCI_MANIFEST)[0] == 400
    assert send("PUT", url, b"no json", Content_Type=OCI_MANIFEST)[0] == 400


def test_what_it_does_not_know_is_refused(running: Registry) -> None:
    for method, path in (("GET", "/v1/"), ("DELETE", "/v2/app/manifests/v1"), ("GET", "/v2/../x/manifests/v1")):
        assert send(method, f"http://{running.host_port}{path}")[0] in (404, 501)


def test_who_does_not_know_the_password_gets_nothing() -> None:
    with Registry.start(("user", "pass")) as running:
        url = f"http://{running.host_port}/v2/"
        assert send("GET", url)[0] == 401
        assert send("GET", url, Authorization="Basic dXNlcjpwYXNz")[0] == 200


def test_a_fault_comes_once_and_requests_are_kept(running: Registry) -> None:
    running.fail_next(503)
    url = f"http://{running.host_port}/v2/"
    assert [send("GET", url)[0] for _ in range(2)] == [503, 200]
    assert running.requests == ("GET /v2/", "GET /v2/")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_is_and_stops_when_it_is_told_to(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "image_builder_stand_ins.registry"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())["host_port"]
        assert send("GET", f"http://{place}/v2/")[0] == 200
        process.send_signal(number)
        assert process.wait(10) == 0
