"""Tokens in compact form, valid or not, the claims of GitHub's tokens, and the keys that sign them.

Keys are RSA for RS256 and P-256 for ES256, made with ``cryptography`` alone (RFC 7517, RFC 7518).

Source of the claims: GitHub, "OpenID Connect reference", and the worked examples there.
"""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_COORDINATE_BYTES = 32


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@final
@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name that the issuer gives it."""

    key_id: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def rsa(cls, key_id: str, bits: int = 2048) -> Self:
        """A new RSA key."""
        return cls(key_id, rsa.generate_private_key(65537, bits))

    @classmethod
    def ec(cls, key_id: str) -> Self:
        """A new P-256 key."""
        return cls(key_id, ec.generate_private_key(ec.SECP256R1()))

    @property
    def algorithm(self) -> str:
        """``RS256`` or ``ES256``."""
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    def sign(self, data: bytes) -> bytes:
        """The signature as JWS has it: for ES256 both numbers one after the other."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        numbers = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(_COORDINATE_BYTES) for number in numbers)

    def public_pem(self) -> bytes:
        """The public key, PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)

    def jwk(self) -> dict[str, Any]:
        """The public key as it stands in the issuer's set."""
        common = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        if isinstance(self.private, rsa.RSAPrivateKey):
            numbers = self.private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), **common}
        point = self.private.public_key().public_numbers()
        coordinates = {name: base64url(value.to_bytes(_COORDINATE_BYTES)) for name, value in _coordinates(point)}
        return {"kty": "EC", "crv": "P-256", **coordinates, **common}


def _coordinates(point: ec.EllipticCurvePublicNumbers) -> tuple[tuple[str, int], ...]:
    return (("x", point.x), ("y", point.y))


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


LIFETIME_SECONDS = 300


def github_claims(
    issuer: str, repository: str, ref: str, sha: str, event: str = "push", audience: str = "image-builder"
) -> dict[str, Any]:
    """What a token says of a job of ``repository`` that runs for ``event`` now."""
    now, owner = int(time.time()), repository.partition("/")[0]
    return {
        "jti": str(uuid.uuid4()),
        "sub": f"repo:{repository}:ref:{ref}",
        "aud": audience,
        "ref": ref,
        "sha": sha,
        "repository": repository,
        "repository_owner": owner,
        "run_id": "1",
        "actor": "octocat",
        "workflow": "build",
        "head_ref": "",
        "base_ref": "",
        "event_name": event,
        "ref_protected": "false",
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "runner_environment": "github-hosted",
        "iss": issuer,
        "nbf": now - 10,
        "exp": now + LIFETIME_SECONDS,
        "iat": now,
    }


def signed(key: SigningKey, claims: Mapping[str, Any] | bytes, header: Mapping[str, Any] | bytes | None = None) -> str:
    """A token that ``key`` signs; header and claims may be any bytes."""
    usual = {"typ": "JWT", "alg": key.algorithm, "kid": key.key_id}
    text = f"{_part(usual if header is None else header)}.{_part(claims)}"
    return f"{text}.{base64url(key.sign(text.encode()))}"


def unsigned(claims: Mapping[str, Any], header: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token with any signature."""
    return f"{_part(header)}.{_part(claims)}.{base64url(signature)}"


def _part(content: Mapping[str, Any] | bytes) -> str:
    return base64url(content if isinstance(content, bytes) else json.dumps(content).encode())
