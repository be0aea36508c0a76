"""The plan: every decision about a build, as one value. ``plan`` prints it, ``build`` carries it out."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.build import BuildRequest, CacheReferences, PlannedBuild
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.engine_type import EngineDecision
from image_builder_domain.plan.arguments import argument_warnings
from image_builder_domain.plan.backend import ChosenEngine
from image_builder_domain.plan.builds import Builds, decide_builds
from image_builder_domain.plan.destinations import image_name, name_warnings
from image_builder_domain.plan.inputs import Inputs
from image_builder_domain.plan.publishing import decide_tag_rules
from image_builder_domain.plan.signing import SignerChoice, choose_signers, signers_without_indexes, why_not_signed
from image_builder_domain.plan.tags import decide_tags, tag_warnings
from image_builder_domain.problem import Problem, Problems, gather, problems_of
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.publish.tag_rule import TagRules
from image_builder_domain.tag import Tag
from image_builder_domain.trust.checkout import NOT_COMPARED, CheckoutDecision, Proof, decide_checkout
from image_builder_domain.trust.pull_request_tags import uses_production_for_pull_requests
from image_builder_domain.trust.side import Job
from image_builder_domain.trust.side_decision import check_start

_PRODUCTION_WARNING: Final = "pr-tags-in-registry: this pull request's image goes to the production registry"

_LATER: Final = "publish.tags is 'later': the command publish signs and writes the tags"


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What a build will do. ``not_signed`` says why no signer signs; it is empty if one does.

    ``backend`` is the engine's name, ``title`` its name in messages, and ``engine`` holds its settings for this job.
    ``checkout`` says how the sources were compared with the commit that the job claims. ``alerts`` are warnings that
    the CI system shows beside the job. At most ``max_parallel`` builds run at the same time; with ``keep_going`` the
    others continue when one fails. ``tag_rules`` decide the fate of each tag by what a registry says, and ``tag_order``
    says when tags are written.
    """

    name: str
    job: Job
    tags: tuple[Tag, ...]
    builds: tuple[PlannedBuild, ...]
    signers: tuple[SignerChoice, ...]
    not_signed: str
    warnings: tuple[str, ...]
    backend: str
    title: str
    engine: EngineDecision
    log_format: str | None = None
    max_parallel: int = 1
    keep_going: bool = True
    checkout: Proof = NOT_COMPARED
    alerts: tuple[str, ...] = ()
    tag_rules: TagRules = field(default_factory=TagRules)
    tag_order: TagOrder = TagOrder.AFTER_SIGNING

    def as_built(self) -> "Plan":
        """The plan of the run that builds: nobody signs in it if tags are written later."""
        if self.tag_order is not TagOrder.LATER:
            return self
        signers = tuple(SignerChoice(choice.definition, False, _LATER) for choice in self.signers)
        return replace(self, signers=signers, not_signed=self.not_signed or _LATER)

    def as_published(self) -> "Plan":
        """The plan of the run that publishes what another one built."""
        order = TagOrder.AFTER_SIGNING if self.tag_order is TagOrder.LATER else self.tag_order
        return replace(self, tag_order=order)


def decide(inputs: Inputs) -> Result[Plan, Problems]:
    """The plan, or every problem of the inputs and of what they ask for together."""
    configuration, job, name = inputs.tags.configuration, inputs.tags.job, image_name(inputs.tags.asked)
    tags = decide_tags(inputs.tags)
    builds = decide_builds(inputs, configuration, job, name, tags)
    # What is wrong with the settings is reported also where no job was decided.
    chosen = gather(inputs.engine, configuration).bind(lambda found, known: found.settings(known).map(lambda _: found))
    engine = gather(chosen, configuration, job, inputs.source).bind(
        lambda found, known, of, source: found.decide(
            known, of, inputs.tags.environment, source.text, inputs.real_paths
        )
    )
    checkout = gather(configuration, job).bind(partial(_checkout, inputs))
    decided = gather(configuration, job, name, tags, builds, chosen, engine, checkout)
    return decided.bind(partial(_assembled, inputs))


def _checkout(inputs: Inputs, configuration: Configuration, job: Job) -> Result[CheckoutDecision, Problems]:
    decided = decide_checkout(job, inputs.tags.environment, inputs.checkout, configuration.checkout_check)
    started = check_start(configuration.trust, job, inputs.tags.history)
    return gather(decided, started).map(lambda found, _: found)


def _assembled(
    inputs: Inputs,
    configuration: Configuration,
    job: Job,
    name: str,
    tags: tuple[Tag, ...],
    builds: Builds,
    chosen: ChosenEngine,
    engine: EngineDecision,
    checkout: CheckoutDecision,
) -> Result[Plan, Problems]:
    signers = _signers(configuration, job)
    planned = _planned(builds, engine)
    requests = tuple(build.request for build in planned)
    rules = decide_tag_rules(inputs, configuration, job, planned)
    problems = (*_index_problems(signers, requests), *_refusals(chosen, engine, requests), *problems_of(rules))
    if problems:
        return Failure(problems)
    asked = inputs.tags.asked
    return Success(
        Plan(
            name=name,
            job=job,
            tags=tags,
            builds=planned,
            signers=signers,
            not_signed=why_not_signed(signers, job),
            warnings=(*engine.warnings, *checkout.warnings, *_warnings(inputs, configuration, job, requests, builds)),
            backend=chosen.name,
            title=chosen.title,
            engine=engine,
            log_format=configuration.log_format,
            max_parallel=min(asked.max_parallel or inputs.processors, len(requests)),
            keep_going=asked.keep_going,
            checkout=checkout.proof,
            alerts=checkout.alerts,
            tag_rules=rules.unwrap(),
            tag_order=configuration.tag_order,
        )
    )


def _planned(builds: Builds, engine: EngineDecision) -> tuple[PlannedBuild, ...]:
    if not engine.without_cache:
        return builds.planned
    return tuple(replace(found, request=replace(found.request, cache=CacheReferences())) for found in builds.planned)


def _warnings(
    inputs: Inputs, configuration: Configuration, job: Job, requests: tuple[BuildRequest, ...], builds: Builds
) -> tuple[str, ...]:
    return (
        *name_warnings(inputs.tags.asked.name or ""),
        *tag_warnings(inputs.tags),
        *argument_warnings(requests, builds.source, builds.arguments),
        *((_PRODUCTION_WARNING,) if uses_production_for_pull_requests(configuration, job) else ()),
    )


def _signers(configuration: Configuration, job: Job) -> tuple[SignerChoice, ...]:
    """The choice of signers; none signs an image of a pull request in the production registry."""
    choices = choose_signers(configuration, job)
    if not uses_production_for_pull_requests(configuration, job):
        return choices
    why = "pr-tags-in-registry: nothing in it is signed"
    return tuple(SignerChoice(choice.definition, False, why) for choice in choices)


def _refusals(chosen: ChosenEngine, engine: EngineDecision, builds: tuple[BuildRequest, ...]) -> Problems:
    """What the engine itself cannot carry out: nothing is dropped in silence."""
    refused = dict.fromkeys(found for found in map(engine.settings.refusal, builds) if found is not None)
    return tuple(Problem(f"--backend {chosen.name}", reason, "leave that out, or choose another") for reason in refused)


def _index_problems(signers: tuple[SignerChoice, ...], builds: tuple[BuildRequest, ...]) -> Problems:
    """A problem for each signer that cannot sign an index, if a build has several platforms."""
    if all(len(build.platforms) < 2 for build in builds):
        return ()
    hint = "use a secret of type mtls, or build one --platform"
    return tuple(
        Problem(signer.where, f"the signer {signer.name!r} cannot sign an image of several platforms", hint)
        for signer in signers_without_indexes(signers)
    )
