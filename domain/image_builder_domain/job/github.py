"""GitHub Actions: ``GITHUB_EVENT_NAME``, its payload, and the variables that say the same.

What ``GITHUB_SHA`` is depends on the event: for a pull request it is a test merge or the default branch, never the
head, so the payload is what counts. Events: https://docs.github.com/actions/reference/events-that-trigger-workflows
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from returns.result import Result, Success

from image_builder_domain.job import event as payload
from image_builder_domain.job import variable
from image_builder_domain.job.repository_url import host_of
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.problem import Problems, refuse, together

_GITHUB = CiSystem.GITHUB
Event: TypeAlias = Mapping[str, Any]
_Reader: TypeAlias = Callable[[Mapping[str, str], Event, tuple[str, str]], Result[GitState, Problems]]


def read(environment: Mapping[str, str], event: Result[Event, Problems]) -> Result[GitState, Problems]:
    """The state of a job; ``event`` is the payload, or why it could not be read."""
    given = {name: value for name, value in environment.items() if value}
    return together(_reader(given), _names(given), event).bind(
        lambda found: together(_names_agree(found[2], found[1]), found[0](given, found[2], found[1])).map(
            lambda both: replace(both[1], host=host_of(given.get("GITHUB_SERVER_URL")))
        )
    )


def _reader(given: Mapping[str, str]) -> Result[_Reader, Problems]:
    def known(name: str) -> Result[_Reader, Problems]:
        if name not in READERS:
            what = f"the event {name!r} does not say which commit to build"
            if name in _ON_DEFAULT_BRANCH:
                what += ": its ref is the default branch, even if the job checks out something else"
            return refuse("GITHUB_EVENT_NAME", what, f"run the job on {', '.join(READERS)}")
        return Success(READERS[name])

    return variable.required(given, "GITHUB_EVENT_NAME", _GITHUB).bind(known)


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    return variable.required(given, "GITHUB_REPOSITORY", _GITHUB).bind(
        lambda text: variable.split_repository(text, "GITHUB_REPOSITORY")
    )


def _names_agree(event: Event, names: tuple[str, str]) -> Result[object, Problems]:
    """``repository.owner.name`` is in payloads of pushes alone, ``login`` in all."""
    told = together(payload.text(event, "repository.owner.login"), payload.text(event, "repository.name"))
    return told.bind(
        lambda found: together(
            variable.agreeing(payload.WHERE, "repository.owner.login", found[0], names[0], "GITHUB_REPOSITORY"),
            variable.agreeing(payload.WHERE, "repository.name", found[1], names[1], "GITHUB_REPOSITORY"),
        )
    )


# --- pushes -------------------------------------------------------------------------------------------------------


def _push(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    if event.get("deleted") is True:
        what = "this push deleted a branch or tag: there is nothing to build"
        return refuse(payload.WHERE, what, "run the job only if github.event.deleted is false")
    ref = payload.text(event, "ref").bind(lambda found: _pushed_ref(given, found))
    commit = ref.bind(lambda found: _pushed_commit(given, event, found))
    return together(ref, commit).map(lambda found: _merged(JobType.POSTSUBMIT, names, found[1], found[0], given, event))


def _pushed_ref(given: Mapping[str, str], ref: str) -> Result[str, Problems]:
    if not ref.startswith(("refs/heads/", "refs/tags/")):
        return refuse(payload.WHERE, f"ref is {ref!r}, neither a branch nor a tag", "build pushes to branches and tags")
    return _agreed_ref("ref", ref, given)


def _pushed_commit(given: Mapping[str, str], event: Event, ref: str) -> Result[str, Problems]:
    """A branch's new head; of a tag, whose ``after`` may be the tag's own object, the commit that it marks."""
    head = payload.optional_text(event, "head_commit.id")
    if variable.tag_of(ref) is not None:
        return payload.sha(event, "head_commit.id") if head else variable.sha(given, "GITHUB_SHA", _GITHUB)
    return payload.sha(event, "after").bind(
        lambda after: together(
            variable.agreeing(payload.WHERE, "head_commit.id", head, after, "after"),
            variable.agreeing(payload.WHERE, "after", after, given.get("GITHUB_SHA"), "GITHUB_SHA"),
        ).map(lambda _: after)
    )


def _merged(
    job_type: JobType,
    names: tuple[str, str],
    commit: str,
    ref: str | None,
    given: Mapping[str, str],
    event: Event,
) -> GitState:
    tag = variable.tag_of(ref)
    return GitState(
        _GITHUB,
        job_type,
        commit,
        *names,
        base_ref=variable.short_ref(ref) if tag is None else None,
        base_sha=commit,
        tag=tag,
        # A payload that does not say it may be that of a fork, where everybody has branches of every name.
        is_fork=payload.flag(event, "repository.fork") is not False,
        ref=ref,
        is_protected=variable.truth(given.get("GITHUB_REF_PROTECTED")),
        default_branch=payload.optional_text(event, "repository.default_branch"),
    )


def _dispatch(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    ref = payload.text(event, "ref").bind(lambda found: _agreed_ref("ref", found, given))
    return together(variable.sha(given, "GITHUB_SHA", _GITHUB), ref).map(
        lambda found: _merged(JobType.WORKFLOW_DISPATCH, names, *found, given, event)
    )


def _schedule(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    return payload.text(event, "schedule").bind(lambda _: _on_default_branch(JobType.SCHEDULE, given, event, names))


def _repository_dispatch(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    return _on_default_branch(JobType.WORKFLOW_DISPATCH, given, event, names)


def _on_default_branch(
    job_type: JobType, given: Mapping[str, str], event: Event, names: tuple[str, str]
) -> Result[GitState, Problems]:
    """Such events run the default branch as it is when the job starts."""
    branch, ref = payload.optional_text(event, "repository.default_branch"), given.get("GITHUB_REF")
    expected = f"refs/heads/{branch}" if branch else None
    agreed = variable.agreeing("GITHUB_REF", "the ref", ref, expected, "repository.default_branch of the payload")
    return together(variable.sha(given, "GITHUB_SHA", _GITHUB), agreed).map(
        lambda found: _merged(job_type, names, found[0], ref, given, event)
    )


def _release(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    """Other actions come before a release is public, or again and again after it."""
    if event.get("action") != "published":
        action = payload.optional_text(event, "action") or ""
        what = f"the action of this release is {action[:80]!r}, and only published releases are built"
        return refuse(payload.WHERE, what, "run the workflow only for the type published")
    return _tagged("release.tag_name", given, event, names)


def _create(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    if event.get("ref_type") != "tag":
        what = "this event created a branch, which the push event builds"
        return refuse(payload.WHERE, what, "run the job only if github.ref_type is tag")
    return _tagged("ref", given, event, names)


def _tagged(path: str, given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    """The tag that the payload names without its prefix; its commit is a variable alone."""
    ref = payload.text(event, path).bind(lambda tag: _agreed_ref(path, f"refs/tags/{tag}", given))
    return together(variable.sha(given, "GITHUB_SHA", _GITHUB), ref).map(
        lambda found: _merged(JobType.POSTSUBMIT, names, *found, given, event)
    )


def _agreed_ref(path: str, ref: str, given: Mapping[str, str]) -> Result[str, Problems]:
    """The ref, when the variable that says the same agrees."""
    return variable.agreeing(payload.WHERE, path, ref, given.get("GITHUB_REF"), "GITHUB_REF").map(lambda _: ref)


# --- unmerged code ------------------------------------------------------------------------------------------------


def _pull_request(_: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    if event.get("action") == "closed":
        what = "this pull request was closed: there is nothing to build"
        return refuse(payload.WHERE, what, "leave closed out of the workflow's types; what was merged is a push")
    number = payload.pull_number(event, "number")
    shas = together(payload.sha(event, "pull_request.base.sha"), payload.sha(event, "pull_request.head.sha"))
    base = together(
        payload.text(event, "pull_request.base.ref"), payload.text(event, "pull_request.base.repo.full_name")
    )
    return together(number, shas, base).map(
        lambda found: GitState(
            _GITHUB,
            JobType.PRESUBMIT,
            found[1][1],
            *names,
            pull_number=found[0],
            base_ref=variable.short_ref(found[2][0]),
            base_sha=found[1][0],
            head_sha=found[1][1],
            head_ref=payload.optional_text(event, "pull_request.head.ref"),
            # The repository of a fork that was deleted is null.
            is_fork=payload.optional_text(event, "pull_request.head.repo.full_name") != found[2][1],
        )
    )


def _merge_group(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
    if event.get("action") == "destroyed":
        what = "this merge group was destroyed: there is nothing to build"
        return refuse(payload.WHERE, what, "run the workflow for the type checks_requested alone")
    head = payload.sha(event, "merge_group.head_sha").bind(
        lambda found: variable.agreeing(
            payload.WHERE, "merge_group.head_sha", found, given.get("GITHUB_SHA"), "GITHUB_SHA"
        ).map(lambda _: found)
    )
    base = payload.sha(event, "merge_group.base_sha")
    return together(head, base, payload.text(event, "merge_group.base_ref")).map(
        lambda found: GitState(
            _GITHUB,
            JobType.MERGE_GROUP,
            found[0],
            *names,
            base_ref=variable.short_ref(found[2]),
            base_sha=found[1],
            head_sha=found[0],
            head_ref=variable.short_ref(payload.optional_text(event, "merge_group.head_ref")),
        )
    )


def _without_unmerged_code(read: _Reader) -> _Reader:
    """A payload that tells of unmerged code is not that of a push, whatever the event is called."""

    def checked(given: Mapping[str, str], event: Event, names: tuple[str, str]) -> Result[GitState, Problems]:
        for key in ("pull_request", "merge_group"):
            if key in event:
                what = f"{key} is there, but GITHUB_EVENT_NAME is {given.get('GITHUB_EVENT_NAME')!r}"
                return refuse(payload.WHERE, what, "the CI system sets both; do not change one of them")
        return read(given, event, names)

    return checked


READERS: dict[str, _Reader] = {
    "push": _without_unmerged_code(_push),
    "pull_request": _pull_request,
    "pull_request_target": _pull_request,
    "merge_group": _merge_group,
    "workflow_dispatch": _without_unmerged_code(_dispatch),
    "schedule": _without_unmerged_code(_schedule),
    "release": _without_unmerged_code(_release),
    "create": _without_unmerged_code(_create),
    "repository_dispatch": _without_unmerged_code(_repository_dispatch),
}
"""The events that say which commit to build, and what reads their payload."""
_ON_DEFAULT_BRANCH = (
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "delete",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "label",
    "milestone",
    "public",
    "registry_package",
    "status",
    "watch",
    "workflow_run",
)
