"""What a user is told to do when the history cannot prove where a commit lies."""

import pytest
from image_builder_domain.job.state import CiSystem
from image_builder_domain.trust.history import OnBranch, history_hint


@pytest.mark.parametrize(
    ("system", "depth"),
    [
        (CiSystem.GITHUB, "fetch-depth: 0"),
        (CiSystem.GITLAB, "GIT_DEPTH to 0"),
        (CiSystem.AZURE_PIPELINES, "fetchDepth: 0"),
        (CiSystem.JENKINS, "shallow clone"),
        (CiSystem.PROW, "clone_depth"),
        (CiSystem.LOCAL, "whole history"),
    ],
)
def test_a_shallow_clone_is_told_which_depth_its_ci_system_needs(system: CiSystem, depth: str) -> None:
    assert depth in history_hint(OnBranch.SHALLOW, system)
    assert depth in history_hint(OnBranch.NOT_FETCHED, system)


def test_a_missing_git_program_has_a_hint_and_a_known_answer_has_none() -> None:
    assert "install git" in history_hint(OnBranch.UNREADABLE, CiSystem.PROW)
    assert history_hint(OnBranch.YES, CiSystem.PROW) == history_hint(OnBranch.NO, CiSystem.PROW) == ""
