"""The HTTP registry adapter against real registries: open, with a password, and with tokens."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.registry import HeldImage, RegistryContract, resolved
from image_builder_domain.failure import AccessDenied, BadCredentials
from image_builder_domain.image.reference import ImageReference
from returns.methods import unwrap_or_failure

from tests.oci_registry import PushedImage, RunningRegistry, push_image, start_registry
from tests.token_server import TokenServer, token_server

USER, PASSWORD = "user", "pass:word"
HTPASSWD = f"{USER}:$2b$04$m3Vt/0SXhLhT/tRlGkrQle9xpur3bpPFla//HpiHJfwzd6OCwSobi\n"
PLATFORMS = ("linux/amd64", "linux/386", "unknown/unknown")
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def held(running: RunningRegistry, tag: str, pushed: PushedImage) -> HeldImage:
    reference = ImageReference.parse(f"{running.host_port}/team/app:{tag}").unwrap()
    return HeldImage(reference, pushed.descriptor, pushed.config)


def docker_config(folder: Path, running: RunningRegistry, entry: dict[str, str]) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps({"auths": {running.host_port: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def refused(environment: dict[str, str], image: HeldImage) -> object:
    with closing(HttpRegistry(environment, Redactor())) as registry:
        return unwrap_or_failure(registry.resolve(image.reference, ManualCancellation()))


class TestOpenRegistry(RegistryContract):
    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[RunningRegistry]:
        with start_registry(tmp_path / "registry") as running:
            yield running

    @pytest.fixture
    def registry(self) -> Iterator[HttpRegistry]:
        with closing(HttpRegistry({}, Redactor())) as registry:
            yield registry

    @pytest.fixture(params=[False, True], ids=["oci", "docker"])
    def image(self, running: RunningRegistry, request: pytest.FixtureRequest) -> HeldImage:
        return held(running, "one", push_image(running.host_port, "team/app", "one", docker=request.param))

    @pytest.fixture
    def move_tag(self, running: RunningRegistry) -> Callable[[], HeldImage]:
        return lambda: held(running, "one", push_image(running.host_port, "team/app", "one", marker="moved"))

    @pytest.fixture(params=[False, True], ids=["oci", "docker"])
    def index(self, running: RunningRegistry, request: pytest.FixtureRequest) -> HeldImage:
        pushed = push_image(running.host_port, "team/app", "all", platforms=PLATFORMS, docker=request.param)
        return held(running, "all", pushed)


class TestRegistryWithPassword(RegistryContract):
    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[RunningRegistry]:
        (tmp_path / "htpasswd").write_text(HTPASSWD)
        auth = {"htpasswd": {"realm": "private", "path": str(tmp_path / "htpasswd")}}
        with start_registry(tmp_path / "registry", auth) as running:
            yield running

    @pytest.fixture
    def registry(self, tmp_path: Path, running: RunningRegistry) -> Iterator[HttpRegistry]:
        with closing(HttpRegistry(docker_config(tmp_path, running, {"auth": BASIC}), Redactor())) as registry:
            yield registry

    @pytest.fixture
    def image(self, running: RunningRegistry) -> HeldImage:
        return self._push(running)

    @pytest.fixture
    def move_tag(self, running: RunningRegistry) -> Callable[[], HeldImage]:
        return lambda: self._push(running, "moved")

    def _push(self, running: RunningRegistry, marker: str = "") -> HeldImage:
        basic = f"Basic {BASIC}"
        pushed = push_image(running.host_port, "team/app", "one", marker=marker, authorization=basic)
        return held(running, "one", pushed)

    @pytest.fixture
    def index(self, running: RunningRegistry) -> HeldImage:
        pushed = push_image(running.host_port, "team/app", "all", platforms=PLATFORMS, authorization=f"Basic {BASIC}")
        return held(running, "all", pushed)

    def test_wrong_password_is_denied_once_and_never_shown(
        self, tmp_path: Path, running: RunningRegistry, image: HeldImage
    ) -> None:
        wrong = docker_config(tmp_path, running, {"username": USER, "password": "hunter22"})
        failure = refused(wrong, image)
        assert isinstance(failure, AccessDenied)
        assert "hunter22" not in str(failure)

    def test_without_credentials_access_is_denied(self, image: HeldImage) -> None:
        failure = refused({}, image)
        assert isinstance(failure, AccessDenied)
        assert "Docker configuration file" in str(failure)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param("{", id="no-json"),
            pytest.param('{"auths": {"%s": {"auth": "!"}}}', id="no-base64"),
            pytest.param('{"credHelpers": {"%s": "vault"}}', id="helper"),
            pytest.param('{"credsStore": "desktop"}', id="store"),
        ],
    )
    def test_unusable_docker_configuration_is_never_taken_for_anonymous(
        self, tmp_path: Path, running: RunningRegistry, image: HeldImage, content: str
    ) -> None:
        (tmp_path / "config.json").write_text(content.replace("%s", running.host_port))
        failure = refused({"DOCKER_CONFIG": str(tmp_path)}, image)
        assert isinstance(failure, BadCredentials)
        assert str(tmp_path) in str(failure)


class TestRegistryWithTokens(RegistryContract):
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> Iterator[TokenServer]:
        with token_server(tmp_path, USER, PASSWORD) as tokens:
            yield tokens

    @pytest.fixture
    def running(self, tmp_path: Path, tokens: TokenServer) -> Iterator[RunningRegistry]:
        with start_registry(tmp_path / "registry", tokens.auth_section()) as running:
            yield running

    @pytest.fixture
    def registry(self, tmp_path: Path, running: RunningRegistry) -> Iterator[HttpRegistry]:
        with closing(HttpRegistry(docker_config(tmp_path, running, {"auth": BASIC}), Redactor())) as registry:
            yield registry

    @pytest.fixture
    def image(self, running: RunningRegistry, tokens: TokenServer) -> HeldImage:
        return self._push(running, tokens)

    @pytest.fixture
    def move_tag(self, running: RunningRegistry, tokens: TokenServer) -> Callable[[], HeldImage]:
        return lambda: self._push(running, tokens, "moved")

    def _push(self, running: RunningRegistry, tokens: TokenServer, marker: str = "") -> HeldImage:
        grant = f"Bearer {tokens.token('repository:team/app:pull,push')}"
        pushed = push_image(running.host_port, "team/app", "one", marker=marker, authorization=grant)
        return held(running, "one", pushed)

    @pytest.fixture
    def index(self, running: RunningRegistry, tokens: TokenServer) -> HeldImage:
        grant = f"Bearer {tokens.token('repository:team/app:pull,push')}"
        pushed = push_image(running.host_port, "team/app", "all", platforms=PLATFORMS, authorization=grant)
        return held(running, "all", pushed)

    def test_token_is_asked_for_once_and_used_again(
        self, registry: HttpRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        resolved(registry, image.reference)
        resolved(registry, image.reference)
        assert tokens.requests == ["GET service=test-registry&scope=repository%3Ateam%2Fapp%3Apull"]

    def test_token_that_has_ended_is_asked_for_again(
        self, registry: HttpRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        tokens.life_seconds = 0
        resolved(registry, image.reference)
        resolved(registry, image.reference)
        assert len(tokens.requests) == 2

    def test_refused_user_is_denied(self, tmp_path: Path, running: RunningRegistry, image: HeldImage) -> None:
        wrong = docker_config(tmp_path, running, {"username": USER, "password": "hunter22"})
        failure = refused(wrong, image)
        assert isinstance(failure, AccessDenied)
        assert "hunter22" not in str(failure)

    def test_identity_token_is_refreshed_by_post(
        self, tmp_path: Path, running: RunningRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        tokens.refresh_token = "refresh-me"
        config = docker_config(tmp_path, running, {"identitytoken": "refresh-me"})
        with closing(HttpRegistry(config, Redactor())) as registry:
            resolved(registry, image.reference)
        assert [request.partition(" ")[0] for request in tokens.requests] == ["POST"]

    def test_service_without_refresh_gets_the_password(
        self, tmp_path: Path, running: RunningRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        config = docker_config(tmp_path, running, {"auth": BASIC, "identitytoken": "refresh-me"})
        with closing(HttpRegistry(config, Redactor())) as registry:
            resolved(registry, image.reference)
        assert tokens.requests == ["GET service=test-registry&scope=repository%3Ateam%2Fapp%3Apull"]
