"""Carry out a plan: build all variants at the same time, then publish what was built.

What is signed and tagged is the digest that the engine reported, after every repository has answered with that digest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_domain.artifacts import Artifacts
from image_builder_domain.build import PlannedBuild
from image_builder_domain.exit_code import Interruption
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import (
    Cancellation,
    ImageEngine,
    Listener,
    PublishingRegistry,
    Registry,
    Signer,
    Verifier,
)
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.publish.descent import Descent
from image_builder_domain.report.build_outcome import ImageOutcome, Outcome
from returns.result import Failure

from image_builder.workflows.image import build_image, never_started
from image_builder.workflows.publish import is_done, publish
from image_builder.workflows.rights import NOT_ASKED, Rights, not_begun
from image_builder.workflows.side_by_side import side_by_side
from image_builder.workflows.sign import unready


@final
@dataclass(frozen=True, slots=True)
class Ports:
    """What a build needs of the outside world.

    ``descent`` is git's answer about our commit and another one. ``signers`` are the chosen ones, by name, and
    ``verifiers`` look up the signatures of those whose type allows it.
    """

    engine: ImageEngine
    registry: Registry
    publishing: PublishingRegistry
    signers: Mapping[str, Signer]
    artifacts: Artifacts
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    descent: Callable[[str], Descent] = lambda _: Descent.UNKNOWN


def preflight(plan: Plan, ports: Ports) -> Problems:
    """What would fail later for a reason that can be seen now: missing programs, unusable secrets. Sends nothing."""
    engine = ports.engine.check()
    missing = (Problem("engine", str(engine.failure())),) if isinstance(engine, Failure) else ()
    references = (reference for build in plan.builds for reference in build.destinations)
    return (*missing, *unready(ports.registry, ports.signers, references))


def carry_out(
    plan: Plan, ports: Ports, listener: Listener, cancellation: Cancellation, rights: Rights = NOT_ASKED
) -> Outcome:
    """Do what the plan says, as far as it goes; the engine is closed in any case.

    ``rights`` are the answers of the registries. If one gave none, nothing is built.
    """
    if rights.unanswered and cancellation.reason() is None:
        for failure in rights.unanswered.values():
            listener.error(str(failure))
        return Outcome(tuple(not_begun(build, rights) for build in plan.builds))
    plan, lost = rights.limited(plan), list[str]()
    try:
        images = _build_all(plan, ports, listener, cancellation, lost)
    finally:
        ports.engine.close()
    images = publish(images, plan, ports, listener, cancellation)
    return Outcome(images, cancellation.reason() if not is_done(plan, images) else None, tuple(lost))


def _build_all(
    plan: Plan, ports: Ports, listener: Listener, cancellation: Cancellation, lost: list[str]
) -> tuple[ImageOutcome, ...]:
    """As many at the same time as the plan allows. Without ``keep_going`` the first that fails stops the others."""
    building = ScopedCancellation(cancellation)

    def one(build: PlannedBuild) -> ImageOutcome:
        stopped = building.reason()
        if stopped is not None:
            return never_started(build, stopped)
        following = listener.follow(build.request.name, build.request.variant)
        is_good = False
        try:
            outcome = build_image(build, ports, following, building, lost)
            is_good = outcome.failure is None or plan.keep_going
        finally:
            if not is_good:
                building.stop(Interruption.ANOTHER_BUILD_FAILED)
        return outcome

    return side_by_side(one, plan.builds, plan.max_parallel)
