"""The HTTP side of the stand-in registry (OCI Distribution Specification)."""

import json
import re
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qs, urlsplit

from image_builder_domain.image.descriptor import OCI_INDEX

from image_builder_stand_ins.registry_store import HeldManifest, index_of

if TYPE_CHECKING:
    from image_builder_stand_ins.registry import RegistryServer

_NAME: Final = r"/v2/(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_LARGEST_BODY: Final = 1024 * 1024 * 1024


class RegistryHandler(BaseHTTPRequestHandler):
    """Answers one connection's requests; whatever is not in its table of routes is refused."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """Manifests, blobs, tags and referrers."""
        self._route()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 (the names that the library calls)

    def log_message(self, *_: object) -> None:
        """Requests are kept by the server, not printed."""

    @property
    def _server(self) -> "RegistryServer":
        return cast("RegistryServer", self.server)

    def _route(self) -> None:
        parts = urlsplit(self.path)
        self._query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._body = self._read()
        refused = self._server.heard(f"{self.command} {self.path}", self.headers.get("Authorization"))
        if refused is not None:
            self._answer(refused, {"WWW-Authenticate": 'Basic realm="stand-in"'} if refused == 401 else {})
            return
        for methods, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found is not None and self.command in methods:
                answer(self, **found.groupdict())
                return
        self._refuse(404, "UNSUPPORTED")

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _LARGEST_BODY))

    # --- routes ---------------------------------------------------------------------------------------------------

    def _version(self) -> None:
        self._answer(200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}")

    def _get_manifest(self, path: str, name: str) -> None:
        held = self._server.store.manifest(path, name)
        if held is None:
            self._refuse(404, "MANIFEST_UNKNOWN")
            return
        self._answer(200, {"Content-Type": held.media_type, "Docker-Content-Digest": held.digest}, held.content)

    def _put_manifest(self, path: str, name: str) -> None:
        manifest = HeldManifest(self.headers.get("Content-Type", ""), self._body)
        problem = self._server.store.put_manifest(path, name, manifest)
        if problem:
            self._refuse(400, problem)
            return
        location = f"/v2/{path}/manifests/{manifest.digest}"
        self._answer(201, {"Location": location, "Docker-Content-Digest": manifest.digest})

    def _get_blob(self, path: str, digest: str) -> None:
        held = self._server.store.blob(path, digest)
        if held is None:
            self._refuse(404, "BLOB_UNKNOWN")
            return
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        self._answer(200, headers, held)

    def _begin(self, path: str) -> None:
        if "digest" in self._query:
            self._keep(path, self._body)
            return
        upload = uuid.uuid4().hex
        self._server.uploads[upload] = b""
        self._answer(202, {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": "0-0"})

    def _append(self, path: str, upload: str) -> None:
        if upload not in self._server.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._server.uploads[upload] += self._body
        end = max(0, len(self._server.uploads[upload]) - 1)
        self._answer(202, {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": f"0-{end}"})

    def _end(self, path: str, upload: str) -> None:
        if upload not in self._server.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._keep(path, self._server.uploads.pop(upload) + self._body)

    def _keep(self, path: str, content: bytes) -> None:
        digest = self._query.get("digest", "")
        if not self._server.store.put_blob(path, digest, content):
            self._refuse(400, "DIGEST_INVALID")
            return
        self._answer(201, {"Location": f"/v2/{path}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _referrers(self, path: str, digest: str) -> None:
        found = self._server.store.referrers(path, digest, self._query.get("artifactType"))
        applied = {"OCI-Filters-Applied": "artifactType"} if "artifactType" in self._query else {}
        self._answer(200, {"Content-Type": OCI_INDEX, **applied}, index_of(found))

    def _tags(self, path: str) -> None:
        content = {"name": path, "tags": self._server.store.tags(path)}
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
    (_READ, "/v2/?", RegistryHandler._version),
    (_READ, f"{_NAME}/manifests/(?P<name>[^/]+)", RegistryHandler._get_manifest),
    (("PUT",), f"{_NAME}/manifests/(?P<name>[^/]+)", RegistryHandler._put_manifest),
    (_READ, f"{_NAME}/blobs/(?P<digest>{_DIGEST})", RegistryHandler._get_blob),
    (("POST",), f"{_NAME}/blobs/uploads/", RegistryHandler._begin),
    (("PATCH",), f"{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", RegistryHandler._append),
    (("PUT",), f"{_NAME}/blobs/uploads/(?P<upload>[0-9a-f]+)", RegistryHandler._end),
    (("GET",), f"{_NAME}/referrers/(?P<digest>{_DIGEST})", RegistryHandler._referrers),
    (("GET",), f"{_NAME}/tags/list", RegistryHandler._tags),
)
