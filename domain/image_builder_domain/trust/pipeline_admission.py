"""Whether a run of the shipped Azure DevOps pipeline may build.

The person who starts a run chooses its parameters, so they are claims. Administrators list in the variable group which
repositories and refs are production, and the identity token of the calling job proves which of them started the run.
The signature of the token is verified elsewhere; this module judges its claims.

Source of the claims: GitHub, "OpenID Connect reference"; of their meaning: RFC 7519, section 4.1.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.production_ref import (
    BRANCH,
    TAG,
    NotProductionRef,
    ProductionRef,
    ProductionRefs,
    branch_ref,
    production_refs,
)
from image_builder_domain.job import variable
from image_builder_domain.job.azure_pipelines import given_variables
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problem, Problems, gather, nearest, refuse
from image_builder_domain.yaml_document import Node

AUTHORIZATION: Final = "Authorization"
REFS: Final = "PRODUCTION_REFS"
DEFAULT_ISSUER: Final = "https://token.actions.githubusercontent.com"
DEFAULT_AUDIENCE: Final = "image-builder"
DEFAULT_SOURCE: Final = "https://github.com"
LEEWAY_SECONDS: Final = 60.0
"""Seconds by which the clocks of issuer and agent may differ."""

_EVENTS: Final[Mapping[JobType, tuple[str, ...]]] = {
    JobType.POSTSUBMIT: ("push", "release", "create"),
    JobType.WORKFLOW_DISPATCH: ("workflow_dispatch", "repository_dispatch"),
    JobType.SCHEDULE: ("schedule",),
    JobType.PRESUBMIT: ("pull_request", "pull_request_target"),
    JobType.MERGE_GROUP: ("merge_group",),
}
"""The classes of jobs that the pipeline takes, each with the events that make one."""

JOB_TYPES: Final = tuple(_EVENTS)
_SAFE_REF: Final = re.compile(r"refs/(heads/(?!refs/)|tags/)[A-Za-z0-9_][A-Za-z0-9._/#@+-]*")
"""The agent replaces ``$(NAME)`` in variables, and a branch named ``refs/tags/v1`` would be taken for the tag."""
_BASE_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/#@+-]*")
_QUEUE: Final = BRANCH + "gh-readonly-queue/"


@final
@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """The parameters of a run, of which only the form is checked.

    ``base_ref`` is a branch or tag, in full or not, and empty where the run does not say. ``base_sha`` is the commit of
    a push, or what a change is based on; ``head_sha`` is the change, None for push-like jobs.
    """

    owner: str
    repo: str
    job_type: JobType
    base_ref: str
    base_sha: str
    head_sha: str | None = None
    pull_number: int | None = None

    @property
    def repository(self) -> str:
        """``owner/repo``."""
        return f"{self.owner}/{self.repo}"

    @property
    def is_merged(self) -> bool:
        """True for push-like jobs: what they build may become production."""
        return self.job_type.is_push_like

    @property
    def commit(self) -> str:
        """The commit that is built."""
        return self.base_sha if self.head_sha is None else self.head_sha


@final
@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """The administrators' variable group.

    ``host`` is where repositories lie (``github.com``), empty when sources come from no host. ``issuer`` and
    ``audience`` are what the claims ``iss`` and ``aud`` must be.
    """

    refs: ProductionRefs
    issuer: str
    audience: str
    host: str
    unmerged_without_token: bool = False
    unprotected_refs: bool = False


# --- the variables of the run and of the group -------------------------------------------------------------------
# Azure leaves a macro whose variable is not set as it is written; such a value counts as empty.


def read_claims(environment: Mapping[str, str]) -> Result[ClaimedRun, Problems]:
    """The claims of a run, from Prow's names; problems name the pipeline's parameters."""
    given = given_variables(environment)
    names = variable.repository(given.get("REPO_OWNER", ""), given.get("REPO_NAME", ""), "RepoOwner, RepoName")
    job_type, base_ref = _job_type(given.get("JOB_TYPE", "")), _base_ref(given.get("PULL_BASE_REF", ""))
    base_sha = variable.commit(given.get("PULL_BASE_SHA", ""), "PullBaseSHA")
    change = job_type.bind(lambda found: _change(found, given.get("PULL_PULL_SHA", ""), given.get("PULL_NUMBER", "")))
    return gather(names, job_type, base_ref, base_sha, change).map(
        lambda repository, kind, ref, sha, proposed: ClaimedRun(*repository, kind, ref, sha, *proposed)
    )


def _job_type(word: str) -> Result[JobType, Problems]:
    known = {job_type.value: job_type for job_type in JOB_TYPES}
    if word in known:
        return Success(known[word])
    return refuse("JobType", f"{word!r} is not a class of jobs that the pipeline takes", nearest(word, known))


def _base_ref(text: str) -> Result[str, Problems]:
    if not text or _BASE_REF.fullmatch(text):
        return Success(text)
    return refuse("BaseRef", f"{text!r} is not a branch or tag", "send its name, of letters, digits and ._/#@+-")


def _change(job_type: JobType, head: str, number: str) -> Result[tuple[str | None, int | None], Problems]:
    """The proposed commit and the pull request, as far as this class of jobs has them."""
    if job_type is JobType.PRESUBMIT:
        return gather(variable.commit(head, "PullPullSHA"), variable.number(number, "PullNumber")).values
    if number not in ("", "0"):
        return refuse("PullNumber", f"{number!r}, but a {job_type.value} has no pull request", "leave it out")
    if job_type is JobType.MERGE_GROUP:
        return variable.commit(head, "PullPullSHA").map(lambda commit: (commit, None))
    if head:
        return refuse("PullPullSHA", f"{head!r}, but a {job_type.value} has no other commit", "leave it out")
    return Success((None, None))


def read_rules(environment: Mapping[str, str], refs: Result[Node, Problems]) -> Result[AdmissionRules, Problems]:
    """The rules of the variable group; ``refs`` is the document that the variable :data:`REFS` holds."""
    given = given_variables(environment)
    source = given.get("SOURCE_URL", DEFAULT_SOURCE)
    return gather(
        refs.bind(_refs),
        _issuer(given.get("OIDC_ISSUER", DEFAULT_ISSUER)),
        _flag(given, "UNMERGED_WITHOUT_AUTHORIZATION"),
        _flag(given, "UNPROTECTED_REFS"),
    ).map(
        lambda known, issuer, without_token, unprotected: AdmissionRules(
            known, issuer, given.get("OIDC_AUDIENCE", DEFAULT_AUDIENCE), _host(source), without_token, unprotected
        )
    )


def _refs(document: Node) -> Result[ProductionRefs, Problems]:
    problems: list[Problem] = []
    found = production_refs.read(document, REFS, problems)
    return Failure(tuple(problems)) if problems or found is None else Success(found)


def _issuer(url: str) -> Result[str, Problems]:
    remedy = f"write it as in the claim iss, such as {DEFAULT_ISSUER}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return refuse("OIDC_ISSUER", f"{url!r} is not a URL", remedy)
    plain = url == f"https://{parts.netloc}{parts.path}" and "@" not in parts.netloc and not url.endswith("/")
    if plain and parts.hostname and port != 0 and re.fullmatch(r"[\x21-\x7e]+", url):
        return Success(url)
    return refuse("OIDC_ISSUER", f"{url!r} is not an https URL with only host and path", remedy)


def _flag(given: Mapping[str, str], name: str) -> Result[bool, Problems]:
    word = given.get(name, "false").lower()
    if word in ("true", "false"):
        return Success(word == "true")
    return refuse(name, f"{given[name]!r} is neither true nor false", "write true or false")


def _host(source: str) -> str:
    """The host of repositories, with its port; empty for a folder."""
    try:
        return urlsplit(source).netloc.rpartition("@")[2]
    except ValueError:
        return ""


# --- the decision -------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class AdmittedRun:
    """A run that may build. ``ref`` is the proven full ref of a push-like job; None for unmerged code."""

    claimed: ClaimedRun
    ref: str | None
    why: str

    def variables(self) -> dict[str, str]:
        """The variables that later steps use instead of the parameters, in Prow's names; empty text for no value."""
        claimed = self.claimed
        return {
            "REPO_OWNER": claimed.owner,
            "REPO_NAME": claimed.repo,
            "JOB_TYPE": claimed.job_type.value,
            "PULL_BASE_REF": self.ref or claimed.base_ref,
            "PULL_BASE_SHA": claimed.base_sha,
            "PULL_PULL_SHA": claimed.head_sha or "",
            "PULL_NUMBER": str(claimed.pull_number or ""),
            "COMMIT": claimed.commit,
        }


def admit(
    claimed: ClaimedRun, rules: AdmissionRules, token: Mapping[str, object] | None, now: float
) -> Result[AdmittedRun, Problems]:
    """Admit a run, or return every unmet condition.

    ``token`` has the claims of a token whose signature is verified, None without a token. ``now`` is in seconds since
    1970.
    """
    if token is None:
        return _admit_without_token(claimed, rules)
    problems = (
        *_repository_problems(claimed, rules),
        *_claim_problems(claimed, rules, token),
        *_time_problems(token, now),
        *(_merged_problems(claimed, rules, token) if claimed.is_merged else _unmerged_problems(claimed, token)),
    )
    if problems:
        return Failure(problems)
    ref = str(token["ref"]) if claimed.is_merged else None
    return Success(AdmittedRun(claimed, ref, f"a token of {rules.issuer} for {token['event_name']} proves it"))


def _admit_without_token(claimed: ClaimedRun, rules: AdmissionRules) -> Result[AdmittedRun, Problems]:
    problems = _repository_problems(claimed, rules)
    if claimed.is_merged:
        what = f"is missing, and a {claimed.job_type.value} of {claimed.repository} needs an identity token"
        remedy = "in GitHub Actions give the calling job 'permissions: id-token: write', with 'parameters: v2'"
        problems = (*problems, Problem(AUTHORIZATION, what, remedy))
    elif not rules.unmerged_without_token:
        what = "is missing, and the variable group does not allow that for unmerged code"
        remedy = "send one, or ask your administrators for UNMERGED_WITHOUT_AUTHORIZATION: true"
        problems = (*problems, Problem(AUTHORIZATION, what, remedy))
    why = "the variable group allows unmerged code without a token"
    return Failure(problems) if problems else Success(AdmittedRun(claimed, None, why))


# --- what holds for every run -------------------------------------------------------------------------------------


def _repository_problems(claimed: ClaimedRun, rules: AdmissionRules) -> Problems:
    """Unmerged code, too, is built only for listed repositories; the target branch does not matter."""
    found = rules.refs.match(rules.host, claimed.repository, branch_ref(claimed.base_ref))
    if isinstance(found, ProductionRef) or found.key is not None:
        return ()
    return (Problem("RepoOwner, RepoName", str(_without_ref(found)), _line_to_add(claimed.repository, "BRANCH")),)


def _without_ref(found: NotProductionRef) -> str:
    near = f" (the nearest entry is {found.nearest!r})" if found.nearest else ""
    return f"PRODUCTION_REFS does not allow {found.repository!r}: {found.reason}{near}"


def _line_to_add(repository: str, ref: str) -> str:
    return f"administrators allow it with {{{repository}: [{ref}]}} in PRODUCTION_REFS"


def _claim_problems(claimed: ClaimedRun, rules: AdmissionRules, token: Mapping[str, object]) -> Iterator[Problem]:
    expected = {"iss": rules.issuer, "aud": rules.audience, "repository": claimed.repository}
    if claimed.job_type is not JobType.PRESUBMIT:  # of a pull request it is a merge commit, which is not a parameter
        expected["sha"] = claimed.commit
    for name, value in expected.items():
        if token.get(name) != value:
            yield _differs(token, name, repr(value))
    events = _EVENTS[claimed.job_type]
    if token.get("event_name") not in events:
        yield _differs(token, "event_name", f"{' or '.join(events)} for a {claimed.job_type.value}")


def _differs(token: Mapping[str, object], name: str, expected: str) -> Problem:
    """The problem of the claim ``name``, which is not ``expected``; its value is foreign text."""
    found = f"is {_shown(token[name])}" if name in token else "is missing"
    return Problem(
        AUTHORIZATION, f"the claim {name} {found}, not {expected}", "let the job that builds ask for a token"
    )


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool)) else f"a {type(value).__name__}"
    return text if len(text) <= 120 else f"{text[:120]}…"


def _time_problems(token: Mapping[str, object], now: float) -> Iterator[Problem]:
    again = "start the run again when an agent is free: its token expires a few minutes after the start"
    expires, issued = _moment(token, "exp"), _moment(token, "iat")
    starts = _moment(token, "nbf") if "nbf" in token else issued
    if expires is None or issued is None or starts is None:
        yield Problem(
            AUTHORIZATION, "exp, iat or nbf is missing or is not a time", "use a token of the configured issuer"
        )
        return
    if now >= expires + LEEWAY_SECONDS:
        yield Problem(AUTHORIZATION, f"the token expired {now - expires:.0f} s ago", again)
    if now < max(starts, issued) - LEEWAY_SECONDS:
        ahead = max(starts, issued) - now
        yield Problem(AUTHORIZATION, f"the token becomes valid in {ahead:.0f} s", "set the clock of the agent")


def _moment(token: Mapping[str, object], name: str) -> float | None:
    """A NumericDate (RFC 7519, section 2)."""
    value = token.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return float(value) if math.isfinite(value) else None


# --- push-like runs -----------------------------------------------------------------------------------------------


def _merged_problems(claimed: ClaimedRun, rules: AdmissionRules, token: Mapping[str, object]) -> Iterator[Problem]:
    ref = token.get("ref")
    if not isinstance(ref, str) or not _SAFE_REF.fullmatch(ref):
        yield _differs(token, "ref", "a branch or tag of letters, digits and ._/#@+-")
        return
    if claimed.base_ref not in ("", ref, ref.removeprefix(BRANCH), ref.removeprefix(TAG)):
        yield _differs(token, "ref", f"BaseRef, {claimed.base_ref!r}")
    found = rules.refs.match(rules.host, claimed.repository, ref)
    if isinstance(found, NotProductionRef):
        if found.key is not None:  # a repository without a key is reported already
            yield Problem("BaseRef", str(found), _line_to_add(claimed.repository, ref.removeprefix(BRANCH)))
    elif not rules.unprotected_refs and (found.through_wildcard or ref.startswith(TAG)):
        yield from _protection_problems(token, ref, found)


def _protection_problems(token: Mapping[str, object], ref: str, found: ProductionRef) -> Iterator[Problem]:
    """Anybody who can push can create a tag, or a branch that a wildcard matches."""
    if token.get("ref_protected") != "true":
        what = f"{ref!r} matched {found.pattern!r}, and is not protected: everybody who can push can create such a ref"
        yield Problem("BaseRef", what, "protect it with a ruleset, list it by name, or set UNPROTECTED_REFS: true")


# --- unmerged code ------------------------------------------------------------------------------------------------


def _unmerged_problems(claimed: ClaimedRun, token: Mapping[str, object]) -> Iterator[Problem]:
    """Compare a token with the parameters of unmerged code, as far as both say the same.

    The ref of ``pull_request_target`` is a branch of the repository for every pull request.
    """
    branch = claimed.base_ref.removeprefix(BRANCH)
    ref = token.get("ref")
    if claimed.job_type is JobType.MERGE_GROUP:
        queue = f"{_QUEUE}{branch}/" if branch else _QUEUE
        if not isinstance(ref, str) or not ref.startswith(queue):
            yield _differs(token, "ref", f"below {queue!r}")
        return
    if branch and token.get("base_ref") != branch:
        yield _differs(token, "base_ref", f"BaseRef, {branch!r}")
    merge = f"refs/pull/{claimed.pull_number}/merge"
    if token.get("event_name") == "pull_request" and ref != merge:
        yield _differs(token, "ref", repr(merge))
