"""The identity token of this job, which the pipeline takes as ``Authorization``: it proves which job asks.

Source: GitHub Actions, "About security hardening with OpenID Connect".
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import read_json
from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
    is_loopback_host,
    shown_url,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries

AUDIENCE: Final = "image-builder"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def can_ask(environment: Mapping[str, str]) -> bool:
    """Whether this job may ask for an identity token (``permissions: id-token: write``)."""
    return bool(environment.get(_URL) and environment.get(_TOKEN))


def identity_token(
    environment: Mapping[str, str], sender: HttpSender, policy: RetryPolicy, cancellation: Cancellation
) -> Result[str, NoAnswer]:
    """A new token, or why there is none."""
    url, login = f"{environment[_URL]}&audience={AUDIENCE}", environment[_TOKEN]
    if not _is_secure(url):
        return Failure(_unusable(_URL, "it is no https URL"))
    headers = (("Authorization", f"bearer {login}"), ("Accept", "application/json"))
    request = HttpRequest("GET", url, headers)
    done = send_with_retries(sender, request, policy, cancellation, LARGEST_ERROR_BODY)
    answer = unwrap_or_failure(done.last)
    if isinstance(answer, NoAnswer):
        return Failure(answer)
    if isinstance(answer, AnswerTooLarge):
        return Failure(_unusable(shown_url(url), str(answer)))
    content = read_json(answer.body)
    token = content.get("value") if isinstance(content, dict) and answer.status == 200 else None
    if not isinstance(token, str) or re.fullmatch(r"[\x21-\x7e]+", token) is None:
        return Failure(_unusable(shown_url(url), f"the answer ({answer.status}) holds no token"))
    return Success(token)


def _is_secure(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(parts.hostname or ""))


def _unusable(where: str, reason: str) -> NoAnswer:
    return NoAnswer(where, reason, NoAnswerKind.UNUSABLE_REQUEST, may_have_arrived=False)
