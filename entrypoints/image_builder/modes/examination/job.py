"""Check for ``doctor`` the CI system, the git state, the side of the job and the configuration file."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.production_ref import advise
from image_builder_domain.diagnosis import Finding
from image_builder_domain.job.detection import detect
from image_builder_domain.job.git_state import GitState
from image_builder_domain.job.local import Place
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.problem import Problems, gather, problems_of
from image_builder_domain.trust.checkout import CheckoutFacts, decide_checkout
from image_builder_domain.trust.side import trust_facts
from returns.result import Failure, Result, Success

_WHERE: Final = "job"
_FILE: Final = "configuration"


def look_at_job(environment: Mapping[str, str], place: Place, state: Result[GitState, Problems]) -> Iterator[Finding]:
    """The CI system that was recognised, and its git state or every reason why there is none."""
    system = detect(environment, place)
    shown = system.value if system is not None else "none that Image Builder can read by itself"
    yield Finding(_WHERE, "CI system", shown, system is not None, True)
    if isinstance(state, Success):
        yield Finding(_WHERE, "git state", _state(state.unwrap()), is_needed=True)
    yield from _refused(_WHERE, problems_of(state))


def look_at_side(inputs: TagInputs) -> Iterator[Finding]:
    """The side of the job with the facts that it follows from, and entries that are probably mistakes."""
    known = gather(inputs.configuration, inputs.git_state).values
    if isinstance(known, Failure):
        return  # each problem is reported in its own area
    yield from _refused(_WHERE, problems_of(inputs.job))
    if isinstance(inputs.job, Success):
        facts = asdict(trust_facts(inputs.job.unwrap()))
        yield Finding(_WHERE, "side", f"{facts['side']}: {facts['reason']}", is_needed=True)
        for name in ("ref", "pattern", "nearest", "protected", "fork"):
            if facts[name] is not None:
                yield Finding(_WHERE, name, _word(facts[name]))
    configuration, state = known.unwrap()
    for advice in advise(configuration.trust.production_refs, state):
        yield Finding(_FILE, advice.where, advice.what, False, False, advice.remedy)


def _word(fact: object) -> str:
    return {True: "yes", False: "no"}[fact] if isinstance(fact, bool) else str(fact)


def look_at_configuration(file: str, found: Result[Configuration, Problems]) -> Iterator[Finding]:
    """The file is valid, or every problem in it."""
    if isinstance(found, Success):
        yield Finding(_FILE, file, "valid", is_needed=True)
    yield from _refused(_FILE, problems_of(found))


def look_at_checkout(inputs: TagInputs, facts: CheckoutFacts) -> Iterator[Finding]:
    """How the checkout was compared with what the job claims, or why a build is refused; and what it would warn of."""
    known = gather(inputs.configuration, inputs.job).values
    if isinstance(known, Failure):
        return
    configuration, job = known.unwrap()
    decided = decide_checkout(job, inputs.environment, facts, configuration.checkout_check)
    if isinstance(decided, Success):
        decision = decided.unwrap()
        yield Finding(_WHERE, "checkout", decision.proof.text, is_needed=True)
        for warning in (*decision.alerts, *decision.warnings):
            yield Finding(_WHERE, "checkout", warning, is_good=False)
    yield from _refused(_WHERE, problems_of(decided))


def _refused(area: str, problems: Problems) -> Iterator[Finding]:
    for problem in problems:
        yield Finding(area, problem.where, problem.what, False, True, problem.remedy)


def _state(state: GitState) -> str:
    parts = (
        ("", state.job_type.value),
        ("of ", state.repository),
        ("pull request ", state.pull_number),
        ("commit ", state.commit),
        ("on ", state.host),
        ("default branch ", state.default_branch),
        ("", "the person who starts the job chooses its commit" if state.starter_chooses else None),
    )
    return ", ".join(f"{word}{value}" for word, value in parts if value is not None)
