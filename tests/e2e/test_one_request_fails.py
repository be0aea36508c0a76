"""A build in which one request fails leaves no unsigned tag, says the truth, and is completed by a second run.

This is the short form of ``python -m tests.torture``, which lets every request fail.
"""

from collections.abc import Iterator

import pytest

from tests.buildkit import running_daemon
from tests.torture.proxy import Fault
from tests.torture.trial import Case, Stage, Verdict

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("torture")
    with running_daemon(folder / "buildkit") as address:
        yield Stage(folder, address)


@pytest.fixture(scope="module")
def usual(stage: Stage) -> Verdict:
    """A build without a fault."""
    verdict = stage.try_case(Case("buildkit", "notary", Fault.NONE, 0))
    assert verdict.problems == []
    return verdict


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        pytest.param(Fault.RESET, 0.1, id="reset"),
        pytest.param(Fault.LOST_ANSWER, 0.9, id="lost-answer"),
        pytest.param(Fault.SERVER_ERROR, 0.85, id="server-error"),
        pytest.param(Fault.FORBIDDEN, 0.5, id="forbidden"),
        pytest.param(Fault.TOO_MANY, 0.8, id="too-many"),
        pytest.param(Fault.STALL, 0.6, id="stall"),
        pytest.param(Fault.SIGTERM, 0.75, id="sigterm"),
        pytest.param(Fault.SIGKILL, 0.95, id="sigkill"),
    ],
)
def test_no_tag_names_an_unsigned_image_and_a_second_run_completes_all(
    stage: Stage, usual: Verdict, fault: Fault, place: float
) -> None:
    verdict = stage.try_case(Case("buildkit", "notary", fault, round(usual.requests * place)), usual.digests)
    assert verdict.problems == [], verdict.hit
