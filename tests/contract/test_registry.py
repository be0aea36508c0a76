"""The HTTP registry adapter against real registries: open, with a password, and with tokens."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.registry import HeldImage, resolved
from image_builder_domain.failure import AccessDenied, BadCredentials
from image_builder_domain.image.descriptor import Manifest
from returns.methods import unwrap_or_failure

from tests.contract.registry_bench import PushedImages
from tests.oci_registry import BASIC, PASSWORD, USER, RunningRegistry, start_private_registry, start_registry
from tests.token_server import TokenServer, token_server

ONE_TOKEN = ["GET service=test-registry&scope=repository%3Ateam%2Fapp%3Apull"]


def docker_config(folder: Path, running: RunningRegistry, **entry: str) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps({"auths": {running.host_port: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def resolve(environment: dict[str, str], image: HeldImage) -> object:
    with closing(HttpRegistry(environment, Redactor())) as registry:
        return unwrap_or_failure(registry.resolve(image.reference, ManualCancellation()))


class TestOpenRegistry(PushedImages):
    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[RunningRegistry]:
        with start_registry(tmp_path / "registry") as running:
            yield running

    @pytest.fixture(params=[False, True], ids=["oci", "docker"])
    def docker(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)


class ClosedRegistry(PushedImages):
    @pytest.fixture
    def environment(self, tmp_path: Path, running: RunningRegistry) -> dict[str, str]:
        return docker_config(tmp_path, running, auth=BASIC)

    def test_a_wrong_password_is_denied_and_not_shown(
        self, tmp_path: Path, running: RunningRegistry, image: HeldImage
    ) -> None:
        failure = resolve(docker_config(tmp_path, running, username=USER, password="hunter22"), image)
        assert isinstance(failure, AccessDenied)
        assert "hunter22" not in str(failure)


class TestRegistryWithPassword(ClosedRegistry):
    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[RunningRegistry]:
        with start_private_registry(tmp_path / "registry") as running:
            yield running

    @pytest.fixture
    def authorization(self) -> str:
        return f"Basic {BASIC}"

    def test_access_without_credentials_is_denied(self, image: HeldImage) -> None:
        failure = resolve({}, image)
        assert isinstance(failure, AccessDenied)
        assert "no credentials for 127.0.0.1:" in str(failure)
        assert "UNAUTHORIZED: authentication required" in str(failure)
        assert "run 'docker login 127.0.0.1:" in str(failure)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param("{", id="no-json"),
            pytest.param('{"auths": {"%s": {"auth": "!"}}}', id="no-base64"),
            pytest.param('{"credHelpers": {"%s": "vault"}}', id="helper"),
            pytest.param('{"credsStore": "desktop"}', id="store"),
        ],
    )
    def test_an_invalid_docker_configuration_does_not_lead_to_anonymous_access(
        self, tmp_path: Path, running: RunningRegistry, image: HeldImage, content: str
    ) -> None:
        (tmp_path / "config.json").write_text(content.replace("%s", running.host_port))
        failure = resolve({"DOCKER_CONFIG": str(tmp_path)}, image)
        assert isinstance(failure, BadCredentials)
        assert str(tmp_path) in str(failure)


class TestRegistryWithTokens(ClosedRegistry):
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> Iterator[TokenServer]:
        with token_server(tmp_path, USER, PASSWORD) as tokens:
            yield tokens

    @pytest.fixture
    def running(self, tmp_path: Path, tokens: TokenServer) -> Iterator[RunningRegistry]:
        with start_registry(tmp_path / "registry", tokens.auth_section()) as running:
            yield running

    @pytest.fixture
    def authorization(self, tokens: TokenServer) -> str:
        return f"Bearer {tokens.token('repository:team/app:pull,push')}"

    def test_a_token_is_requested_once_and_used_again(
        self, registry: HttpRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        for _ in range(2):
            resolved(registry, image.reference)
        assert tokens.requests == ONE_TOKEN

    def test_an_expired_token_is_requested_again(
        self, registry: HttpRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        tokens.life_seconds = 0
        for _ in range(2):
            resolved(registry, image.reference)
        assert len(tokens.requests) == 2

    def test_an_identity_token_is_refreshed_by_post(
        self, tmp_path: Path, running: RunningRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        tokens.refresh_token = "refresh-me"
        assert isinstance(resolve(docker_config(tmp_path, running, identitytoken="refresh-me"), image), Manifest)
        assert [request.partition(" ")[0] for request in tokens.requests] == ["POST"]

    def test_a_service_without_refresh_gets_the_password(
        self, tmp_path: Path, running: RunningRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        environment = docker_config(tmp_path, running, auth=BASIC, identitytoken="refresh-me")
        assert isinstance(resolve(environment, image), Manifest)
        assert tokens.requests == ONE_TOKEN
