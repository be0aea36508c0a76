"""Access tokens of a service principal: requests, renewal, and messages of refusals."""

import json
from collections.abc import Callable
from typing import final
from urllib.parse import parse_qs

import pytest
from image_builder_adapters.azure_devops.access_token import Authenticator
from image_builder_adapters.azure_devops.credential import ServicePrincipal
from image_builder_adapters.http.client import HttpAnswer, HttpFailure, HttpRequest, NoAnswer, NoAnswerKind
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

PRINCIPAL = ServicePrincipal("tenant", "client", secret="s+cret/=")
HOUR = 3600.0


@final
class TokenService:
    """Answers ``answers`` in order, then tokens that live for ``life`` seconds."""

    def __init__(self, *answers: Result[HttpAnswer, HttpFailure], life: object = HOUR) -> None:
        self.requests: list[HttpRequest] = []
        self.answers = list(answers)
        self.life = life

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)
        token = {"token_type": "Bearer", "expires_in": self.life, "access_token": f"t{len(self.requests)}"}
        return answered(200, token)


def answered(status: int, content: object) -> Result[HttpAnswer, HttpFailure]:
    return Success(HttpAnswer(status, (("Content-Type", "application/json"),), json.dumps(content).encode()))


def refused(code: int, description: str) -> Result[HttpAnswer, HttpFailure]:
    words = f"AADSTS{code}: {description}\r\nTrace ID: 1\r\nCorrelation ID: 2"
    return answered(401, {"error": "invalid_client", "error_description": words, "error_codes": [code]})


def unreachable() -> Result[HttpAnswer, HttpFailure]:
    return Failure(NoAnswer("https://login", "timed out", NoAnswerKind.TRANSIENT))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def authenticator(
    service: TokenService, clock: Callable[[], float], learned: list[str] | None = None, attempts: int = 2
) -> Authenticator:
    learn = learned.append if learned is not None else lambda _: None
    return Authenticator(PRINCIPAL, service, RetryPolicy(attempts=attempts), learn, clock)


def test_the_request_is_a_form_with_every_value_encoded() -> None:
    service = TokenService()
    authenticator(service, Clock()).header(ManualCancellation()).unwrap()
    (request,) = service.requests
    assert request.url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    assert b"client_secret=s%2Bcret%2F%3D" in request.body
    assert parse_qs(request.body.decode())["scope"] == ["499b84ac-1321-427f-aa17-267ca6975798/.default"]


def test_a_token_is_kept_until_five_minutes_before_its_end() -> None:
    service, clock, learned = TokenService(), Clock(), list[str]()
    found = authenticator(service, clock, learned)
    assert found.header(ManualCancellation()) == Success("Bearer t1")
    clock.now = HOUR - 301
    assert found.header(ManualCancellation()) == Success("Bearer t1")
    clock.now = HOUR - 299
    assert found.header(ManualCancellation()) == Success("Bearer t2")
    assert learned == ["t1", "t2"]


def test_a_short_lived_token_is_not_renewed_for_each_request() -> None:
    service, clock = TokenService(life="200"), Clock()
    found = authenticator(service, clock)
    found.header(ManualCancellation())
    clock.now = 99
    assert found.header(ManualCancellation()) == Success("Bearer t1")


def test_a_valid_token_is_used_while_the_token_service_is_unavailable() -> None:
    service, clock = TokenService(), Clock()
    found = authenticator(service, clock)
    found.header(ManualCancellation())
    service.answers = [unreachable()] * 4
    clock.now = HOUR - 10
    assert found.header(ManualCancellation()) == Success("Bearer t1")
    clock.now = HOUR + 10
    failure = found.header(ManualCancellation()).failure()
    assert failure.kind is NoAnswerKind.TRANSIENT
    assert not failure.may_have_arrived


def test_a_refused_token_is_replaced_and_an_urgent_request_uses_any_valid_token() -> None:
    service, clock = TokenService(), Clock()
    found = authenticator(service, clock)
    found.header(ManualCancellation())
    assert found.header(ManualCancellation(), anew=True) == Success("Bearer t2")
    clock.now = HOUR - 10
    assert found.header(ManualCancellation(), urgent=True) == Success("Bearer t2")
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (700016, "AZURE_CLIENT_ID"),
        (7000215, "not its id"),
        (7000222, "make a new one"),
        (90002, "AZURE_TENANT_ID"),
        (700211, "issuer and subject"),
        (700213, "issuer and subject"),
        (700024, "AZURE_FEDERATED_TOKEN_FILE"),
        (1, "AADSTS1: why"),
    ],
)
def test_a_refusal_is_final_and_explained_without_trace_ids(code: int, hint: str) -> None:
    service = TokenService(refused(code, "why"))
    failure = authenticator(service, Clock(), attempts=5).header(ManualCancellation()).failure()
    assert failure.kind is NoAnswerKind.UNUSABLE_REQUEST
    assert hint in failure.reason
    assert "Trace ID" not in failure.reason
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_token_service_is_retried(status: int) -> None:
    service = TokenService(answered(status, {}))
    assert authenticator(service, Clock()).header(ManualCancellation()) == Success("Bearer t2")


@pytest.mark.parametrize("content", [{}, [], {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": 1}])
def test_an_answer_without_a_usable_token_is_a_failure(content: object) -> None:
    failure = authenticator(TokenService(answered(200, content)), Clock()).header(ManualCancellation()).failure()
    assert "no token" in failure.reason
