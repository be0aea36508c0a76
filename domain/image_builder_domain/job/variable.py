"""Reading the variables of a CI job: each is there and valid, or a problem names it."""

import re
from collections.abc import Callable, Mapping

from returns.result import Failure, Result, Success

from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_repository, is_sha
from image_builder_domain.problem import Problem, Problems, refuse

_REMEDIES = {
    CiSystem.PROW: "run the tool from the job's own container",
    CiSystem.JENKINS: "export it from what the checkout step returns",
}


def required(given: Mapping[str, str], name: str, system: CiSystem) -> Result[str, Problems]:
    """A variable that is set; ``given`` holds no empty ones."""
    if name in given:
        return Success(given[name])
    remedy = _REMEDIES.get(system, "hand the job's variables on to the tool")
    return refuse(name, f"this variable of the {system.value} job is not set", remedy)


def sha(given: Mapping[str, str], name: str, system: CiSystem) -> Result[str, Problems]:
    """A full commit."""
    return required(given, name, system).bind(lambda text: commit(text, name))


def commit(text: str, where: str) -> Result[str, Problems]:
    """A text that is a full commit."""
    if is_sha(text):
        return Success(text)
    return refuse(where, f"{text!r} is not a full commit", "write 40 or 64 hexadecimal digits, not all zero")


def pull_number(given: Mapping[str, str], name: str, system: CiSystem) -> Result[int, Problems]:
    """The number of a pull request, from 1."""
    return required(given, name, system).bind(lambda text: number(text, name))


def number(text: str, where: str) -> Result[int, Problems]:
    """A text that is the number of a pull request."""
    if re.fullmatch(r"[1-9][0-9]{0,9}", text):
        return Success(int(text))
    return refuse(where, f"{text!r} is not a pull request number", "write a whole number from 1")


def repository(
    owner: str, repo: str, where: str, accepts: Callable[[str, str], bool] = is_repository
) -> Result[tuple[str, str], Problems]:
    """Owner and name of a repository, if ``accepts`` is true for them."""
    if accepts(owner, repo):
        return Success((owner, repo))
    return refuse(where, f"{f'{owner}/{repo}'!r} is not a repository", "check the job's definition")


def split_repository(
    text: str, where: str, accepts: Callable[[str, str], bool] = is_repository
) -> Result[tuple[str, str], Problems]:
    """Owner and name from ``owner/name``; the last ``/`` splits."""
    owner, _, repo = text.rpartition("/")
    if accepts(owner, repo):
        return Success((owner, repo))
    return refuse(where, f"{text!r} is not a repository", "write owner/name")


def short_ref(ref: str | None) -> str | None:
    """A branch or tag without ``refs/heads/`` or ``refs/tags/``; only one prefix is removed."""
    if ref is None:
        return None
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ref.removeprefix("refs/tags/")


def full_ref(branch: str | None, tag: str | None) -> str | None:
    """The full ref of a variable for branches and one for tags; what looks like a prefix is a part of the name."""
    if tag is not None:
        return f"refs/tags/{tag}"
    return f"refs/heads/{branch}" if branch is not None else None


def whole_ref(text: str | None) -> str | None:
    """The text where it is the full ref of a branch or tag, else None: a short name may be either."""
    return text if text is not None and text.startswith(("refs/heads/", "refs/tags/")) else None


def truth(text: str | None) -> bool | None:
    """``true`` and ``false`` in any case; None for anything else."""
    return {"true": True, "false": False}.get((text or "").lower())


def tag_of(ref: str | None) -> str | None:
    """The tag that a full ref is, if it is one."""
    return ref.removeprefix("refs/tags/") if ref is not None and ref.startswith("refs/tags/") else None


def agreeing(where: str, what: str, value: str | None, expected: str | None, other: str) -> Result[None, Problems]:
    """Success if two sources of one fact agree, or one of them says nothing."""
    if value is None or expected is None or value == expected:
        return Success(None)
    remedy = "the CI system sets both; do not change one of them"
    return Failure((Problem(where, f"{what} is {value!r}, but {other} says {expected!r}", remedy),))


def pushed(system: CiSystem, job_type: JobType, names: tuple[str, str], commit: str, ref: str | None) -> GitState:
    """The state of a push-like job; ``ref`` is full, None where it is unknown."""
    tag = tag_of(ref)
    base_ref = short_ref(ref) if tag is None else None
    return GitState(system, job_type, commit, *names, base_ref=base_ref, base_sha=commit, tag=tag, ref=ref)
