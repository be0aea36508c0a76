"""GitHub Actions: ``GITHUB_EVENT_NAME``, its payload, and the variables that say the same.

What ``GITHUB_SHA`` is depends on the event: for a pull request it is a test merge or the default branch, never the
head, so the payload counts. Events: https://docs.github.com/actions/reference/events-that-trigger-workflows
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

from returns.result import Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.job.repository_url import host_of
from image_builder_domain.problem import Problems, gather, refuse

_GITHUB = CiSystem.GITHUB
_WHERE = "GITHUB_EVENT_PATH"
_LONGEST = 1000  # no name, ref or commit is longer; a problem that quotes it stays readable


@final
@dataclass(frozen=True, slots=True)
class _Event:
    """One event: the job's variables (none of them empty), the payload, and the repository's owner and name.

    A member of the payload is named by its path, with dots. It is there and of its type, or a problem names the path.
    """

    given: Mapping[str, str]
    payload: Mapping[str, Any]
    names: tuple[str, str]

    def text(self, path: str) -> Result[str, Problems]:
        """A text of 1 to 1000 characters."""
        value = self.value(path)
        if isinstance(value, str) and 0 < len(value) <= _LONGEST:
            return Success(value)
        return self._wrong(path, value, "a text")

    def optional_text(self, path: str) -> str | None:
        """A text, None for anything else."""
        value = self.value(path)
        return value if isinstance(value, str) and value else None

    def sha(self, path: str) -> Result[str, Problems]:
        """A full commit."""
        return self.text(path).bind(lambda text: variable.commit(text, f"{_WHERE}: {path}"))

    def pull_number(self, path: str) -> Result[int, Problems]:
        """The number of a pull request, from 1."""
        value = self.value(path)
        if type(value) is int and 0 < value < 10**10:
            return Success(value)
        return self._wrong(path, value, "a whole number from 1")

    def agreed(self, path: str, value: str, name: str) -> Result[str, Problems]:
        """The value of a member, if the variable ``name`` repeats it or is not set."""
        return variable.agreeing(_WHERE, path, value, self.given.get(name), name).map(lambda _: value)

    def commit(self) -> Result[str, Problems]:
        """The variable of the commit, where no member of the payload names it."""
        return variable.sha(self.given, "GITHUB_SHA", _GITHUB)

    def value(self, path: str) -> Any:
        """Anything; None where nothing is."""
        value: Any = self.payload
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _wrong(self, path: str, value: Any, expected: str) -> Result[Any, Problems]:
        """Names the kind of the value, but not its content, which may be long and was chosen by a stranger."""
        kinds = {
            type(None): "missing",
            bool: "a truth value",
            int: "a number out of range",
            float: "a fraction",
            str: "empty or too long",
        }
        what = f"{path} is {kinds.get(type(value), 'something else')}, and must be {expected}"
        return refuse(_WHERE, what, "the payload is not that of this event; hand the job's own file on to the tool")


_Reader: TypeAlias = Callable[[_Event], Result[GitState, Problems]]


def read(environment: Mapping[str, str], payload: Result[Mapping[str, Any], Problems]) -> Result[GitState, Problems]:
    """The state of a job; ``payload`` is that of the event, or why it could not be read."""
    given = {name: value for name, value in environment.items() if value}
    return gather(_reader(given), _names(given), payload).bind(
        lambda read_event, names, found: _state(read_event, _Event(given, found, names))
    )


def _state(read_event: _Reader, event: _Event) -> Result[GitState, Problems]:
    return gather(_names_agree(event), read_event(event)).map(
        lambda _, state: replace(state, host=host_of(event.given.get("GITHUB_SERVER_URL")))
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


def _names_agree(event: _Event) -> Result[object, Problems]:
    """``repository.owner.name`` is only in payloads of pushes, ``login`` in all."""
    owner, repo = "repository.owner.login", "repository.name"
    return gather(event.text(owner), event.text(repo)).bind(
        lambda login, name: gather(
            variable.agreeing(_WHERE, owner, login, event.names[0], "GITHUB_REPOSITORY"),
            variable.agreeing(_WHERE, repo, name, event.names[1], "GITHUB_REPOSITORY"),
        ).map(lambda *_: None)
    )


# --- merged code, as far as the event says ------------------------------------------------------------------------


def _merged(event: _Event, job_type: JobType, commit: str, ref: str | None) -> GitState:
    return replace(
        variable.pushed(_GITHUB, job_type, event.names, commit, ref),
        # Without this member the repository may be a fork, where anybody has branches of every name.
        is_fork=event.value("repository.fork") is not False,
        is_protected=variable.truth(event.given.get("GITHUB_REF_PROTECTED")),
        default_branch=event.optional_text("repository.default_branch"),
    )


def _push(event: _Event) -> Result[GitState, Problems]:
    if event.payload.get("deleted") is True:
        what = "this push deleted a branch or tag: there is nothing to build"
        return refuse(_WHERE, what, "run the job only if github.event.deleted is false")
    ref = event.text("ref").bind(lambda found: _pushed_ref(event, found))
    commit = ref.bind(lambda found: _pushed_commit(event, found))
    return gather(ref, commit).map(lambda ref, commit: _merged(event, JobType.POSTSUBMIT, commit, ref))


def _pushed_ref(event: _Event, ref: str) -> Result[str, Problems]:
    if not ref.startswith(("refs/heads/", "refs/tags/")):
        return refuse(_WHERE, f"ref is {ref!r}, neither a branch nor a tag", "build pushes to branches and tags")
    return event.agreed("ref", ref, "GITHUB_REF")


def _pushed_commit(event: _Event, ref: str) -> Result[str, Problems]:
    """A branch's new head; of a tag, whose ``after`` may be the tag's own object, the commit that it marks."""
    head = event.optional_text("head_commit.id")
    if variable.tag_of(ref) is not None:
        return event.sha("head_commit.id") if head else event.commit()
    return event.sha("after").bind(
        lambda after: gather(
            variable.agreeing(_WHERE, "head_commit.id", head, after, "after"),
            event.agreed("after", after, "GITHUB_SHA"),
        ).map(lambda _, after: after)
    )


def _dispatch(event: _Event) -> Result[GitState, Problems]:
    ref = event.text("ref").bind(lambda found: event.agreed("ref", found, "GITHUB_REF"))
    return gather(event.commit(), ref).map(lambda commit, ref: _merged(event, JobType.WORKFLOW_DISPATCH, commit, ref))


def _schedule(event: _Event) -> Result[GitState, Problems]:
    return event.text("schedule").bind(lambda _: _on_default_branch(event, JobType.SCHEDULE))


def _repository_dispatch(event: _Event) -> Result[GitState, Problems]:
    return _on_default_branch(event, JobType.WORKFLOW_DISPATCH)


def _on_default_branch(event: _Event, job_type: JobType) -> Result[GitState, Problems]:
    """Such events run the default branch as it is when the job starts."""
    branch, ref = event.optional_text("repository.default_branch"), event.given.get("GITHUB_REF")
    expected = f"refs/heads/{branch}" if branch else None
    agreed = variable.agreeing("GITHUB_REF", "the ref", ref, expected, "repository.default_branch of the payload")
    return gather(event.commit(), agreed).map(lambda commit, _: _merged(event, job_type, commit, ref))


def _release(event: _Event) -> Result[GitState, Problems]:
    """Other actions come before a release is public, or again and again after it."""
    if event.payload.get("action") != "published":
        action = event.optional_text("action") or ""
        what = f"the action of this release is {action[:80]!r}, and only published releases are built"
        return refuse(_WHERE, what, "run the workflow only for the type published")
    return _tagged(event, "release.tag_name")


def _create(event: _Event) -> Result[GitState, Problems]:
    if event.payload.get("ref_type") != "tag":
        what = "this event created a branch, which the push event builds"
        return refuse(_WHERE, what, "run the job only if github.ref_type is tag")
    return _tagged(event, "ref")


def _tagged(event: _Event, path: str) -> Result[GitState, Problems]:
    """The payload names the tag without its prefix, and only a variable names its commit."""
    ref = event.text(path).bind(lambda tag: event.agreed(path, f"refs/tags/{tag}", "GITHUB_REF"))
    return gather(event.commit(), ref).map(lambda commit, ref: _merged(event, JobType.POSTSUBMIT, commit, ref))


def _without_unmerged_code(read_event: _Reader) -> _Reader:
    """A payload with a pull request or a merge group is not that of a push, even if the event is called one."""

    def checked(event: _Event) -> Result[GitState, Problems]:
        for key in ("pull_request", "merge_group"):
            if key in event.payload:
                what = f"{key} is there, but GITHUB_EVENT_NAME is {event.given.get('GITHUB_EVENT_NAME')!r}"
                return refuse(_WHERE, what, "the CI system sets both; do not change one of them")
        return read_event(event)

    return checked


# --- unmerged code ------------------------------------------------------------------------------------------------


def _pull_request(event: _Event) -> Result[GitState, Problems]:
    if event.payload.get("action") == "closed":
        what = "this pull request was closed: there is nothing to build"
        return refuse(_WHERE, what, "leave closed out of the workflow's types; what was merged is a push")
    number, base, head = event.pull_number("number"), "pull_request.base", "pull_request.head"
    shas = (event.sha(f"{base}.sha"), event.sha(f"{head}.sha"))
    return gather(number, *shas, event.text(f"{base}.ref"), event.text(f"{base}.repo.full_name")).map(
        lambda number, base_sha, head_sha, target, repository: GitState(
            _GITHUB,
            JobType.PRESUBMIT,
            head_sha,
            *event.names,
            pull_number=number,
            base_ref=variable.short_ref(target),
            base_sha=base_sha,
            head_sha=head_sha,
            head_ref=event.optional_text(f"{head}.ref"),
            # The repository of a fork that was deleted is null.
            is_fork=event.optional_text(f"{head}.repo.full_name") != repository,
        )
    )


def _merge_group(event: _Event) -> Result[GitState, Problems]:
    if event.payload.get("action") == "destroyed":
        what = "this merge group was destroyed: there is nothing to build"
        return refuse(_WHERE, what, "run the workflow only for the type checks_requested")
    path = "merge_group.head_sha"
    head = event.sha(path).bind(lambda found: event.agreed(path, found, "GITHUB_SHA"))
    return gather(head, event.sha("merge_group.base_sha"), event.text("merge_group.base_ref")).map(
        lambda head, base, target: GitState(
            _GITHUB,
            JobType.MERGE_GROUP,
            head,
            *event.names,
            base_ref=variable.short_ref(target),
            base_sha=base,
            head_sha=head,
            head_ref=variable.short_ref(event.optional_text("merge_group.head_ref")),
        )
    )


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
"""The events that say which commit to build, and the readers of their payloads."""
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
