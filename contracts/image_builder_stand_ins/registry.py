"""A stand-in for an OCI registry: on loopback, in memory, over plain http. It checks digests and references strictly.

In a test: ``with Registry.start() as registry: … registry.host_port …``. By hand,
``python -m image_builder_stand_ins.registry`` prints one line of JSON with its address, and serves until SIGINT
or SIGTERM. It cannot prove how a real registry behaves; for that the tests of this project run one.
Source: OCI Distribution Specification.
"""

import base64
import json
import re
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Self, TextIO, final
from urllib.parse import parse_qs, urlsplit

from image_builder_domain.image.descriptor import OCI_INDEX

from image_builder_stand_ins.command import Session, parser, run
from image_builder_stand_ins.http_server import StandInHandler, StandInServer, serving
from image_builder_stand_ins.registry_store import HeldManifest, RegistryStore, index_of

_NAME: Final = r"/v2/(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_LARGEST_BODY: Final = 1024 * 1024 * 1024


@final
@dataclass(frozen=True, slots=True)
class RegistryRules:
    """How the registry differs from one that allows everything.

    ``read_only`` are paths of repositories that refuse every push. ``immutable_tags``: a tag that exists refuses even
    the digest that it has. ``by_digest``: whether it accepts a manifest that is pushed by digest. ``digest_header``:
    whether answers about manifests name the digest. ``mounts``: whether it mounts a blob of another repository.
    """

    read_only: frozenset[str] = frozenset()
    immutable_tags: bool = False
    by_digest: bool = True
    digest_header: bool = True
    mounts: bool = True

    def refusal(self, method: str, path: str, tags: Sequence[str]) -> tuple[int, str] | None:
        """Status and code that refuse a request, or None. ``tags`` are those of the repository."""
        found = re.fullmatch(f"{_NAME}/(?P<kind>manifests|blobs)/(?P<name>.*)", path)
        if found is None or method not in ("PUT", "POST", "PATCH"):
            return None
        if found["path"] in self.read_only:
            return 403, "DENIED"
        if found["kind"] == "manifests" and found["name"] in tags and self.immutable_tags:
            return 400, "TAG_INVALID"
        if found["kind"] == "manifests" and ":" in found["name"] and not self.by_digest:
            return 405, "UNSUPPORTED"
        return None


@final
class Registry:
    """A running registry, empty at first. ``store`` is its content; ``rules`` may be replaced at any time."""

    def __init__(self, credentials: tuple[str, str] | None, address: tuple[str, int]) -> None:
        self.store = RegistryStore()
        self.rules = RegistryRules()
        self.uploads: dict[str, bytes] = {}
        self._requests: list[str] = []
        self._faults: list[int] = []
        self._expected = None if credentials is None else _basic(*credentials)
        self._lock = threading.Lock()
        self._server = StandInServer(address, partial(_Handler, self))
        self._server.daemon_threads = True  # clients keep connections open

    @classmethod
    @contextmanager
    def start(
        cls, credentials: tuple[str, str] | None = None, address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> Iterator[Self]:
        """Serve until the block ends; ``credentials`` are the user and password that clients must send."""
        registry = cls(credentials, address)
        with serving(registry._server, lambda: None):
            yield registry

    @property
    def host_port(self) -> str:
        """The registry part of references to its images."""
        return self._server.host_port

    @property
    def requests(self) -> tuple[str, ...]:
        """Method and path of every request so far."""
        return tuple(self._requests)

    def fail_next(self, *statuses: int) -> None:
        """Answer the next requests with these statuses."""
        self._faults += statuses

    def refusal(self, request: str, authorization: str | None) -> int | None:
        """Keep a request; returns the status that refuses it, or None."""
        with self._lock:
            self._requests.append(request)
            if self._faults:
                return self._faults.pop(0)
        return 401 if self._expected is not None and authorization != self._expected else None


@final
class _Handler(StandInHandler[Registry]):
    """Answers one connection's requests; a request that fits no route is refused."""

    timeout = 60

    def handle_any(self) -> None:
        """Manifests, blobs, tags and referrers."""
        parts = urlsplit(self.path)
        self._query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._body = self._read()
        refused = self.state.refusal(f"{self.command} {self.path}", self.headers.get("Authorization"))
        if refused is not None:
            self._answer(refused, {"WWW-Authenticate": 'Basic realm="stand-in"'} if refused == 401 else {})
            return
        forbidden = self._forbidden(parts.path)
        if forbidden is not None:
            self._refuse(*forbidden)
            return
        for methods, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found is not None and self.command in methods:
                answer(self, **found.groupdict())
                return
        self._refuse(404, "UNSUPPORTED")

    def _forbidden(self, path: str) -> tuple[int, str] | None:
        named = re.match(f"{_NAME}/manifests/", path)
        tags = self.state.store.tags(named["path"]) if named is not None else ()
        return self.state.rules.refusal(self.command, path, tags)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.read_body(_LARGEST_BODY).value_or(b"")
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    # --- routes ---------------------------------------------------------------------------------------------------

    def _version(self) -> None:
        self._answer(200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}")

    def _get_manifest(self, path: str, name: str) -> None:
        held = self.state.store.manifest(path, name)
        if held is None:
            self._refuse(404, "MANIFEST_UNKNOWN")
            return
        digest = {"Docker-Content-Digest": held.digest} if self.state.rules.digest_header else {}
        self._answer(200, {"Content-Type": held.media_type, **digest}, held.content)

    def _put_manifest(self, path: str, name: str) -> None:
        manifest = HeldManifest(self.headers.get("Content-Type", ""), self._body)
        problem = self.state.store.put_manifest(path, name, manifest)
        if problem:
            self._refuse(400, problem)
            return
        location = f"/v2/{path}/manifests/{manifest.digest}"
        self._answer(201, {"Location": location, "Docker-Content-Digest": manifest.digest})

    def _get_blob(self, path: str, digest: str) -> None:
        held = self.state.store.blob(path, digest)
        if held is None:
            self._refuse(404, "BLOB_UNKNOWN")
            return
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        self._answer(200, headers, held)

    def _begin(self, path: str) -> None:
        if "digest" in self._query:
            self._keep(path, self._body)
            return
        mounted = self.state.store.blob(self._query.get("from", ""), self._query.get("mount", ""))
        if mounted is not None and self.state.rules.mounts:
            self._query["digest"] = self._query["mount"]
            self._keep(path, mounted)
            return
        upload = uuid.uuid4().hex
        self.state.uploads[upload] = b""
        self._answer(202, {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": "0-0"})

    def _append(self, path: str, upload: str) -> None:
        if upload not in self.state.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self.state.uploads[upload] += self._body
        end = max(0, len(self.state.uploads[upload]) - 1)
        self._answer(202, {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": f"0-{end}"})

    def _end(self, path: str, upload: str) -> None:
        if upload not in self.state.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._keep(path, self.state.uploads.pop(upload) + self._body)

    def _cancel(self, path: str, upload: str) -> None:  # noqa: ARG002 (a route gives both)
        if self.state.uploads.pop(upload, None) is None:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._answer(204, {})

    def _keep(self, path: str, content: bytes) -> None:
        digest = self._query.get("digest", "")
        if not self.state.store.put_blob(path, digest, content):
            self._refuse(400, "DIGEST_INVALID")
            return
        self._answer(201, {"Location": f"/v2/{path}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _referrers(self, path: str, digest: str) -> None:
        found = self.state.store.referrers(path, digest, self._query.get("artifactType"))
        applied = {"OCI-Filters-Applied": "artifactType"} if "artifactType" in self._query else {}
        self._answer(200, {"Content-Type": OCI_INDEX, **applied}, index_of(found))

    def _tags(self, path: str) -> None:
        content = {"name": path, "tags": self.state.store.tags(path)}
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

    # --- answers --------------------------------------------------------------------------------------------------

    def _refuse(self, status: int, code: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self._answer(status, {"Content-Type": "application/json"}, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


_READ: Final = ("GET", "HEAD")
_ROUTES: Final[tuple[tuple[tuple[str, ...], str, Callable[..., None]], ...]] = (
    (_READ, "/v2/?", _Handler._version),
    (_READ, f"{_NAME}/manifests/(?P<name>[^/]+)", _Handler._get_manifest),
    (("PUT",), f"{_NAME}/manifests/(?P<name>[^/]+)", _Handler._put_manifest),
    (_READ, f"{_NAME}/blobs/(?P<digest>{_DIGEST})", _Handler._get_blob),
    (("POST",), f"{_NAME}/blobs/uploads/", _Handler._begin),
    (("PATCH",), f"{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", _Handler._append),
    (("PUT",), f"{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", _Handler._end),
    (("DELETE",), f"{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", _Handler._cancel),
    (("GET",), f"{_NAME}/referrers/(?P<digest>{_DIGEST})", _Handler._referrers),
    (("GET",), f"{_NAME}/tags/list", _Handler._tags),
)


def main(arguments: Sequence[str], output: TextIO = sys.stdout) -> int:
    """Run until SIGINT or SIGTERM. Exit code: 0 stopped, 2 cannot start."""
    epilog = "Exit code: 0 after SIGINT or SIGTERM, 2 when it cannot start."
    chosen = parser("registry", "An OCI registry in memory, for this machine only.", epilog).parse_args(arguments)

    def serve(session: Session) -> None:
        with Registry.start(address=chosen.listen) as registry:
            session.serve({"host_port": registry.host_port})

    return run("registry", chosen.folder, output, serve)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
