"""The plan: every decision about a build, as one value. ``plan`` prints it, ``build`` carries it out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from returns.result import Failure, Result, Success

from image_builder_domain.build import BuildRequest
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.plan.arguments import argument_warnings
from image_builder_domain.plan.backend import Backend, decide_backend
from image_builder_domain.plan.build_inputs import Inputs
from image_builder_domain.plan.builds import Builds, decide_builds
from image_builder_domain.plan.destinations import image_name
from image_builder_domain.plan.engine import EngineDecision, decide_engine
from image_builder_domain.plan.signers import SignerChoice, choose_signers, why_not_signed
from image_builder_domain.plan.tags import decide_tags, tag_warnings
from image_builder_domain.problem import Problem, Problems, problems_of, together
from image_builder_domain.tag import Tag
from image_builder_domain.trust.checkout import NOT_COMPARED, CheckoutDecision, Proof, decide_checkout
from image_builder_domain.trust.decision import check_start
from image_builder_domain.trust.job import Job
from image_builder_domain.trust.pull_request_tags import uses_production_for_pull_requests

if TYPE_CHECKING:
    from image_builder_domain.engine_type import EngineSettings


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done. ``not_signed`` says why nobody signs, empty when somebody does.

    ``engine`` holds the settings of the backend's engine, where it has any. ``checkout`` says how what is built was
    compared with what the job claims. ``alerts`` are warnings that the CI system shows beside the job.
    At most ``max_parallel`` of the builds run at the same time; ``keep_going`` lets the others go on when one fails.
    """

    name: str
    job: Job
    tags: tuple[Tag, ...]
    builds: tuple[BuildRequest, ...]
    signers: tuple[SignerChoice, ...]
    not_signed: str
    warnings: tuple[str, ...]
    log_format: str | None = None
    max_parallel: int = 1
    keep_going: bool = True
    backend: Backend = Backend.BUILDKIT
    engine: "EngineSettings | None" = None
    checkout: Proof = NOT_COMPARED
    alerts: tuple[str, ...] = ()


def decide(inputs: Inputs) -> Result[Plan, Problems]:
    """The plan, or every problem of the inputs and of what they ask for together."""
    asked, tag_inputs = inputs.tags.asked, inputs.tags
    backend = decide_backend(asked.backend, asked.build_in_ado, tag_inputs.environment)
    known = together(tag_inputs.configuration, tag_inputs.job, image_name(asked))
    tags = decide_tags(tag_inputs)
    builds = decide_builds(inputs, known, tags, backend)
    checkout = together(tag_inputs.configuration, tag_inputs.job).bind(lambda found: _checkout(inputs, *found))
    return together(known, tags, builds, backend, checkout).bind(
        lambda found: _assembled(inputs, *found[0], found[1], found[2], found[3], found[4])
    )


def _checkout(inputs: Inputs, configuration: Configuration, job: Job) -> Result[CheckoutDecision, Problems]:
    decided = decide_checkout(job, inputs.tags.environment, inputs.checkout, configuration.checkout_check)
    started = check_start(configuration, job, inputs.tags.history)
    return together(decided, started).map(lambda found: found[0])


def _assembled(
    inputs: Inputs,
    configuration: Configuration,
    job: Job,
    name: str,
    tags: tuple[Tag, ...],
    builds: Builds,
    backend: Backend,
    checkout: CheckoutDecision,
) -> Result[Plan, Problems]:
    in_production = uses_production_for_pull_requests(configuration, job)
    signers = tuple(
        SignerChoice(choice.definition, False, "pr-tags-in-registry: nothing in it is signed")
        if in_production
        else choice
        for choice in choose_signers(configuration, job)
    )
    decided = decide_engine(
        configuration, job, backend.value, inputs.tags.environment, builds.source.frontends, inputs.real_paths
    )
    engine = decided.value_or(EngineDecision(None))
    requests = engine.applied(builds.requests)
    problems = (
        *problems_of(decided),
        *_index_problems(signers, requests),
        *_refusals(backend, engine.settings, requests),
    )
    if problems:
        return Failure(problems)
    asked = inputs.tags.asked
    return Success(
        Plan(
            name=name,
            job=job,
            tags=tags,
            builds=requests,
            signers=signers,
            not_signed=why_not_signed(signers, job),
            warnings=(
                *engine.warnings,
                *checkout.warnings,
                *tag_warnings(inputs.tags),
                *argument_warnings(requests, builds.source, builds.arguments),
                *(_PRODUCTION_WARNING if in_production else ()),
            ),
            log_format=configuration.log_format,
            max_parallel=min(asked.max_parallel or inputs.processors, len(requests)),
            keep_going=asked.keep_going,
            backend=backend,
            engine=engine.settings,
            checkout=checkout.proof,
            alerts=checkout.alerts,
        )
    )


def _refusals(backend: Backend, engine: "EngineSettings | None", builds: tuple[BuildRequest, ...]) -> Problems:
    """What the engine itself says that it cannot honour: nothing is dropped in silence."""
    if engine is None:
        return ()
    refused = dict.fromkeys(found for found in map(engine.refusal, builds) if found is not None)
    return tuple(
        Problem(f"--backend {backend.value}", reason, "leave that out, or choose another") for reason in refused
    )


_PRODUCTION_WARNING = ("pr-tags-in-registry: this pull request's image goes to the production registry",)


def _index_problems(signers: tuple[SignerChoice, ...], builds: tuple[BuildRequest, ...]) -> Problems:
    """Protocol v1 signs an image's configuration, which an index of several platforms does not have."""
    if all(len(build.platforms) < 2 for build in builds):
        return ()
    return tuple(
        Problem(
            choice.definition.where,
            f"the signer {choice.definition.name!r} cannot sign an image of several platforms",
            "use a secret of type mtls, or build one --platform",
        )
        for choice in signers
        if choice.chosen and not choice.definition.settings.signs_indexes
    )
