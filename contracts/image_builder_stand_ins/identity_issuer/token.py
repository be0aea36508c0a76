"""Tokens in compact form, right or wrong, and the claims that GitHub's have.

Source of the claims: GitHub, "OpenID Connect reference", and the worked examples there.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from image_builder_stand_ins.identity_issuer.signing_key import SigningKey, base64url

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
