"""The checkout that an image is built from: facts about it, and whether it is the commit that the job claims."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.trust import CheckoutRules
from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_sha
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.trust.side import Job

_MOST_SHOWN = 10
_KEY = "checkout-check"


@final
@dataclass(frozen=True, slots=True)
class NoCheckout:
    """There is no ``.git`` in any of these folders or above them."""

    places: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class UnreadableCheckout:
    """There is a ``.git`` at ``where``, and ``reason`` says why its commit cannot be read."""

    where: str
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Changes:
    """What HEAD changes since one commit: ``paths``, or in ``reason`` why HEAD is not known to descend from it.

    Paths are relative to the checkout's folder. ``is_same`` says that the name is that of a tag object, and HEAD the
    commit that it marks.
    """

    paths: tuple[str, ...] = ()
    reason: str = ""
    is_same: bool = False


@final
@dataclass(frozen=True, slots=True)
class Superproject:
    """The checkout that a submodule belongs to.

    ``recorded`` is the commit that the HEAD of ``found`` records for the submodule. It is empty where it records none,
    or where it cannot be read, and ``reason`` says which.
    """

    found: "Checkout | UnreadableCheckout"
    recorded: str = ""
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout at ``folder``, whose HEAD is the commit ``head``.

    ``parents`` is what the ``parent`` lines of HEAD name, together with those of as many of its first parents as the
    job has proposed commits, less one; of a batch also the heads that HEAD descends from. None where one of these
    commits cannot be read. ``changes`` has an answer for
    each commit that the job claims, except ``head`` itself. ``modified`` are the tracked files below the build context
    that differ from HEAD, at most :data:`MOST_PATHS`; None where they cannot be compared. ``holds_context`` is false
    for the CI system's workspace when the build context lies outside of every checkout.
    """

    folder: str
    head: str
    parents: frozenset[str] | None = None
    changes: Mapping[str, Changes] = field(default_factory=dict)
    modified: tuple[str, ...] | None = None
    holds_context: bool = True
    superproject: Superproject | None = None


FoundCheckout: TypeAlias = Checkout | UnreadableCheckout | NoCheckout

MOST_PATHS = 1000
"""How many paths of one kind are read at most."""


@final
@dataclass(frozen=True, slots=True)
class CheckoutFacts:
    """All facts about the checkout that decisions use.

    ``copies_git`` says that the engine can copy ``.git`` into the image: it is a directory of the build context, and no
    ignore file excludes it. ``credentials`` are secrets in its configuration. Without arguments it says that no
    checkout was found, so that production is refused if the checkout was not examined.
    """

    found: FoundCheckout = NoCheckout(())
    copies_git: bool = False
    credentials: tuple[str, ...] = field(default=(), repr=False)


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """The commits that a job claims to build.

    HEAD must be one of ``commits``. For unmerged code it may also be a merge whose parent lines name all of ``heads``.
    Both are empty outside CI, where HEAD is the only source.
    """

    commits: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Proof:
    """How the checkout was compared with the claim, as a sentence; ``is_checked`` is false where it was not."""

    text: str
    is_checked: bool = True


NOT_COMPARED = Proof("not compared", is_checked=False)
"""The proof of a job whose checkout was not examined."""


def claim_of(state: GitState, environment: Mapping[str, str]) -> Claim:
    """The commits that the job claims to build; empty outside CI.

    A merge queue tests the commits that it will push: its HEAD is the head of the group itself. In GitLab a merge
    request's HEAD can be a merge that GitLab made, which ``CI_COMMIT_SHA`` names.
    """
    if state.job_type is JobType.LOCAL:
        return Claim()
    if state.job_type is JobType.BATCH:
        return Claim((), _batch_heads(state.pull_refs or ""))
    own = (state.commit,) if state.commit is not None else ()
    made = environment.get("CI_COMMIT_SHA", "")
    if state.system is CiSystem.GITLAB and is_sha(made):
        return Claim(tuple(dict.fromkeys((*own, made))), own)
    return Claim(own, () if state.job_type is JobType.MERGE_GROUP else own)


@final
@dataclass(frozen=True, slots=True)
class CheckoutDecision:
    """How the checkout was compared; ``alerts`` are warnings that the CI system shows beside the job."""

    proof: Proof
    warnings: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()


def decide_checkout(
    job: Job, environment: Mapping[str, str], facts: CheckoutFacts, rules: CheckoutRules
) -> Result[CheckoutDecision, Problems]:
    """How the checkout was compared and what its owners must know, or why the job does not build from it."""
    is_alert = bool(facts.credentials) and not job.is_local
    copied = git_warnings(facts)
    warnings = (*checkout_warnings(facts), *(() if is_alert else copied))
    proof = check_checkout(job, claim_of(job.state, environment), facts.found, rules)
    return proof.map(lambda found: CheckoutDecision(found, warnings, copied if is_alert else ()))


def check_checkout(job: Job, claim: Claim, found: FoundCheckout, rules: CheckoutRules) -> Result[Proof, Problems]:
    """How HEAD was compared with the claim, or why what is checked out is not what the job claims.

    Production: HEAD is the claimed commit, or descends from it and changes only files that administrators list.
    Unmerged code: HEAD may also be a merge that names every proposed head as a parent; what cannot be read
    is reported as not compared.
    """
    if job.is_local:
        return Success(Proof("not compared: outside CI no job claims a commit", is_checked=False))
    match found:
        case NoCheckout():
            return _without_checkout(job, found, rules)
        case UnreadableCheckout():
            remedy = "make the whole .git readable for this job; a checkout that cannot be compared is not built"
            return refuse(found.where, f"the commit that is checked out cannot be read: {found.reason}", remedy)
        case Checkout():
            return _compared(job, claim, found, rules)
        case _:
            assert_never(found)


def checkout_warnings(facts: CheckoutFacts) -> tuple[str, ...]:
    """A warning about tracked files that differ from HEAD."""
    found = facts.found
    modified = found.modified if isinstance(found, Checkout) else None
    if not modified:
        return ()
    count = f"at least {MOST_PATHS}" if len(modified) >= MOST_PATHS else str(len(modified))
    noun = "file differs" if len(modified) == 1 else "files differ"
    return (f"{count} tracked {noun} from HEAD and will be in the image as they are: {_listed(modified)}",)


def git_warnings(facts: CheckoutFacts) -> tuple[str, ...]:
    """Warnings about a ``.git`` that the engine can copy into the image."""
    if not facts.copies_git:
        return ()
    if facts.credentials:
        what = ".git is in the build context, and its configuration holds a credential that a build step can copy"
        return (f"{what}; add a line .git to .dockerignore, and check out without keeping credentials",)
    return (
        ".git is in the build context, and no .dockerignore excludes it; add a line .git, unless the image needs it",
    )


# --- claims -------------------------------------------------------------------------------------------------------


def _batch_heads(pull_refs: str) -> tuple[str, ...]:
    """Prow's ``base:sha,number:sha,…``."""
    heads = (part.split(":")[1:2] for part in pull_refs.split(",")[1:])
    return tuple(dict.fromkeys(head[0] for head in heads if head and is_sha(head[0])))


# --- comparison ---------------------------------------------------------------------------------------------------


def _without_checkout(job: Job, found: NoCheckout, rules: CheckoutRules) -> Result[Proof, Problems]:
    what = f"there is no .git in or above {' or '.join(map(repr, found.places))}"
    if job.is_production and not rules.none:
        remedy = f"check the sources out with git, or ask your administrators to set {_KEY}: {{none: true}}"
        return refuse("checkout", f"{what}, so what is built cannot be compared with the commit", remedy)
    return Success(Proof(f"not compared: {what}", is_checked=False))


def _compared(job: Job, claim: Claim, found: Checkout, rules: CheckoutRules) -> Result[Proof, Problems]:
    proof = _proof(job, claim, found, rules)
    if proof:
        unknown = "" if found.modified is not None else "; tracked files were not compared with HEAD"
        return Success(Proof(f"{proof}{unknown}"))
    if not job.is_production and claim.heads and found.parents is None:
        what = f"not compared: HEAD of {found.folder!r} is {found.head}, and git's files do not show its parents"
        return Success(Proof(f"{what}; install git in the job's image", is_checked=False))
    return Failure((_mismatch(claim, found, rules),))


def _proof(job: Job, claim: Claim, found: Checkout, rules: CheckoutRules) -> str:
    """How HEAD proves the claim; empty if it does not."""
    head = f"HEAD of {found.folder!r}" + ("" if found.holds_context else " (the build context lies outside of it)")
    if found.head in claim.commits:
        return f"{head} is the claimed commit"
    if not job.is_production and claim.heads and (found.parents or frozenset()).issuperset(claim.heads):
        return f"{head} merges the claimed head {', '.join(claim.heads)}"
    for commit, changes in found.changes.items():
        if changes.is_same:
            return f"{head} is the commit that the claimed tag object {commit} marks"
        if rules.changed_paths and not changes.reason and set(changes.paths) <= set(rules.changed_paths):
            only = f"changes only {_listed(changes.paths)}" if changes.paths else "changes nothing"
            return f"{head} descends from the claimed commit {commit} and {only}"
    above = found.superproject
    if above is None or isinstance(above.found, UnreadableCheckout) or above.recorded != found.head:
        return ""
    outer = _proof(job, claim, above.found, rules)
    return f"{outer}, which records the HEAD of the submodule {found.folder!r}" if outer else ""


def _mismatch(claim: Claim, found: Checkout, rules: CheckoutRules) -> Problem:
    claimed = " or ".join(claim.commits) or f"a merge of {', '.join(claim.heads)}"
    reasons = [f"HEAD is {found.head}, but the job claims {claimed}"]
    for changes in found.changes.values():
        others = [path for path in changes.paths if path not in rules.changed_paths]
        what = f"but changes {_listed(others)}" if others else "and changes nothing, but is another commit"
        reasons.append(changes.reason or f"HEAD descends from it, {what}")
    above = found.superproject
    if above is not None:
        reasons.append(_above(found, above.found, above.recorded, above.reason))
    remedy = f"check out what the job claims; files that the job commits itself belong in {_KEY}.changed-paths"
    return Problem(found.folder, "; ".join(dict.fromkeys(reasons)), remedy)


def _above(found: Checkout, outer: Checkout | UnreadableCheckout, recorded: str, reason: str) -> str:
    if isinstance(outer, UnreadableCheckout):
        return f"the checkout around it cannot be read: {outer.where}: {outer.reason}"
    if reason:
        return f"the checkout {outer.folder!r} around it: {reason}"
    if recorded != found.head:
        return f"the checkout {outer.folder!r} around it records the commit {recorded} for this submodule"
    return f"HEAD of the checkout {outer.folder!r} around it is {outer.head}"


def _listed(paths: Iterable[str]) -> str:
    names = tuple(paths)
    rest = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(repr(name[:200]) for name in names[:_MOST_SHOWN]) + rest
