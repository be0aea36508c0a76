"""The mode ``build``: build, push and sign with an engine on this machine; ``plan`` shows what it would do."""

from dataclasses import replace
from functools import cache

from image_builder_domain.image.reference import Repository
from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.build import decide as decide_build
from image_builder_domain.problem import Problems, gather, refuse
from image_builder_domain.report.build_outcome import report
from returns.result import Result, Success

from image_builder.container.runs import learn_credentials, open_ports
from image_builder.default_folders import engine_state_directory
from image_builder.presenters.build import Forecasts, plan_as_json, plan_as_text, summary
from image_builder.presenters.plan import show_warnings
from image_builder.session import Ending, Session, Work
from image_builder.workflows.build import Ports, carry_out, preflight
from image_builder.workflows.publish import refusals, tag_decider
from image_builder.workflows.rights import Rights, check_rights

_DEPRECATED = "building in this job is deprecated; the preferred backend is Azure DevOps: --build-in-ado"


def decide(session: Session) -> Result[Work, Problems]:
    """Everything that a build is planned from is read here; exit codes: specification, section 1."""
    inputs = session.reader.build_inputs()
    for secret in inputs.checkout.credentials:
        session.redactor.learn(secret)
    return gather(decide_build(inputs), _registry_flag(session)).map(lambda plan, _: _work(plan, session))


def _registry_flag(session: Session) -> Result[None, Problems]:
    if session.is_plan or not session.options.registry:
        return Success(None)
    return refuse("--registry", "only a plan takes it: a build asks the registries in any case", "use the verb plan")


def _work(plan: Plan, session: Session) -> Work:
    session.hide_arguments(argument for build in plan.builds for argument in build.request.arguments)
    plan = plan.as_built()
    state = engine_state_directory(session.environment, plan.job.side)
    ports = open_ports(replace(session.settings, state_directory=state), plan)
    ports = replace(ports, descent=session.reader.descent(plan.job.state))
    plan = replace(plan, max_parallel=min(plan.max_parallel, ports.engine.at_once() or plan.max_parallel))
    rights = cache(lambda: _rights(plan, ports, session))
    return Work(
        job=plan.job,
        alerts=plan.alerts,
        warnings=plan.warnings,
        show=session.page(
            lambda: plan_as_text(plan, ports.engine, ports.signers, _forecasts(plan, ports, session)),
            lambda: plan_as_json(plan, ports.engine, ports.signers, _forecasts(plan, ports, session)),
        ),
        announce=lambda: _announce(plan, session),
        unready=lambda: preflight(plan, ports) or refusals(plan, ports, rights(), session.cancellation),
        carry_out=lambda: _carry_out(plan, ports, session, rights()),
    )


def _forecasts(plan: Plan, ports: Ports, session: Session) -> Forecasts:
    """What would happen to each tag. Without ``--registry`` a plan makes no network call."""
    if not session.options.registry:
        return {}
    places = tuple(place for build in plan.builds for place in build.destinations)
    learn_credentials(ports, _repositories(plan), session.cancellation)
    found = tag_decider(plan, ports, session.cancellation).forecasts(places)
    return {one.reference: one for one in found}


def _announce(plan: Plan, session: Session) -> None:
    if session.has_pipeline and plan.job.state.system is not CiSystem.AZURE_PIPELINES:
        session.console.warning(_DEPRECATED)
    if plan.not_signed:
        session.console.info(f"not signed: {plan.not_signed}")


def _rights(plan: Plan, ports: Ports, session: Session) -> Rights:
    """What the registries say about pushing, asked before the engine starts."""
    learn_credentials(ports, _repositories(plan), session.cancellation)
    return check_rights(plan, ports.publishing, session.cancellation)


def _carry_out(plan: Plan, ports: Ports, session: Session, rights: Rights) -> Ending:
    show_warnings(rights.warnings, session.console)
    outcome = carry_out(plan, ports, session.console, session.cancellation, rights)
    alerts = [tag.alert for image in outcome.images for tag in image.tags if tag.alert]
    show_warnings(alerts, session.console)
    return Ending(
        exit_code=outcome.exit_code(),
        lost=outcome.lost,
        report=lambda lost: report(plan, replace(outcome, lost=lost)),
        summary=lambda path: summary(plan, outcome, path),
    )


def _repositories(plan: Plan) -> tuple[Repository, ...]:
    """Every repository that the engine gets credentials for."""
    requests = [build.request for build in plan.builds]
    places = (place for request in requests for place in request.repositories)
    caches = (reference.repository for request in requests for reference in request.cache.imports)
    return tuple(dict.fromkeys((*places, *caches)))
