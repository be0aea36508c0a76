"""One look-up for everybody: real engines and cosign get what our client finds, wherever it is written.

A private registry (the reference implementation) over TLS, with a password file and with a token service. Its host name
is this machine's, because loopback by number is reached without TLS.
"""

import base64
import json
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest
from image_builder_adapters.buildkit.daemon import PrivateDaemon
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.http.client import HttpClient
from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.image_engine import attempt
from image_builder_domain.build import BuildRequest, BuiltImage
from image_builder_domain.image.descriptor import Descriptor, Manifest
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.ports import ImageEngine
from image_builder_domain.signing import ImageToSign, SignatureStatus
from image_builder_stand_ins.certificates import Authority
from returns.methods import unwrap_or_failure

from tests.buildkit import minimal_environment
from tests.cosign import PASSWORD as KEY_PASSWORD
from tests.cosign import key_pair
from tests.oci_registry import BASIC, PASSWORD, USER, push_image, start_private_registry, start_registry
from tests.programs import install_script, require
from tests.token_server import TokenServer, token_server

HOST = socket.gethostname()
REFRESH = "refresh-me-refresh-me"


@dataclass(frozen=True)
class World:
    """A private registry, a BuildKit that trusts its authority, and the environment of a job."""

    folder: Path
    host_port: str
    buildkit: str
    tls: ssl.SSLContext
    tokens: TokenServer | None = None

    def environment(self, job: Path, **more: str) -> dict[str, str]:
        roots = job / "roots"
        roots.mkdir(exist_ok=True)
        own = {"TMPDIR": str(roots), "SSL_CERT_FILE": f"{self.folder}/ca.pem", "KANIKO_EXECUTOR": require("executor")}
        base = minimal_environment(job)
        del base["DOCKER_CONFIG"]
        return {**base, "XDG_RUNTIME_DIR": str(job / "run"), **own, **more}

    def request(self, job: Path, *lines: str) -> BuildRequest:
        context = job / "context"
        context.mkdir(exist_ok=True)
        lines = lines or (f"FROM {self.host_port}/team/base:1", "COPY Dockerfile /")
        (context / "Dockerfile").write_text("\n".join((*lines, "")))
        return BuildRequest("app", None, str(context), "Dockerfile", (Repository(self.host_port, "team/app"),))


@pytest.fixture(scope="module")
def built_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The parts that every registry shares."""
    if socket.gethostbyname(HOST) in ("0.0.0.0", ""):
        pytest.skip("this machine's name has no address")
    folder = tmp_path_factory.mktemp("world")
    authority = Authority.create()
    pair = authority.issue_server((HOST, "localhost", "127.0.0.1"))
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(pair.certificate)
    (folder / "server.key").write_bytes(pair.private_key)
    variables = minimal_environment(folder, SSL_CERT_FILE=f"{folder}/ca.pem")
    daemon = PrivateDaemon(variables, str(folder / "state"), str(folder / "buildkitd.log"), os.geteuid())
    with closing(daemon):
        address = daemon.address(ManualCancellation()).unwrap()
        yield World(folder, "", address, ssl.create_default_context(cafile=f"{folder}/ca.pem"))


def served(world: World, kind: str, stack: ExitStack) -> World:
    """The world with a registry of this kind, which holds ``team/base:1``."""
    folder = world.folder / kind
    with start_registry(folder) as opened:
        push_image(opened.host_port, "team/base", "1")
    tls = {"certificate": f"{world.folder}/server.pem", "key": f"{world.folder}/server.key"}
    if kind == "password":
        running = stack.enter_context(start_private_registry(folder, tls))
        return replace(world, host_port=f"{HOST}:{running.host_port.rpartition(':')[2]}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{world.folder}/server.pem", f"{world.folder}/server.key")
    service = token_server(folder, USER, PASSWORD, REFRESH, secure=(HOST, context))
    tokens = stack.enter_context(service)
    running = stack.enter_context(start_registry(folder, tokens.auth_section(), tls=tls))
    return replace(world, host_port=f"{HOST}:{running.host_port.rpartition(':')[2]}", tokens=tokens)


@pytest.fixture(scope="module")
def with_password(built_world: World) -> Iterator[World]:
    with ExitStack() as stack:
        yield served(built_world, "password", stack)


@pytest.fixture(scope="module")
def with_tokens(built_world: World) -> Iterator[World]:
    with ExitStack() as stack:
        yield served(built_world, "tokens", stack)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def entry(**fields: str) -> dict[str, str]:
    return fields or {"auth": BASIC}


def in_docker_config(world: World, job: Path, key: str = "") -> dict[str, str]:
    write(job / "d/config.json", {"auths": {key or world.host_port: entry()}})
    return {"DOCKER_CONFIG": f"{job}/d"}


def in_dockers_home(world: World, job: Path) -> dict[str, str]:
    write(job / "home/.docker/config.json", {"auths": {f"https://{world.host_port}/v2/": entry(), "other": None}})
    return {}


def in_auth_file(world: World, job: Path) -> dict[str, str]:
    write(job / "auth.json", {"auths": {world.host_port: entry()}})
    return {"REGISTRY_AUTH_FILE": f"{job}/auth.json"}


def in_runtime_folder(world: World, job: Path) -> dict[str, str]:
    write(job / "run/containers/auth.json", {"auths": {world.host_port: entry()}})
    return {}


def in_podmans_home(world: World, job: Path) -> dict[str, str]:
    write(job / "home/.config/containers/auth.json", {"auths": {world.host_port: entry()}})
    return {}


def under_a_namespace(world: World, job: Path) -> dict[str, str]:
    return in_docker_config(world, job, f"{world.host_port}/team")


def in_a_variable(world: World, _job: Path) -> dict[str, str]:
    return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {world.host_port: entry()}})}


def in_a_helper_of_a_cloud(world: World, job: Path, **content: object) -> dict[str, str]:
    """A helper that signs in with keys in variables, as ``configure-aws-credentials`` leaves them."""
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    script = f"read -r server; [ \"$AWS_SECRET_ACCESS_KEY\" = s3cret-s3cret ] || exit 1; echo '{answer}'"
    install_script(job / "helpers", "docker-credential-ecr-login", script)
    write(job / "d/config.json", content or {"credHelpers": {world.host_port: "ecr-login"}})
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret-s3cret", "AWS_SESSION_TOKEN": "t0ken-t0ken"}
    path = f"{job}/helpers:{os.environ['PATH']}"
    return {"DOCKER_CONFIG": f"{job}/d", "PATH": path, **keys}


def in_a_store(world: World, job: Path) -> dict[str, str]:
    return in_a_helper_of_a_cloud(world, job, credsStore="ecr-login")


def beside_an_empty_helper(world: World, job: Path) -> dict[str, str]:
    content = {"credHelpers": {world.host_port: ""}, "credsStore": "not-there", "auths": {world.host_port: entry()}}
    write(job / "d/config.json", content)
    return {"DOCKER_CONFIG": f"{job}/d"}


Place: TypeAlias = Callable[..., dict[str, str]]
"""Puts credentials somewhere; gives the variables that lead there."""

PLACES = [
    in_docker_config,
    in_dockers_home,
    in_auth_file,
    in_runtime_folder,
    in_podmans_home,
    under_a_namespace,
    in_a_variable,
    in_a_helper_of_a_cloud,
    in_a_store,
    beside_an_empty_helper,
]


def buildkit(world: World, environment: dict[str, str], job: Path) -> ImageEngine:
    variables = {**environment, "BUILDKIT_HOST": world.buildkit}
    return BuildkitEngine(BuildkitSettings(variables, str(job / "s"), str(job / "l"), False, os.geteuid()))


def build(world: World, engine: str, environment: dict[str, str], job: Path, *lines: str) -> object:
    with ExitStack() as stack:
        client = stack.enter_context(closing(HttpClient(world.tls)))
        registry = HttpRegistry(environment, Redactor(), client)
        used: ImageEngine = (
            buildkit(world, environment, job)
            if engine == "buildkit"
            else KanikoEngine(KanikoSettings(environment, None, True, os.geteuid()), registry)
        )
        stack.callback(used.close)
        made = attempt(used, world.request(job, *lines))
        assert isinstance(made.outcome, BuiltImage), f"{made.outcome}\n{made.printed}"
        pushed = ImageReference.parse(f"{world.host_port}/team/app@{made.outcome.descriptor.digest}").unwrap()
        found = unwrap_or_failure(registry.resolve(pushed, ManualCancellation()))
    assert isinstance(found, Manifest), found
    assert os.listdir(environment["TMPDIR"]) == []
    return made


@pytest.mark.parametrize("engine", ["buildkit", "kaniko"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_an_engine_gets_what_our_client_finds(with_password: World, tmp_path: Path, place: Place, engine: str) -> None:
    environment = with_password.environment(tmp_path, **place(with_password, tmp_path))
    build(with_password, engine, environment, tmp_path)


@pytest.mark.parametrize("engine", ["buildkit", "kaniko"])
@pytest.mark.parametrize("kind", ["password", "identity", "registry"])
def test_an_engine_gets_tokens(with_tokens: World, tmp_path: Path, kind: str, engine: str) -> None:
    tokens = with_tokens.tokens
    assert tokens is not None
    fields = {
        "password": {},
        "identity": {
            "auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(),
            "identitytoken": REFRESH,
        },
        "registry": {
            "registrytoken": tokens.token("repository:team/app:pull,push", "repository:team/base:pull"),
        },
    }[kind]
    write(tmp_path / "auth.json", {"auths": {with_tokens.host_port: entry(**fields)}})
    environment = with_tokens.environment(tmp_path, REGISTRY_AUTH_FILE=f"{tmp_path}/auth.json")
    build(with_tokens, engine, environment, tmp_path)


@pytest.mark.parametrize("place", [in_runtime_folder, in_a_variable, in_a_helper_of_a_cloud, under_a_namespace])
def test_cosign_gets_what_our_client_finds(with_password: World, tmp_path: Path, place: Place) -> None:
    keys = key_pair(tmp_path)
    environment = with_password.environment(tmp_path, **place(with_password, tmp_path))
    environment |= {"COSIGN_PASSWORD": KEY_PASSWORD}
    settings = CosignSettings(key=keys.private, public_key=keys.public, transparency_log=False)
    reference = ImageReference.parse(f"{with_password.host_port}/team/base:1").unwrap()
    with closing(HttpClient(with_password.tls)) as client:
        held = unwrap_or_failure(HttpRegistry(environment, Redactor(), client).resolve(reference, ManualCancellation()))
    assert isinstance(held, Manifest)
    assert isinstance(held.descriptor, Descriptor)
    signer = CosignSigner("cosign", settings, environment)
    (result,) = signer.sign((ImageToSign(reference, held.descriptor, held.config),), ManualCancellation())
    assert result.status is not SignatureStatus.FAILED, result


def test_no_step_of_buildkit_can_read_the_credentials(with_password: World, tmp_path: Path) -> None:
    """The step lists the open files of all processes that it can see, and looks into their environments and files."""
    environment = with_password.environment(tmp_path, **in_docker_config(with_password, tmp_path))
    tool, files = "/bin/busybox", "/proc/[0-9]*/environ /dev/shm /etc /run /tmp"
    look = f"{tool} ls -l /proc/[0-9]*/fd; {tool} grep -rl {BASIC[:12]} {files}; echo looked"
    request = with_password.request(
        tmp_path,
        "FROM scratch",
        "COPY busybox /bin/busybox",
        f"RUN {json.dumps(['/bin/busybox', 'sh', '-c', look])}",
    )
    shutil.copy(require("busybox"), Path(request.context, "busybox"))
    printed = attempt(buildkit(with_password, environment, tmp_path), request).printed
    output = "\n".join(line for line in printed.splitlines() if "RUN" not in line)
    assert "looked" in output
    assert "pipe:[" in output
    for sign in ("memfd", "docker-config", "/environ", "image-builder-login"):
        assert sign not in output
