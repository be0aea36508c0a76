"""Which failed pushes of BuildKit are repeated, by the texts of its errors."""

import pytest
from image_builder_adapters.buildkit.push_again import PUSH_POLICY, push_again
from image_builder_domain.build import PushFailed

URL = "http://127.0.0.1:5000/v2/app/blobs/uploads/"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param(f"failed to push a: unexpected status from POST request to {URL}: 429 Too Many Requests", 15.0),
        pytest.param(f"failed to push a: unexpected status from PUT request to {URL}: 500 Internal Server Error", 0.0),
        pytest.param(f"failed to push a: unexpected status from PUT request to {URL}: 503 Service Unavailable", 0.0),
        pytest.param(f'failed to do request: Head "{URL}": read tcp 1->2: read: connection reset by peer', 0.0),
        pytest.param(f'failed to do request: Put "{URL}": EOF', 0.0),
        pytest.param(f'failed to do request: Head "{URL}": dial tcp 127.0.0.1:5000: connect: connection refused', 0.0),
        pytest.param(f'failed to do request: Put "{URL}": write tcp 1->2: write: broken pipe', 0.0),
        pytest.param(f'failed to do request: Head "{URL}": dial tcp 10.0.0.1:443: i/o timeout', 0.0),
        pytest.param(f"failed to push a: unexpected status from POST request to {URL}: 403 Forbidden", None),
        pytest.param(f"failed to push a: unexpected status from PUT request to {URL}: 405 Method Not Allowed", None),
        pytest.param("failed to authorize: unexpected status from GET request to http://t/token: 401 Unauth", None),
        pytest.param("push access denied, repository does not exist or may require authorization", None),
        pytest.param(f'failed to do request: Head "{URL}": x509: certificate signed by unknown authority', None),
        pytest.param("something new", None),
    ],
)
def test_only_what_may_pass_is_repeated(reason: str, expected: float | None) -> None:
    assert push_again(PushFailed(reason)) == expected


def test_the_pauses_stay_short() -> None:
    assert [PUSH_POLICY.pause(failures) for failures in range(1, PUSH_POLICY.attempts)] == [2.0, 4.0]
