"""Who builds: every combination of what the command line and the environment say."""

import pytest
from image_builder_domain.plan.backend import Backend, decide_backend
from returns.result import Failure, Success


@pytest.mark.parametrize(
    ("asked", "in_ado", "variable", "expected"),
    [
        pytest.param(None, False, None, Backend.KANIKO, id="nothing-said"),
        pytest.param(None, False, "", Backend.KANIKO, id="empty-variable"),
        pytest.param(None, False, "false", Backend.KANIKO, id="variable-says-no"),
        pytest.param(None, False, "true", Backend.BUILDKIT, id="variable-says-yes"),
        pytest.param("buildkit", False, None, Backend.BUILDKIT, id="flag"),
        pytest.param("buildkit", False, "true", Backend.BUILDKIT, id="both-agree-on-buildkit"),
        pytest.param("kaniko", False, "false", Backend.KANIKO, id="both-agree-on-kaniko"),
        pytest.param("ado", False, "true", Backend.ADO, id="the-pipeline-takes-the-variable"),
        pytest.param(None, True, "true", Backend.ADO, id="the-pipeline-by-its-own-flag"),
        pytest.param("ado", True, None, Backend.ADO, id="the-pipeline-by-both"),
    ],
)
def test_backend_is_what_was_said(asked: str | None, in_ado: bool, variable: str | None, expected: Backend) -> None:
    environment = {} if variable is None else {"USE_BUILDKIT": variable}
    assert decide_backend(asked, in_ado, environment) == Success(expected)


@pytest.mark.parametrize(
    ("asked", "in_ado", "variable", "words"),
    [
        pytest.param("kaniko", False, "true", "kaniko contradicts USE_BUILDKIT=true", id="kaniko"),
        pytest.param("buildkit", False, "false", "buildkit contradicts USE_BUILDKIT=false", id="buildkit"),
        pytest.param("kaniko", True, "", "kaniko contradicts --build-in-ado", id="kaniko-in-the-pipeline"),
        pytest.param("buildkit", True, "true", "buildkit contradicts --build-in-ado", id="buildkit-in-the-pipeline"),
        pytest.param(None, False, "yes", "'yes' is neither true nor false", id="no-boolean"),
    ],
)
def test_contradiction_is_refused(asked: str | None, in_ado: bool, variable: str, words: str) -> None:
    decided = decide_backend(asked, in_ado, {"USE_BUILDKIT": variable})
    assert isinstance(decided, Failure)
    assert words in str(decided.failure()[0])
