"""What ``plan`` prints of a build in Azure DevOps, as text and as JSON, and the summary of such a build."""

from dataclasses import asdict
from typing import Any

from image_builder_domain.plan.remote import RemotePlan
from image_builder_domain.remote_pipeline import RemotePipeline
from image_builder_domain.report.outcome import RemoteOutcome
from image_builder_domain.trust.side import trust_facts

from image_builder.presenters.plan import source_as_text


def plan_as_json(plan: RemotePlan, pipeline: RemotePipeline) -> dict[str, Any]:
    """Everything in the plan, as one JSON object."""
    state, settings = plan.job.state, plan.settings
    return {
        "image_name": plan.name,
        "backend": "ado",
        "git_state": {
            "system": state.system.value,
            "job_type": state.job_type.value,
            "repository": state.repository,
            "commit": state.commit,
            "pull_number": state.pull_number,
        },
        "trust": asdict(trust_facts(plan.job)),
        "pipeline": {
            "organization_url": settings.organization_url,
            "project": settings.project,
            "id": settings.pipeline_id,
            "version": settings.pipeline_version,
            "parameters": settings.parameters,
        },
        "parameters": {each.name: each.shown for each in plan.request.parameters},
        "request": pipeline.describe(plan.request),
        "warnings": [*plan.job.warnings, *plan.warnings],
    }


def plan_as_text(plan: RemotePlan, pipeline: RemotePipeline) -> str:
    """The plan as lines for people."""
    settings = plan.settings
    lines = [
        f"Plan for {plan.name or 'a preview'}, in Azure DevOps",
        *source_as_text(plan.job),
        f"  pipeline  {settings.pipeline_id} of {settings.project} in {settings.organization_url}",
        f"  version   {settings.pipeline_version or 'newest'}, parameters {settings.parameters}",
        *(f"  {each.name} = {each.shown}" for each in plan.request.parameters),
        "  request",
        *(f"            {line}" for line in pipeline.describe(plan.request).splitlines()),
        "  tags are computed, and images signed, by the pipeline",
    ]
    return "\n".join(lines)


def summary(plan: RemotePlan, outcome: RemoteOutcome, report_path: str | None) -> str:
    """The result of the run, what it reported of its images, and the paths of log and report."""
    said = f" ({outcome.finished.result})" if outcome.finished is not None and outcome.exit_code() else ""
    lines = [f"{plan.name}: {outcome.result}{said} in {outcome.duration_seconds:.1f} s"]
    if outcome.run is not None:
        lines.append(f"  run          {outcome.run.url}")
    report = outcome.report
    if report is not None:
        lines.append("  as the pipeline says:")
        lines += [f"  {'pushed' if report.pushed else 'NOT PUSHED':<12} {image}" for image in report.images_list]
        lines += [f"  digest       {report.digest}"] if report.digest else []
        lines.append(f"  {'signed' if report.signed else 'not signed'}")
    if outcome.log_path is not None:
        lines.append(f"  log          {outcome.log_path}")
    if report_path is not None:
        lines.append(f"  report       {report_path}")
    return "\n".join(lines)
