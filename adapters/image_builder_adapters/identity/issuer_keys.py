"""The keys of an issuer: asked for by OpenID Connect Discovery, and kept for an hour.

Everything comes over https from the host of the issuer itself; no redirect is followed. A key that the issuer withdrew
is used for at most :data:`LONGEST_AGE_SECONDS`; older keys are never used, not even when the issuer is down.
Source: OpenID Connect Discovery 1.0, section 4; RFC 7517, section 5.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final
from urllib.parse import urlsplit

from image_builder_domain.artifacts import Artifacts
from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_file
from image_builder_adapters.http.client import AnswerTooLarge, HttpRequest, HttpSender, NoAnswer
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries

LONGEST_AGE_SECONDS: Final = 3600.0
LARGEST_DOCUMENT: Final = 256 * 1024
"""Bytes of one document; GitHub's have less than ten thousand."""
MOST_KEYS: Final = 100

_DISCOVERY: Final = "/.well-known/openid-configuration"
_JSON: Final = ("application/json", "application/jwk-set+json")

Keys: TypeAlias = tuple[Any, ...]


@final
@dataclass(frozen=True, slots=True)
class IssuerUnusable:
    """The issuer's keys are not available; ``where`` is a URL fit to be shown."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@final
class IssuerKeys:
    """The key set of one issuer. ``folder`` keeps it between runs; ``now`` gives seconds since 1970."""

    def __init__(
        self,
        issuer: str,
        sender: HttpSender,
        policy: RetryPolicy,
        files: Artifacts,
        folder: str,
        now: Callable[[], float],
    ) -> None:
        self._issuer = issuer
        self._sender = sender
        self._policy = policy
        self._files = files
        self._file = os.path.join(folder, f"{hashlib.sha256(issuer.encode()).hexdigest()[:32]}.json")
        self._now = now

    def kept(self) -> Keys | None:
        """The keys of an earlier run that are young enough; None without them."""
        content = read_file(self._file, "", LARGEST_DOCUMENT).value_or(b"")
        found = json_object(content, strict=True).value_or({})
        fetched, keys = found.get("fetched"), found.get("keys")
        if found.get("issuer") != self._issuer or not isinstance(keys, list) or not isinstance(fetched, (int, float)):
            return None
        return tuple(keys) if 0 <= self._now() - fetched <= LONGEST_AGE_SECONDS else None

    def fetched(self, cancellation: Cancellation) -> Result[Keys, IssuerUnusable]:
        """The keys as the issuer has them now; they are kept, if the folder can be written."""
        found = self._discovered(cancellation).bind(lambda url: self._key_set(url, cancellation))
        if isinstance(found, Success):
            kept = {"issuer": self._issuer, "fetched": self._now(), "keys": found.unwrap()}
            self._files.write(self._file, json.dumps(kept).encode())  # without it the next run asks again
        return found

    def _discovered(self, cancellation: Cancellation) -> Result[str, IssuerUnusable]:
        """Where the keys are."""
        url = self._issuer + _DISCOVERY

        def checked(document: dict[str, Any]) -> Result[str, IssuerUnusable]:
            if document.get("issuer") != self._issuer:
                return Failure(IssuerUnusable(url, "it describes another issuer"))
            keys = document.get("jwks_uri")
            if isinstance(keys, str) and self._is_own(keys):
                return Success(keys)
            return Failure(IssuerUnusable(url, "jwks_uri is not an https URL on the issuer's own host"))

        return self._document(url, cancellation).bind(checked)

    def _is_own(self, url: str) -> bool:
        """The same host and port; a URL with a user name has another ``netloc``."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        same = parts.netloc.lower() == urlsplit(self._issuer).netloc.lower()
        return parts.scheme == "https" and same and not parts.fragment and url.isascii() and url.isprintable()

    def _key_set(self, url: str, cancellation: Cancellation) -> Result[Keys, IssuerUnusable]:
        def checked(document: dict[str, Any]) -> Result[Keys, IssuerUnusable]:
            keys = document.get("keys")
            if isinstance(keys, list) and 0 < len(keys) <= MOST_KEYS:
                return Success(tuple(keys))
            return Failure(IssuerUnusable(url, f"it is not a set of 1 to {MOST_KEYS} keys"))

        return self._document(url, cancellation).bind(checked)

    def _document(self, url: str, cancellation: Cancellation) -> Result[dict[str, Any], IssuerUnusable]:
        request = HttpRequest("GET", url, (("Accept", "application/json"),))
        done = send_with_retries(self._sender, request, self._policy, cancellation, LARGEST_DOCUMENT)
        answer = unwrap_or_failure(done.last)
        if isinstance(answer, NoAnswer):
            return Failure(IssuerUnusable(answer.url, answer.reason))
        if isinstance(answer, AnswerTooLarge):
            return Failure(IssuerUnusable(answer.url, f"the answer is larger than {LARGEST_DOCUMENT} bytes"))
        if answer.status != 200:
            return Failure(IssuerUnusable(url, f"it answered {answer.status}"))
        kind = (answer.header("Content-Type") or "").partition(";")[0].strip().lower()
        document = json_object(answer.body, strict=True).value_or(None) if kind in _JSON else None
        if document is None:
            return Failure(IssuerUnusable(url, f"the answer is not a JSON object with unique names ({kind[:60]!r})"))
        return Success(document)
