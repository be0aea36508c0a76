"""Verify the signature of a token with a key of its issuer's set, and return its claims; PyJWT does the cryptography.

Only RS256 and ES256: ``none`` proves nothing, and with ``HS256`` a public key would be the secret. The algorithm must
be the key's own. Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 8725 (best current practices).
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_adapters.identity.issuer_keys import IssuerKeys, IssuerUnusable, Keys

LARGEST_TOKEN: Final = 16 * 1024
"""Characters; tokens of CI systems have about two thousand."""
SMALLEST_RSA_KEY: Final = 2048
"""Bits."""

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PUBLIC_PARTS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "RS256": {"kty": "RSA", "n": None, "e": None},
    "ES256": {"kty": "EC", "crv": "P-256", "x": None, "y": None},
}
"""What a key of an algorithm must have: this value, or for None any text. Nothing else of it is used."""


@final
@dataclass(frozen=True, slots=True)
class TokenRefused:
    """A token that proves nothing; ``reason`` holds none of its text but names of algorithm and key."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@final
@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token of the right form, whose signature is not verified yet."""

    text: str
    algorithm: str
    key_id: str

    def __repr__(self) -> str:
        return f"SignedToken({self.algorithm})"

    @classmethod
    def parse(cls, text: str) -> "Result[SignedToken, TokenRefused]":
        """Accept three parts in base64url with an algorithm that we take and the name of a key."""
        if len(text) > LARGEST_TOKEN or not _FORM.fullmatch(text):
            return Failure(TokenRefused("this is not a signed token (JWS in compact form)"))
        header = json_object(_decoded(text.partition(".")[0]), strict=True).value_or(None)
        if header is None:
            return Failure(TokenRefused("the header of the token is not a JSON object with unique names"))
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in _PUBLIC_PARTS:
            return Failure(TokenRefused(f"the algorithm {str(algorithm)[:40]!r} is not {' or '.join(_PUBLIC_PARTS)}"))
        if not isinstance(key_id, str) or not key_id:
            return Failure(TokenRefused("the token names no key (kid)"))
        if "crit" in header or "b64" in header:
            return Failure(TokenRefused("the token asks for an extension (crit, b64)"))
        return Success(cls(text, algorithm, key_id))

    def key_in(self, keys: Sequence[Any]) -> Mapping[str, Any] | None:
        """The only key with the name that the token gives; None without one, or with several."""
        found = [key for key in keys if isinstance(key, dict) and key.get("kid") == self.key_id]
        return found[0] if len(found) == 1 else None

    def claims(self, key: Mapping[str, Any]) -> Result[Mapping[str, Any], TokenRefused]:
        """The claims, once the signature is verified with this key."""
        import jwt  # the extra "pipeline"

        public = self._public_part(key)
        if public is None:
            return Failure(TokenRefused(f"the key {self.key_id[:80]!r} is not one for {self.algorithm} signatures"))
        try:
            made = jwt.PyJWK.from_dict(public, self.algorithm)
            if self.algorithm == "RS256" and made.key.key_size < SMALLEST_RSA_KEY:
                return Failure(TokenRefused(f"the key has fewer than {SMALLEST_RSA_KEY} bits"))
            payload = jwt.PyJWS().decode(self.text, made, algorithms=[self.algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            return Failure(TokenRefused(f"the signature is not valid for the key {self.key_id[:80]!r}"))
        claims = json_object(payload, strict=True).value_or(None)
        if claims is None:
            return Failure(TokenRefused("the token does not hold a JSON object with unique names"))
        return Success(claims)

    def _public_part(self, key: Mapping[str, Any]) -> dict[str, str] | None:
        if key.get("use", "sig") != "sig" or key.get("alg", self.algorithm) != self.algorithm:
            return None
        operations = key.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            return None
        parts = {name: key.get(name) for name in _PUBLIC_PARTS[self.algorithm]}
        wanted = _PUBLIC_PARTS[self.algorithm]
        found = {name: part for name, part in parts.items() if isinstance(part, str) and wanted[name] in (None, part)}
        return found if len(found) == len(wanted) else None


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


Unproven: TypeAlias = TokenRefused | IssuerUnusable


def verified_claims(text: str, keys: IssuerKeys, cancellation: Cancellation) -> Result[Mapping[str, Any], Unproven]:
    """The claims of a token whose signature is verified. What they say is for the caller to judge.

    Kept keys are used if the token's is among them. Otherwise the issuer is asked, once: it may have new ones.
    """
    return Result.do(claims for token in SignedToken.parse(text) for claims in _verified(token, keys, cancellation))


def _verified(token: SignedToken, keys: IssuerKeys, cancellation: Cancellation) -> Result[Mapping[str, Any], Unproven]:
    kept = token.key_in(keys.kept() or ())
    if kept is not None:
        return token.claims(kept)
    return Result.do(
        claims
        for fetched in keys.fetched(cancellation)
        for key in _named(token, fetched)
        for claims in token.claims(key)
    )


def _named(token: SignedToken, keys: Keys) -> Result[Mapping[str, Any], TokenRefused]:
    key = token.key_in(keys)
    if key is None:
        return Failure(TokenRefused(f"the issuer does not have exactly one key named {token.key_id[:80]!r}"))
    return Success(key)
