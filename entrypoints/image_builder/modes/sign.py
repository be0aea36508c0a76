"""The mode ``sign``: sign images that exist, build nothing."""

from dataclasses import replace

from image_builder_domain.plan.signing import SignPlan, decide_signing
from image_builder_domain.problem import Problems
from image_builder_domain.report.outcome import signing_report
from returns.result import Result

from image_builder.container.signing import open_signing_ports
from image_builder.presenters.sign import plan_as_json, plan_as_text, summary
from image_builder.session import Ending, Session, Work
from image_builder.workflows.sign import SigningPorts, sign_images, unready


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0 signed, 2 refused, 5 something could not be resolved or signed, 7, 8, 130, 143 as for a build."""
    images = tuple(image.strip() for image in (*session.options.images_to_sign, *session.words))
    return decide_signing(images, session.reader.settings()).map(lambda plan: _work(plan, session))


def _work(plan: SignPlan, session: Session) -> Work:
    ports = open_signing_ports(session.settings, plan)
    return Work(
        job=plan.job,
        show=session.page(
            lambda: plan_as_text(plan, ports.signers),
            lambda: plan_as_json(plan, ports.signers),
        ),
        unready=lambda: unready(ports.registry, ports.signers, plan.references),
        carry_out=lambda: _sign(plan, ports, session),
    )


def _sign(plan: SignPlan, ports: SigningPorts, session: Session) -> Ending:
    outcome = sign_images(plan, ports, session.console, session.cancellation)
    return Ending(
        exit_code=outcome.exit_code(),
        report=lambda lost: signing_report(plan, replace(outcome, lost=lost)),
        summary=lambda path: summary(outcome, path),
    )
