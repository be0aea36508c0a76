"""The mode ``publish``: sign and tag what a build with ``publish.tags: later`` pushed by digest.

Destinations, tags and signers are decided anew from the configuration and the job. The report of the build gives only
digests.
"""

from dataclasses import replace
from functools import cache

from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.build import decide as decide_build
from image_builder_domain.problem import Problems, gather, refuse
from image_builder_domain.report.build_outcome import ImageOutcome, report
from image_builder_domain.report.to_publish import images_of_report
from returns.result import Result

from image_builder.container.runs import learn_credentials, open_ports
from image_builder.presenters.build import summary
from image_builder.presenters.plan import show_warnings
from image_builder.session import Ending, Session, Work
from image_builder.workflows.build import Ports
from image_builder.workflows.publish import refusals
from image_builder.workflows.publish_report import foreign_images, publish_report
from image_builder.workflows.rights import Rights, check_rights
from image_builder.workflows.sign import unready


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0 published, 2 refused, 4 a push or tag failed, 5 signing failed, 7, 8, 130, 143 as for a build."""
    inputs = session.reader.build_inputs()
    for secret in inputs.checkout.credentials:
        session.redactor.learn(secret)
    planned = decide_build(inputs).map(lambda plan: plan.as_published())
    return gather(planned, _given(session)).bind(
        lambda plan, content: images_of_report(content, session.options.report or "", plan).map(
            lambda images: _work(plan, images, session)
        )
    )


def _given(session: Session) -> Result[bytes, Problems]:
    missing = "the report of the build is missing"
    return session.given if session.given is not None else refuse("--report", missing, "give the build's report")


def _work(plan: Plan, images: tuple[ImageOutcome, ...], session: Session) -> Work:
    ports = replace(open_ports(session.settings, plan), descent=session.reader.descent(plan.job.state))
    rights = cache(lambda: _rights(plan, ports, session))
    return Work(
        job=plan.job,
        alerts=plan.alerts,
        warnings=plan.warnings,
        unready=lambda: (
            unready(ports.registry, ports.signers, (place for build in plan.builds for place in build.destinations))
            or refusals(plan, ports, rights(), session.cancellation)
            or foreign_images(images, plan, ports.publishing, session.cancellation)
        ),
        carry_out=lambda: _carry_out(plan, images, ports, session),
    )


def _rights(plan: Plan, ports: Ports, session: Session) -> Rights:
    places = tuple(dict.fromkeys(place for build in plan.builds for place in build.request.repositories))
    learn_credentials(ports, places, session.cancellation)
    return check_rights(plan, ports.publishing, session.cancellation)


def _carry_out(plan: Plan, images: tuple[ImageOutcome, ...], ports: Ports, session: Session) -> Ending:
    outcome = publish_report(images, plan, ports, session.console, session.cancellation)
    alerts = [tag.alert for image in outcome.images for tag in image.tags if tag.alert]
    show_warnings(alerts, session.console)
    return Ending(
        exit_code=outcome.exit_code(),
        report=lambda lost: report(plan, replace(outcome, lost=lost)),
        summary=lambda path: summary(plan, outcome, path, was_built=False),
    )
