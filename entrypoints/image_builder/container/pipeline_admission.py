"""What the admission of a run in Azure Pipelines needs: a parser of YAML, and a verifier of identity tokens."""

import os
import time
from collections.abc import Mapping
from typing import Any

from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.http.client import HttpClient
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.identity.issuer_keys import IssuerKeys
from image_builder_adapters.identity.signed_token import verified_claims
from image_builder_adapters.redaction import Redactor
from image_builder_domain.ports import Cancellation
from returns.result import Result

from image_builder.default_folders import state_directory


def read_token(
    text: str, issuer: str, environment: Mapping[str, str], cancellation: Cancellation
) -> Result[Mapping[str, Any], Any]:
    """The claims of a token whose signature the issuer's keys confirm; these are kept between runs."""
    folder = os.path.join(state_directory(environment), "issuer-keys")
    policy = RetryPolicy(attempts=3, pause_seconds=1.0, growth=2.0, longest_pause_seconds=10.0)
    client = HttpClient()
    try:
        keys = IssuerKeys(issuer, client, policy, FileArtifacts("", Redactor()), folder, time.time)
        return verified_claims(text, keys, cancellation)
    finally:
        client.close()
