"""Whether a commit lies on a branch, as the remote-tracking refs of the checkout say.

Local branches prove nothing: Prow's clonerefs, for one, makes a local branch of the claimed name at the claimed commit.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from image_builder_domain.job.git_state import CiSystem


class OnBranch(Enum):
    """The answer for one branch: every ``refs/remotes/*/BRANCH`` was compared. Only ``YES`` proves anything."""

    YES = "it lies on the branch"
    NO = "it does not lie on the branch"
    NOT_FETCHED = "the checkout has no remote-tracking ref of the branch"
    SHALLOW = "the checkout is shallow, and its history ends before the commit"
    UNREADABLE = "the history cannot be read; it needs the git program and a readable .git"


History: TypeAlias = Mapping[str, OnBranch]
"""The answers about the commit of a job, by the short name of the branch (``main``, ``release/1.2``)."""

_WHOLE = {
    CiSystem.GITHUB: "set fetch-depth: 0 for actions/checkout",
    CiSystem.GITLAB: "set the variable GIT_DEPTH to 0",
    CiSystem.AZURE_PIPELINES: "set fetchDepth: 0 for the checkout step",
    CiSystem.JENKINS: "turn off the shallow clone of the checkout",
    CiSystem.PROW: "fetch the whole history (in Prow, remove clone_depth from the job)",
}


def history_hint(answer: OnBranch, system: CiSystem) -> str:
    """What to change so that the next run can answer ``YES``; empty where no change helps."""
    whole = _WHOLE.get(system, "fetch the whole history")
    match answer:
        case OnBranch.SHALLOW:
            return whole
        case OnBranch.NOT_FETCHED:
            return f"{whole}, or fetch the branch to refs/remotes/origin/"
        case OnBranch.UNREADABLE:
            return "install git in the job's image, and check the sources out with it"
        case OnBranch.YES | OnBranch.NO:
            return ""
