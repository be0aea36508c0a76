"""Azure Pipelines: its own variables, or Prow's, which a pipeline that calls this tool can export.

An undefined macro reaches a job as its own text, ``$(Name)``, and counts as unset.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from returns.result import Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.git_state import PROW_MARKS, CiSystem, GitState, JobType, is_sha
from image_builder_domain.job.repository_url import host_of
from image_builder_domain.problem import Problems, gather, nearest, refuse

_AZURE = CiSystem.AZURE_PIPELINES
REASONS = {
    "PullRequest": JobType.PRESUBMIT,
    "IndividualCI": JobType.POSTSUBMIT,
    "BatchedCI": JobType.POSTSUBMIT,
    "Schedule": JobType.SCHEDULE,
    "Manual": JobType.WORKFLOW_DISPATCH,
    "ResourceTrigger": JobType.WORKFLOW_DISPATCH,
    "BuildCompletion": JobType.WORKFLOW_DISPATCH,
}
"""The class of a job by the reason of its run."""
_DECLARED = {
    job_type.value: job_type
    for job_type in (
        JobType.PRESUBMIT,
        JobType.POSTSUBMIT,
        JobType.WORKFLOW_DISPATCH,
        JobType.SCHEDULE,
        JobType.MERGE_GROUP,
    )
}
# Names of Azure projects and repositories: blanks and letters of any script, but no character special to a shell.
_AZURE_NAME = r"[^\W_](?:[\w .-]{0,62}[\w-])?"


def given_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are neither empty nor an undefined macro."""
    return {name: value for name, value in environment.items() if value and not re.fullmatch(r"\$\(.*\)", value)}


def git_question(environment: Mapping[str, str]) -> str | None:
    """The revision to ask git for: no variable names the base of a pull request, so it is the merge's first parent."""
    given = given_variables(environment)
    merge = given.get("BUILD_SOURCEVERSION", "")
    is_asked = given.get("BUILD_REASON") == "PullRequest" and not _is_declared(given)
    return f"{merge}^1" if is_asked and is_sha(merge) else None


def read(environment: Mapping[str, str], parent: str | None) -> Result[GitState, Problems]:
    """The state of a job; ``parent`` is git's answer to :func:`git_question`, None in a shallow checkout."""
    given = given_variables(environment)
    return _declared(given) if _is_declared(given) else _own(given, parent)


def _is_declared(given: Mapping[str, str]) -> bool:
    return all(name in given for name in PROW_MARKS)


# --- Azure's own variables ----------------------------------------------------------------------------------------


def _own(given: Mapping[str, str], parent: str | None) -> Result[GitState, Problems]:
    def known(reason: str) -> Result[JobType, Problems]:
        if reason not in REASONS:
            return refuse("BUILD_REASON", f"{reason!r} is not a known reason", nearest(reason, REASONS))
        return Success(REASONS[reason])

    job_type = variable.required(given, "BUILD_REASON", _AZURE).bind(known)
    details = job_type.bind(
        lambda found: _pull_request(given, parent) if found is JobType.PRESUBMIT else _pushed(given, found)
    )
    return gather(_names(given), details).map(
        lambda names, state: replace(state, owner=names[0], repo=names[1], host=_host(given))
    )


def _host(given: Mapping[str, str]) -> str | None:
    """The public server for ``GitHub``; for all other providers the URL of the repository names the server."""
    if given.get("BUILD_REPOSITORY_PROVIDER") == "GitHub":
        return "github.com"
    return host_of(given.get("BUILD_REPOSITORY_URI"))


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    def of(provider: str) -> Result[tuple[str, str], Problems]:
        name = variable.required(given, "BUILD_REPOSITORY_NAME", _AZURE)
        if provider.startswith("GitHub"):
            return name.bind(lambda text: variable.split_repository(text, "BUILD_REPOSITORY_NAME"))
        if provider == "TfsGit":
            where = "SYSTEM_TEAMPROJECT, BUILD_REPOSITORY_NAME"
            both = gather(variable.required(given, "SYSTEM_TEAMPROJECT", _AZURE), name)
            return both.bind(lambda project, repo: variable.repository(project, repo, where, _is_azure_repository))
        remedy = f"export {', '.join(PROW_MARKS)} and the commits in Prow's names"
        return refuse("BUILD_REPOSITORY_PROVIDER", f"repositories at {provider!r} are not known", remedy)

    return variable.required(given, "BUILD_REPOSITORY_PROVIDER", _AZURE).bind(of)


def _is_azure_repository(owner: str, repo: str) -> bool:
    return all(re.fullmatch(_AZURE_NAME, name) for name in (owner, repo))


def _pushed(given: Mapping[str, str], job_type: JobType) -> Result[GitState, Problems]:
    ref = variable.required(given, "BUILD_SOURCEBRANCH", _AZURE)
    return gather(variable.sha(given, "BUILD_SOURCEVERSION", _AZURE), ref).map(
        lambda commit, ref: replace(
            variable.pushed(_AZURE, job_type, ("", ""), commit, ref),
            ref=variable.whole_ref(ref),
            starter_chooses=given.get("BUILD_REASON") == "Manual",
        )
    )


def _pull_request(given: Mapping[str, str], parent: str | None) -> Result[GitState, Problems]:
    """On GitHub the ID of a pull request is an internal number; in Azure Repos it is the only number."""
    is_github = given.get("BUILD_REPOSITORY_PROVIDER", "").startswith("GitHub")
    number = "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER" if is_github else "SYSTEM_PULLREQUEST_PULLREQUESTID"
    return gather(
        variable.pull_number(given, number, _AZURE),
        variable.sha(given, "SYSTEM_PULLREQUEST_SOURCECOMMITID", _AZURE),
        variable.required(given, "SYSTEM_PULLREQUEST_TARGETBRANCH", _AZURE),
    ).map(
        lambda number, head, target: GitState(
            _AZURE,
            JobType.PRESUBMIT,
            head,
            pull_number=number,
            base_ref=variable.short_ref(target),
            base_sha=parent,
            head_sha=head,
            head_ref=variable.short_ref(given.get("SYSTEM_PULLREQUEST_SOURCEBRANCH")),
            is_fork=given.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true",
        )
    )


# --- Prow's names -------------------------------------------------------------------------------------------------


def _declared(given: Mapping[str, str]) -> Result[GitState, Problems]:
    """The state that the variables in Prow's names describe. A full ref names exactly that branch or tag.

    A branch may be named ``refs/heads/main``. This is safe: the person who starts the run chooses the ref, so the
    commit must lie on the claimed branch in any case.
    """
    names = variable.repository(given["REPO_OWNER"], given["REPO_NAME"], "REPO_OWNER, REPO_NAME")
    base = variable.sha(given, "PULL_BASE_SHA", _AZURE)
    job_type = _declared_type(given)
    number = job_type.bind(lambda found: _declared_number(given, found))
    head = job_type.bind(lambda found: _declared_head(given, found))
    base_ref = given.get("PULL_BASE_REF")
    return gather(names, base, job_type, number, head).map(
        lambda names, base, job_type, number, head: GitState(
            _AZURE,
            job_type,
            head or base,
            *names,
            pull_number=number,
            base_ref=variable.short_ref(base_ref),
            base_sha=base,
            head_sha=head,
            ref=variable.whole_ref(base_ref) if head is None else None,
            starter_chooses=True,
        )
    )


def _declared_type(given: Mapping[str, str]) -> Result[JobType, Problems]:
    word = given["JOB_TYPE"]
    if word not in _DECLARED:
        return refuse("JOB_TYPE", f"{word!r} is not a job type that Azure Pipelines can run", nearest(word, _DECLARED))
    if given.get("BUILD_REASON") == "PullRequest" and word != JobType.PRESUBMIT.value:
        what = f"{word!r}, but BUILD_REASON says that this builds a pull request"
        return refuse("JOB_TYPE", what, "a pull request is built as presubmit")
    return Success(_DECLARED[word])


def _declared_number(given: Mapping[str, str], job_type: JobType) -> Result[int | None, Problems]:
    return variable.pull_number(given, "PULL_NUMBER", _AZURE) if job_type is JobType.PRESUBMIT else Success(None)


def _declared_head(given: Mapping[str, str], job_type: JobType) -> Result[str | None, Problems]:
    """The proposed commit; only proposals have one."""
    return variable.sha(given, "PULL_PULL_SHA", _AZURE) if job_type.is_proposal else Success(None)
