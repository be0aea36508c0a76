"""Who builds: every combination of what the command line and the environment say."""

import pytest
from image_builder_adapters.plugins import ENGINE_CHOICE
from image_builder_domain.plan.backend import decide_backend
from returns.result import Failure, Success


@pytest.mark.parametrize(
    ("asked", "in_ado", "variable", "expected"),
    [
        pytest.param(None, False, None, "kaniko", id="nothing-said"),
        pytest.param(None, False, "", "kaniko", id="empty-variable"),
        pytest.param(None, False, "false", "kaniko", id="variable-says-no"),
        pytest.param(None, False, "true", "buildkit", id="variable-says-yes"),
        pytest.param("buildkit", False, None, "buildkit", id="flag"),
        pytest.param("buildkit", False, "true", "buildkit", id="both-agree-on-buildkit"),
        pytest.param("kaniko", False, "false", "kaniko", id="both-agree-on-kaniko"),
        pytest.param("ado", False, "true", "ado", id="the-pipeline-takes-the-variable"),
        pytest.param(None, True, "true", "ado", id="the-pipeline-by-its-own-flag"),
        pytest.param("ado", True, None, "ado", id="the-pipeline-by-both"),
    ],
)
def test_the_backend_of_flags_and_variable(
    asked: str | None, in_ado: bool, variable: str | None, expected: str
) -> None:
    environment = {} if variable is None else {"USE_BUILDKIT": variable}
    assert decide_backend(asked, in_ado, environment, ENGINE_CHOICE) == Success(expected)


@pytest.mark.parametrize(
    ("asked", "in_ado", "variable", "words"),
    [
        pytest.param("kaniko", False, "true", "kaniko contradicts USE_BUILDKIT=true", id="kaniko"),
        pytest.param("buildkit", False, "false", "buildkit contradicts USE_BUILDKIT=false", id="buildkit"),
        pytest.param("kaniko", True, "", "kaniko contradicts --build-in-ado", id="kaniko-in-the-pipeline"),
        pytest.param("buildkit", True, "true", "buildkit contradicts --build-in-ado", id="buildkit-in-the-pipeline"),
        pytest.param(None, False, "yes", "'yes' is not true or false", id="no-boolean"),
    ],
)
def test_contradiction_is_refused(asked: str | None, in_ado: bool, variable: str, words: str) -> None:
    decided = decide_backend(asked, in_ado, {"USE_BUILDKIT": variable}, ENGINE_CHOICE)
    assert isinstance(decided, Failure)
    assert words in str(decided.failure()[0])
