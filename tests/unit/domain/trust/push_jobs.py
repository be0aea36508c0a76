"""Push-like jobs of every CI system as a hypothesis strategy: real variables and payloads, and what is true of them.

What is true is written down beside the variables when they are made, so that a test can judge by trust.md alone and
never has to ask the product what a variable means.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final, final

from hypothesis import strategies as st

from tests import jobs
from tests.jobs import prow_job

BRANCHES: Final = ("main", "master", "Main", "fix/typo", "release/1.2", "release/1/2", "v1.2.3", "refs/tags/v1.2.3")
TAGS: Final = ("v1.2.3", "main", "release/1.2", "refs/heads/main")


@final
@dataclass(frozen=True, slots=True)
class PushJob:
    """One job with its variables, and the facts of it.

    ``kind`` is ``branch`` or ``tag``, or ``either`` where the CI system strips what would tell; ``name`` is without the
    prefix. ``is_started`` says that a person chose the commit. ``default_branch`` and ``is_fork`` are GitHub's.
    """

    environment: dict[str, str]
    system: str
    kind: str
    name: str
    host: str
    repository: str
    is_protected: bool
    is_started: bool = False
    default_branch: str | None = None
    is_fork: bool = False
    event: dict[str, Any] = field(default_factory=dict)

    @property
    def refs(self) -> tuple[str, ...]:
        """All full refs that it can be for."""
        kinds = {"branch": ("heads",), "tag": ("tags",), "either": ("heads", "tags")}[self.kind]
        return tuple(f"refs/{kind}/{self.name}" for kind in kinds)


def _ref(draw: st.DrawFn) -> tuple[str, str]:
    kind = draw(st.sampled_from(("branch", "branch", "tag")))
    return kind, draw(st.sampled_from(BRANCHES if kind == "branch" else TAGS))


def _protection(draw: st.DrawFn, name: str, *, words: tuple[str, str] = ("true", "false")) -> dict[str, str]:
    found = draw(st.sampled_from((*words, "", None)))
    return {} if found is None else {name: found}


_EVENTS: Final = ("push", "workflow_dispatch", "schedule", "release", "create", "repository_dispatch")


@st.composite
def github(draw: st.DrawFn) -> PushJob:
    """GitHub: every event that is for a branch or a tag."""
    kind, name = _ref(draw)
    event = draw(st.sampled_from(_EVENTS))
    default, fork = draw(st.sampled_from((name, name, "master", None))), draw(st.sampled_from((False, True, None)))
    if event in ("schedule", "repository_dispatch"):  # they are of the default branch
        kind, name = "branch", default or "main"
    if event in ("release", "create"):  # of a tag alone
        kind = "tag"
    ref = f"refs/{'heads' if kind == 'branch' else 'tags'}/{name}"
    repository = {key: value for key, value in jobs.REPOSITORY.items() if key not in ("fork", "default_branch")}
    repository |= {} if default is None else {"default_branch": default}
    repository |= {} if fork is None else {"fork": fork}
    payload = {
        "push": jobs.PUSH_EVENT | {"ref": ref},
        "workflow_dispatch": jobs.DISPATCH_EVENT | {"ref": ref},
        "schedule": jobs.SCHEDULE_EVENT,
        "release": jobs.RELEASE_EVENT | {"release": {"tag_name": name, "prerelease": False}},
        "create": jobs.CREATE_EVENT | {"ref": name},
        "repository_dispatch": jobs.REPOSITORY_DISPATCH_EVENT | {"branch": name},
    }[event]
    variables = {key: value for key, value in jobs.PUSH.items() if key != "GITHUB_REF_PROTECTED"}
    protection = _protection(draw, "GITHUB_REF_PROTECTED")
    return PushJob(
        variables | {"GITHUB_EVENT_NAME": event, "GITHUB_REF": ref} | protection,
        "GitHub",
        kind,
        name,
        "github.com",
        "acme/demo",
        protection.get("GITHUB_REF_PROTECTED") == "true",
        default_branch=default,
        is_fork=fork is not False,
        event=payload | {"repository": repository},
    )


@st.composite
def gitlab(draw: st.DrawFn) -> PushJob:
    """GitLab: every source of a pipeline that is for a branch or a tag."""
    kind, name = _ref(draw)
    started = ("web", "api", "trigger", "pipeline", "chat")
    source = draw(st.sampled_from(("push", "schedule", "parent_pipeline", *started)))
    dropped = ("CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_PROTECTED")
    variables = {key: value for key, value in jobs.GITLAB_PUSH.items() if key not in dropped}
    protection = _protection(draw, "CI_COMMIT_REF_PROTECTED")
    variables |= {"CI_PIPELINE_SOURCE": source, f"CI_COMMIT_{kind.upper()}": name, "CI_COMMIT_REF_NAME": name}
    return PushJob(
        variables | protection,
        "GitLab",
        kind,
        name,
        "gitlab.example",
        "acme/tools/demo",
        protection.get("CI_COMMIT_REF_PROTECTED") == "true",
        is_started=source in started,
    )


@st.composite
def azure(draw: st.DrawFn) -> PushJob:
    """Azure Pipelines: its own variables, which tell no protection."""
    kind, name = _ref(draw)
    reason = draw(
        st.sampled_from(("IndividualCI", "BatchedCI", "Schedule", "Manual", "ResourceTrigger", "BuildCompletion"))
    )
    ref = f"refs/{'heads' if kind == 'branch' else 'tags'}/{name}"
    variables = jobs.AZURE_PUSH | {"BUILD_REASON": reason, "BUILD_SOURCEBRANCH": ref}
    return PushJob(variables, "Azure", kind, name, "github.com", "acme/demo", False, is_started=reason == "Manual")


@st.composite
def declared(draw: st.DrawFn) -> PushJob:
    """Prow's names outside Prow: in Azure Pipelines, or anywhere with ``CI=true``."""
    name = draw(st.sampled_from(("main", "fix/typo", "release/1.2", "v1.2.3")))
    in_azure = draw(st.booleans())
    names = {"REPO_OWNER": "acme", "REPO_NAME": "demo", "PULL_BASE_SHA": jobs.BASE, "PULL_BASE_REF": name}
    if in_azure:
        word = draw(st.sampled_from(("postsubmit", "workflow_dispatch", "schedule")))
        variables = jobs.AZURE_DECLARED | names | {"JOB_TYPE": word}
    else:
        variables = {"CI": "true", "JOB_TYPE": "postsubmit"} | names
    return PushJob(variables, "declared", "either", name, "", "acme/demo", False, is_started=True)


@st.composite
def prow(draw: st.DrawFn) -> PushJob:
    """Prow: postsubmit and periodic jobs, which know the short name of a ref alone."""
    name = draw(st.sampled_from(("main", "master", "fix/typo", "release/1.2", "v1.2.3")))
    if draw(st.booleans()):
        variables = jobs.periodic(jobs.EXTRA | {"base_ref": name})
    else:
        variables = prow_job("postsubmit", jobs.BASE) | {"PULL_BASE_REF": name, "PULL_REFS": f"{name}:{jobs.BASE}"}
        spec = json.loads(variables["JOB_SPEC"])
        spec["refs"]["base_ref"] = name
        variables["JOB_SPEC"] = json.dumps(spec)
    return PushJob(variables, "Prow", "either", name, "github.com", "acme/demo", False)


@st.composite
def jenkins(draw: st.DrawFn) -> PushJob:
    """Jenkins: multibranch jobs, and others whose starter chooses what they build; the URL may be of any host."""
    host = draw(st.sampled_from(("github.com", "git.example", "evil.example")))
    variables = {key: value for key, value in jobs.JENKINS_PUSH.items() if key not in ("BRANCH_NAME", "JOB_NAME")}
    variables |= {"GIT_URL": f"https://{host}/acme/demo.git"}
    if draw(st.booleans()):
        kind, name = _ref(draw)
        variables |= {"BRANCH_NAME": name, "JOB_NAME": f"acme/demo/{name.replace('/', '%2F')}"}
        variables |= {"TAG_NAME": name} if kind == "tag" else {}
        return PushJob(variables, "Jenkins", kind, name, host, "acme/demo", False)
    name = draw(st.sampled_from(("main", "fix/typo", "release/1.2")))
    variables |= {"GIT_BRANCH": f"origin/{name}", "JOB_NAME": "nightly"}
    return PushJob(variables, "Jenkins", "branch", name, host, "acme/demo", False, is_started=True)


push_jobs: Final = st.one_of(github(), gitlab(), azure(), declared(), prow(), jenkins())
