"""Verify a token and return its claims."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result

from image_builder_adapters.identity.issuer_keys import IssuerKeys, IssuerUnusable, Keys
from image_builder_adapters.identity.signed_token import SignedToken, TokenRefused

Unproven: TypeAlias = TokenRefused | IssuerUnusable


def verified_claims(text: str, keys: IssuerKeys, cancellation: Cancellation) -> Result[Mapping[str, Any], Unproven]:
    """The claims of a token whose signature is verified. What they say is for the caller to judge.

    Kept keys are used if the token's is among them. Otherwise the issuer is asked, once: it may have new ones.
    """
    parsed: Result[SignedToken, Unproven] = SignedToken.parse(text)
    return parsed.bind(lambda token: _verified(token, keys, cancellation))


def _verified(token: SignedToken, keys: IssuerKeys, cancellation: Cancellation) -> Result[Mapping[str, Any], Unproven]:
    kept = token.key_in(keys.kept() or ())
    if kept is not None:
        return token.claims(kept)

    def with_new(found: Keys) -> Result[Mapping[str, Any], Unproven]:
        key = token.key_in(found)
        if key is None:
            return Failure(TokenRefused(f"the issuer does not have exactly one key named {token.key_id[:80]!r}"))
        return token.claims(key)

    fetched: Result[Keys, Unproven] = keys.fetched(cancellation)
    return fetched.bind(with_new)
