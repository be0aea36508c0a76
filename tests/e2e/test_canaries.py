"""A build step that prints every secret of the job, in every encoding: none of them comes out of the tool.

Each place where a secret can be has a canary of its own. A place that is new in the tool fails here until it has one.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import quote, quote_plus

import pytest
from image_builder_adapters.known_secrets import SOURCES
from image_builder_adapters.plugins import signers
from image_builder_domain.secret_name import OWN_SECRETS

from tests import jobs
from tests.e2e.run import Finished
from tests.e2e.test_ci_systems import in_github
from tests.e2e.world import World, run_step
from tests.programs import require

pytestmark = pytest.mark.e2e


@final
@dataclass
class Cage:
    """Where canaries live: what a step can print (``leaks``), and what must not come out (``canaries``)."""

    world: World
    outside: tuple[Path, ...]
    leaks: list[bytes] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def canary(self, where: str) -> str:
        """A secret that no other place has, with characters that encodings change; a step prints it."""
        made = f"{where}/{next(self.numbers):03}+cAnary&{where[::-1]}"
        self.canaries.append(made)
        self.leaks.append(made.encode())
        return made

    def variable(self, name: str) -> None:
        self.world.environment[name] = self.canary(name.lower())

    def file(self, name: str, content: str | bytes) -> str:
        """A secret file; a step prints it, too."""
        path = self.world.folder / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.leaks.append(path.read_bytes())
        return str(path)

    def signer(self, name: str, kind: str, **config: Any) -> None:
        """A signer that is defined and does not sign here."""
        self.world.config["sign-config"]["signers"].append({"name": name, "type": kind, "config": config})

    def printed(self) -> bytes:
        """Everything as it is, in base64 (in one line, and as ``base64`` wraps it), percent-encoded and in JSON."""
        lines = []
        for leak in self.leaks:
            text, whole = leak.decode(), base64.b64encode(leak)
            lines += [leak, whole, base64.urlsafe_b64encode(leak), base64.b64encode(b"user:" + leak + b"@")]
            lines += [whole[start : start + 76] for start in range(0, len(whole), 76)]
            lines += [whole[start : start + 64] for start in range(0, len(whole), 64)]
            lines += [quote(text, safe="").encode(), quote_plus(text).encode(), json.dumps(text).encode()]
        return b"\n".join((*lines, b""))


def variables(cage: Cage) -> None:
    for name in sorted(OWN_SECRETS - {"COSIGN_PASSWORD", "DOCKER_AUTH_CONFIG"}):
        cage.variable(name)
    for name in ("NPM_TOKEN", "DEPLOY_KEY", "DB_PASSWORD", "MY_SECRET", "GITLAB_PAT", "SOME_CREDENTIALS"):
        cage.variable(name)
    cage.world.environment["DOCKER_AUTH_CONFIG"] = _docker(cage, "gitlab")
    cage.leaks.append(cage.world.environment["DOCKER_AUTH_CONFIG"].encode())


def addresses(cage: Cage) -> None:
    password = cage.canary("url")
    cage.world.environment["UPSTREAM"] = f"https://robot:{quote(password, safe='')}@git.example/acme/demo.git"
    cage.world.environment["MIRROR"] = f"https://{quote(cage.canary('bare'), safe='')}@git.example/"


def files(cage: Cage) -> None:
    key = _pem(cage, "gcp")
    google = json.dumps({"type": "service_account", "private_key": key, "client_email": "robot@example"})
    aws = f"[default]\naws_access_key_id = AKIA0\naws_secret_access_key = {cage.canary('aws')}\n"
    named = {
        "GOOGLE_APPLICATION_CREDENTIALS": cage.file("google.json", google),
        "AWS_SHARED_CREDENTIALS_FILE": cage.file("aws", aws),
        "AZURE_FEDERATED_TOKEN_FILE": cage.file("federated", cage.canary("federated") + "\n"),
    }
    cluster_key = base64.b64encode(_pem(cage, "cluster").encode()).decode()
    cluster = (
        f"users:\n- name: robot\n  user:\n    token: '{cage.canary('kube')}'\n    client-key-data: {cluster_key}\n"
    )
    named["KUBECONFIG"] = cage.file("kubeconfig", cluster)
    folder = Path(cage.file("tls/key.pem", _pem(cage, "tls"))).parent
    cage.world.environment |= named | {"BUILDKIT_TLS_DIR": str(folder)}


def registries(cage: Cage) -> None:
    cage.world.environment["DOCKER_CONFIG"] = str(Path(cage.file("docker/config.json", _docker(cage, "docker"))).parent)
    cage.world.environment["REGISTRY_AUTH_FILE"] = cage.file("auth.json", _docker(cage, "podman"))


def _docker(cage: Cage, name: str) -> str:
    pair = base64.b64encode(f"robot:{cage.canary(name)}".encode()).decode()
    auths = {
        "one.example": {"auth": pair},
        "two.example": {"username": "robot", "password": cage.canary(f"{name}-password")},
        "three.example": {"identitytoken": cage.canary(f"{name}-identity")},
        "four.example": {"registrytoken": cage.canary(f"{name}-registry")},
    }
    proxy = f"http://robot:{quote(cage.canary(f'{name}-proxy'), safe='')}@proxy.example"
    headers = {"Authorization": f"Bearer {cage.canary(f'{name}-header')}"}
    document = {"auths": auths, "HttpHeaders": headers, "proxies": {"default": {"httpProxy": proxy}}}
    return json.dumps(document, indent=2)


def _pem(cage: Cage, name: str) -> str:
    """A text like a private key; each of its lines is a canary."""
    body = base64.b64encode((name.encode() * 200)[:191] + os.urandom(64)).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    cage.canaries += lines
    text = "\n".join(("-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""))
    cage.leaks.append(text.encode())
    return text


def notary(cage: Cage) -> None:
    token = cage.file("notary-token", f"{cage.canary('token')}\n")
    payload = json.dumps({"client": "robot", "proof": cage.canary("signify")})
    signify = cage.file("signify", f"endpoint: https://tokens.example\npayload: |\n  {payload}\n")
    key = base64.b64encode(_pem(cage, "mtls").encode()).decode()
    mtls = cage.file("mtls.json", json.dumps({"certData": "", "privateKeyData": key}))
    for kind, path in (("token", token), ("signify", signify), ("mtls", mtls)):
        secret = {"path": path, "type": kind}
        cage.signer(f"unused-{kind}", "notary", endpoint="https://sign.example", secret=secret)


def cosign(cage: Cage) -> None:
    cage.variable("COSIGN_PASSWORD")
    cage.signer("unused-key", "cosign", key=cage.file("cosign.key", _pem(cage, "cosign")), **{"public-key": "/c.pub"})
    identity = {"certificate-identity": "me", "certificate-oidc-issuer": "https://issuer.example"}
    token = cage.file("identity", cage.canary("identity"))
    cage.signer("unused-identity", "cosign", **identity, **{"identity-token-file": token})


def helpers(cage: Cage) -> None:
    """A credential helper for the registry that is pushed to."""
    folder = cage.world.folder / "helpers"
    folder.mkdir()
    helper = folder / "docker-credential-cage"
    helper.write_text(f"""#!/bin/sh\necho '{{"Username": "robot", "Secret": "{cage.canary("helper")}"}}'\n""")
    helper.chmod(0o755)
    cage.world.path = f"{folder}:{cage.world.path}"
    file = Path(cage.world.environment["DOCKER_CONFIG"], "config.json")
    document = json.loads(file.read_text())
    document["credHelpers"] = {cage.world.registry.host_port: "cage"}
    file.write_text(json.dumps(document, indent=2))
    cage.leaks.append(file.read_bytes())


PLACES: Final[dict[str, Callable[[Cage], None]]] = {
    "variables": variables,
    "addresses": addresses,
    "files": files,
    "registries": registries,
    "signer notary": notary,
    "signer cosign": cosign,
    "helpers": helpers,
}


def test_every_place_of_the_tool_has_a_canary() -> None:
    of_signers = {f"signer {name}" for name, kind in signers().items() if kind.secrets is not None}
    assert {*SOURCES, *of_signers, "helpers"} == set(PLACES)
    assert of_signers == {f"signer {name}" for name in signers()}


def caged(world: World, *without: str) -> Cage:
    """A job of GitHub with every canary, and a build that prints all of them and fails."""
    outside = in_github(world, jobs.PUSH, jobs.PUSH_EVENT)
    cage = Cage(world, outside)
    for name, plant in PLACES.items():
        if name not in without:
            plant(cage)
    (world.context / "leak").write_bytes(cage.printed())
    world.dockerfile("COPY leak /leak", run_step("$b cat /leak; $b cat /leak >&2; $b tail -n 5 /leak; exit 3"))
    return cage


def assert_nothing_came_out(cage: Cage, done: Finished) -> None:
    assert done.code == 3, done.err
    files = [*(path for path in done.artifacts.rglob("*") if path.is_file()), *cage.outside]
    texts = {path.name: path.read_bytes() for path in files} | {"out": done.out.encode(), "err": done.err.encode()}
    assert {"report.json", "build_app.log", "output", "summary"} <= set(texts)
    assert sum(text.count(b"***") for text in texts.values()) > 100
    for whole in map(base64.b64encode, cage.leaks):
        for width in (64, 76):
            for line in (whole[start : start + width] for start in range(0, len(whole) - width, width)):
                assert not any(line in text for text in texts.values()), line
    for canary in cage.canaries:
        raw = canary.encode()
        shifted = (base64.b64encode(b"x" * at + raw)[4 if at else 0 : (at + len(raw)) // 3 * 4] for at in range(3))
        forms = {raw, quote(canary, safe="").encode(), json.dumps(canary)[1:-1].encode(), *shifted}
        for name, text in texts.items():
            for form in forms:
                assert form not in text, (name, canary, form)


def test_no_canary_comes_out_of_buildkit(world: World) -> None:
    cage = caged(world)
    assert_nothing_came_out(cage, cage.world.run("--debug"))


def test_no_canary_comes_out_of_buildkit_as_json(world: World) -> None:
    cage = caged(world)
    done = cage.world.run("--output=json")
    assert json.loads(done.out)["outcome"] == "failure"
    assert_nothing_came_out(cage, done)


def test_no_canary_comes_out_of_kaniko(world: World) -> None:
    cage = caged(world, "helpers")  # which cannot run in kaniko's own root
    folder = cage.world.folder / "roots"
    folder.mkdir()
    del cage.world.environment["USE_BUILDKIT"]
    cage.world.environment |= {"KANIKO_EXECUTOR": require("executor"), "TMPDIR": str(folder)}
    assert_nothing_came_out(cage, cage.world.run())
