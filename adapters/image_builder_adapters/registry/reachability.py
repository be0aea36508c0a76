"""Whether a registry answers at all, for ``doctor``: one ``GET /v2/``, within a few seconds, without credentials.

OCI Distribution Specification, "Determining Support". Whether the credentials are good only the work itself can tell:
services check them for a repository and an action.
"""

from typing import Final

from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer, HttpClient, HttpRequest, HttpSender, Timeouts
from image_builder_adapters.registry.resolver import base_url

_TIMEOUTS: Final = Timeouts(connect_seconds=3.0, read_seconds=3.0, whole_seconds=5.0)
_LARGEST_ANSWER: Final = 64 * 1024


def impatient_client() -> HttpClient:
    """A client that waits 5 s at most."""
    return HttpClient(timeouts=_TIMEOUTS)


def reachable(repository: Repository, client: HttpSender, cancellation: Cancellation) -> Result[str, str]:
    """What the registry of this repository answers, in words, or why it cannot be used."""
    url = f"{base_url(repository)}/v2/"
    answer = unwrap_or_failure(client.send(HttpRequest("GET", url), cancellation, _LARGEST_ANSWER))
    if not isinstance(answer, HttpAnswer):
        return Failure(str(answer))
    match answer.status:
        case 200:
            return Success("answers, without asking who we are")
        case 401 if answer.header("WWW-Authenticate"):
            return Success("answers, and asks who we are")
        case status:
            return Failure(f"{url}: answers {status}, which no registry does")
