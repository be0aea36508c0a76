"""No push-like job that misses one of the five conditions of production reaches what is production's.

Over all environments: system, class, ref, protection, fork, configuration, history. What should be is judged by an
oracle that is written from the page on trust, from what is true of a job and from the configuration as its file says
it: it calls nothing of the product.
"""

import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

from hypothesis import event, given, settings
from hypothesis import strategies as st
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.signing import SignPlan, decide_signing
from image_builder_domain.plan.tags import decide_tags
from image_builder_domain.problem import Problems
from image_builder_domain.trust.checkout import (
    Changes,
    Checkout,
    CheckoutFacts,
    FoundCheckout,
    NoCheckout,
    Superproject,
    UnreadableCheckout,
)
from image_builder_domain.trust.history import History, OnBranch
from image_builder_domain.trust.side import Side
from returns.result import Result, Success

from tests.given import build_inputs
from tests.jobs import BASE, MERGE, OTHER
from tests.unit.domain.trust.plans import WHOLE, configured, lies_in
from tests.unit.domain.trust.push_jobs import PushJob, push_jobs

# --- configurations ------------------------------------------------------------------------------------------------

LISTS = (
    *(["main"], ["refs/heads/main"], ["main", "refs/tags/main"], ["release/*"], ["release/**", "main"]),
    *(["refs/tags/v*"], ["main", "refs/tags/v*"], ["refs/tags/v1.2.3"], ["refs/heads/*"], ["v*"], ["refs/tags/**"]),
    *(["refs/heads/**", "refs/tags/**"], ["release/*", "refs/tags/release/*", "main"]),
)
CHECKOUTS: dict[str, FoundCheckout] = {
    "claimed": Checkout("/src", BASE, frozenset(), modified=()),
    "other": Checkout("/src", OTHER, frozenset(), modified=()),
    "merge": Checkout("/src", MERGE, frozenset({BASE}), {BASE: Changes(("app",))}, modified=()),
    "empty commit on top": Checkout("/src", MERGE, frozenset({BASE}), {BASE: Changes()}, modified=()),
    "packed": Checkout("/src", MERGE, None),
    "moved submodule": Checkout("/src/x", OTHER, frozenset(), superproject=Superproject(Checkout("/src", BASE), MERGE)),
    "unreadable": UnreadableCheckout("/src/.git", "Permission denied"),
    "none": NoCheckout(("/src",)),
}
HOSTS = (None, None, "github.com", ["git.example", "github.com", "gitlab.example"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], PushJob, dict[str, OnBranch]]:
    """A configuration, a job, and what git says of its commit. Most keys of the configuration are for the job."""
    job = draw(push_jobs)
    path, name = job.repository, job.name
    groups = (f"{path.rpartition('/')[0]}/*", "*")
    keys = (path, path.title(), *groups, f"{job.host or 'git.example'}/{path}", "acme/other")
    chosen = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique_by=str.lower))
    lists = ([name], [f"refs/tags/{name}", "main"], [name, f"refs/tags/{name}"], *LISTS)
    refs = {key: draw(st.sampled_from(lists)) for key in chosen} if draw(st.integers(0, 2)) else None
    hosts = draw(st.sampled_from(HOSTS))
    document = {
        **WHOLE,
        **({"production-refs": refs} if refs is not None else {}),
        **({"unprotected-refs": True} if refs is not None and draw(st.integers(0, 3)) == 0 else {}),
        **({"repository-hosts": hosts} if hosts is not None else {}),
        **({"checkout-check": {"none": True}} if draw(st.booleans()) else {}),
    }
    answers = st.sampled_from((*OnBranch, OnBranch.YES, OnBranch.YES))
    return document, job, {branch: draw(answers) for branch in sorted({"main", name})}


# --- the oracle ----------------------------------------------------------------------------------------------------


def counts(key: str, job: PushJob) -> int:
    """How specific a key is for a job's repository; 0 when it is not for it at all."""
    key, path = key.lower(), job.repository.lower()
    ranks = {f"{job.host}/{path}": 4, path: 3, f"{path.rpartition('/')[0]}/*": 2, "*": 1}
    return ranks.get(key, 0)


def patterns(document: dict[str, Any], job: PushJob) -> tuple[str, list[str]]:
    """The key that counts for a job, and its list."""
    entries = document["production-refs"]
    best = max(entries, key=lambda key: counts(key, job))
    return (best, entries[best]) if counts(best, job) else ("", [])


def full(pattern: str) -> str:
    return pattern if pattern.startswith("refs/") else f"refs/heads/{pattern}"


def matches(pattern: str, ref: str) -> bool:
    pieces = re.split(r"(\*\*|\*)", full(pattern))
    meaning = {"**": ".*", "*": "[^/]*"}
    return re.fullmatch("".join(meaning.get(piece, re.escape(piece)) for piece in pieces), ref) is not None


def is_listed(document: dict[str, Any], job: PushJob) -> bool:
    """Condition 1."""
    if "production-refs" not in document:
        in_prow = job.system == "Prow"
        on_default = job.default_branch is not None and job.refs == (f"refs/heads/{job.default_branch}",)
        return in_prow or (job.system == "GitHub" and on_default and not job.is_fork)
    key, wanted = patterns(document, job)
    if job.is_fork and key.endswith("*"):
        return False
    unsure = not job.host and any(  # of a job without a host nobody knows whether a key with one is for it
        found.lower().partition("/")[2] == job.repository.lower() for found in document["production-refs"]
    )
    return not unsure and all(any(matches(pattern, ref) for pattern in wanted) for ref in job.refs)


def exact(document: dict[str, Any], job: PushJob) -> list[str]:
    """The branches that are named without a wildcard."""
    wanted = map(full, patterns(document, job)[1])
    return [ref.removeprefix("refs/heads/") for ref in wanted if ref.startswith("refs/heads/") and "*" not in ref]


def is_closed(document: dict[str, Any], job: PushJob, history: History) -> bool:
    """Condition 2: not everybody can have made the ref."""
    if "production-refs" not in document:
        return True
    wanted = patterns(document, job)[1]
    named = all(any(full(pattern) == ref for pattern in wanted) for ref in job.refs)
    if (job.kind != "tag" and named) or job.is_protected or document.get("unprotected-refs"):
        return True
    return any(history.get(branch) is OnBranch.YES for branch in exact(document, job))


def is_checked_out(document: dict[str, Any], checkout: str) -> bool:
    """Condition 3: HEAD is the claimed commit, or administrators do without any checkout."""
    return checkout == "claimed" or (checkout == "none" and "checkout-check" in document)


def is_the_branch_s(document: dict[str, Any], job: PushJob, history: History) -> bool:
    """Condition 4: the commit that somebody chose lies on the branch that is claimed."""
    if not job.is_started:
        return True
    branches = exact(document, job) if job.kind == "tag" else [job.name]
    return any(history.get(branch) is OnBranch.YES for branch in branches)


def nothing_speaks_against(document: dict[str, Any], job: PushJob) -> bool:
    """Condition 5, as far as the configuration goes: the repository is of a host that counts."""
    hosts = document.get("repository-hosts", [])
    hosts = [hosts] if isinstance(hosts, str) else hosts
    return job.host in hosts if hosts and job.host else job.system != "Jenkins"


def is_production(document: dict[str, Any], job: PushJob, history: History, *, is_build: bool) -> bool:
    return (
        is_listed(document, job)
        and is_closed(document, job, history)
        and (not is_build or is_the_branch_s(document, job, history))
        and nothing_speaks_against(document, job)
    )


# --- what must hold ------------------------------------------------------------------------------------------------

Case: TypeAlias = tuple[dict[str, Any], PushJob, dict[str, OnBranch]]


def inputs(found: Configuration, job: PushJob, history: History) -> TagInputs:
    state = read_git_state(job.environment, None, None, Success(job.event))
    asked = Asked("app", backend="buildkit")
    return TagInputs(asked, Success(found), state, datetime(2026, 1, 2, tzinfo=UTC), {}, history)


def decided(found: Configuration, job: PushJob, history: History, checkout: str) -> Result[Plan, Problems]:
    tags, facts = inputs(found, job, history), CheckoutFacts(CHECKOUTS[checkout])
    return decide(build_inputs(tags, checkout=facts))


def reached(plan: Plan, found: Configuration) -> list[str]:
    """What of production a plan reaches."""
    (build,) = plan.builds
    cache = found.cache.repository
    return [
        *(f"pushes to {place}" for place in build.destinations if lies_in(place, found.registries)),
        *(f"writes {place}" for place in build.request.cache.exports if cache is not None and lies_in(place, (cache,))),
        *(
            f"{choice.definition.name} signs"
            for choice in plan.signers
            if choice.chosen and not choice.definition.job_types
        ),
        *(["is production"] if plan.job.side is not Side.UNMERGED else []),
    ]


@settings(max_examples=400, deadline=None)
@given(cases(), st.sampled_from((*CHECKOUTS, *["claimed"] * 8)))
def test_no_push_that_misses_a_condition_reaches_production(case: Case, checkout: str) -> None:
    document, job, history = case
    found = configured(document).unwrap()
    plan = decided(found, job, history, checkout)
    if is_production(document, job, history, is_build=True) and is_checked_out(document, checkout):
        event(f"{job.system}: production")
        # Nothing is proved by refusing everything.
        assert isinstance(plan, Success), plan
        assert len(reached(plan.unwrap(), found)) == 4
    elif isinstance(plan, Success):
        event(f"{job.system}: unmerged")
        assert reached(plan.unwrap(), found) == []
        assert all(lies_in(place, found.dev_registries) for place in plan.unwrap().builds[0].destinations)
        assert [choice.definition.name for choice in plan.unwrap().signers if choice.chosen] == ["named"]
        # A tag is never demoted, and a demotion is never silent.
        assert job.kind != "tag"
        assert plan.unwrap().job.warnings
        assert checkout in ("claimed", "merge", "empty commit on top", "packed", "none")
    else:
        event(f"{job.system}: refused")


PRODUCTION, DEVELOPMENT = "reg.example/prod/app:v1", "reg.example/dev/app:v1"


@settings(max_examples=300, deadline=None)
@given(cases())
def test_tags_and_signatures_of_images_that_exist_follow_the_same_conditions(case: Case) -> None:
    document, job, history = case
    found = configured(document | {"default-commit-tag": "commit", "default-merge-group-tag": "group"}).unwrap()
    asked = inputs(found, job, history)
    tags = decide_tags(asked).map(lambda all_of_them: [tag.value for tag in all_of_them]).value_or([])
    signed = {
        image: [choice.definition.name for choice in plan.signers if choice.chosen]
        for image in (PRODUCTION, DEVELOPMENT)
        for plan in [_signing(image, asked).value_or(None)]
        if plan is not None
    }
    if is_production(document, job, history, is_build=False):
        assert (tags, signed) == (["commit"], {PRODUCTION: ["any"]})
    else:
        assert (tags, signed) in (([], {}), (["group"], {DEVELOPMENT: ["named"]}))
        assert (tags, signed) == ([], {}) or job.kind != "tag"


def _signing(image: str, asked: TagInputs) -> Result[SignPlan, Problems]:
    return decide_signing((image,), asked)
