"""The identity token of a GitHub job, which the pipeline takes as ``Authorization``: it proves which job asks.

Source: GitHub Actions, "About security hardening with OpenID Connect".
"""

from collections.abc import Mapping
from typing import Final

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import read_object
from image_builder_adapters.azure_devops.credential import is_token
from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    HttpAnswer,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
    shown_url,
)
from image_builder_adapters.http.message import may_carry_secrets
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries

AUDIENCE: Final = "image-builder"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def can_ask(environment: Mapping[str, str]) -> bool:
    """Whether this job can request an identity token (``permissions: id-token: write``)."""
    return bool(environment.get(_URL) and environment.get(_TOKEN))


def identity_token(
    environment: Mapping[str, str], sender: HttpSender, policy: RetryPolicy, cancellation: Cancellation
) -> Result[str, NoAnswer]:
    """A new token, or why there is none."""
    url, login = f"{environment[_URL]}&audience={AUDIENCE}", environment[_TOKEN]
    if not may_carry_secrets(url):
        return Failure(_unusable(_URL, "the value is not an https URL"))
    request = HttpRequest("GET", url, (("Authorization", f"bearer {login}"), ("Accept", "application/json")))
    done = send_with_retries(sender, request, policy, cancellation, LARGEST_ERROR_BODY)
    answer = unwrap_or_failure(done.last)
    if isinstance(answer, NoAnswer):
        return Failure(answer)
    if not isinstance(answer, HttpAnswer):
        return Failure(_unusable(shown_url(url), str(answer)))
    token = read_object(answer.body).get("value") if answer.status == 200 else None
    if not is_token(token):
        return Failure(_unusable(shown_url(url), f"the answer ({answer.status}) has no token"))
    return Success(token)


def _unusable(where: str, reason: str) -> NoAnswer:
    return NoAnswer(where, reason, NoAnswerKind.UNUSABLE_REQUEST, may_have_arrived=False)
