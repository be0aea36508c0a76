"""A build in which one request fails leaves no unsigned tag, says the truth, and is completed by a second run.

This is the short form of ``python -m tests.torture``, which lets every request fail.
"""

from collections.abc import Iterator

import pytest

from tests.buildkit import running_daemon
from tests.torture.proxy import Fault
from tests.torture.trial import ENGINES, Case, Stage, Verdict

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("torture")
    with running_daemon(folder / "buildkit") as address:
        yield Stage(folder, address)


@pytest.fixture(scope="module")
def usual(stage: Stage) -> dict[str, Verdict]:
    """A build with each engine without a fault."""
    found = {engine: stage.try_case(Case(engine, "notary", Fault.NONE, 0)) for engine in ENGINES}
    assert [verdict.problems for verdict in found.values()] == [[], []]
    return found


@pytest.mark.parametrize(
    ("engine", "fault", "place"),
    [
        pytest.param("buildkit", Fault.RESET, 0.1, id="reset"),
        pytest.param("buildkit", Fault.LOST_ANSWER, 0.9, id="lost-answer"),
        pytest.param("buildkit", Fault.SERVER_ERROR, 0.85, id="server-error"),
        pytest.param("buildkit", Fault.FORBIDDEN, 0.3, id="forbidden"),
        pytest.param("buildkit", Fault.TOO_MANY, 0.8, id="too-many"),
        pytest.param("buildkit", Fault.STALL, 0.6, id="stall"),
        pytest.param("buildkit", Fault.SIGTERM, 0.75, id="sigterm"),
        pytest.param("buildkit", Fault.SIGKILL, 0.95, id="sigkill"),
        pytest.param("kaniko", Fault.LOST_ANSWER, 0.35, id="kaniko-lost-answer"),
        pytest.param("kaniko", Fault.FORBIDDEN, 0.3, id="kaniko-forbidden"),
    ],
)
def test_no_tag_names_an_unsigned_image_and_a_second_run_completes_all(
    stage: Stage, usual: dict[str, Verdict], engine: str, fault: Fault, place: float
) -> None:
    at = round(usual[engine].requests * place)
    verdict = stage.try_case(Case(engine, "notary", fault, at), usual[engine].digests)
    assert verdict.problems == [], verdict.hit
