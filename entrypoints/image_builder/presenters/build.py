"""What ``plan`` prints of a local build, as text and as JSON with secrets hidden, and the summary of ``build``."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from image_builder_domain.build import PlannedBuild
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import ImageEngine, Signer
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.publish.forecast import Forecast
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.report.build_outcome import ImageOutcome, Outcome
from image_builder_domain.report.outcome import any_failed
from image_builder_domain.trust.side import trust_facts

from image_builder.presenters.plan import signers_as_json, signers_as_text, source_as_text

Forecasts: TypeAlias = Mapping[ImageReference, Forecast]
"""What would happen to each tag, as the registries say; empty where they were not asked."""


def plan_as_json(
    plan: Plan, engine: ImageEngine, signers: Mapping[str, Signer], forecasts: Forecasts
) -> dict[str, Any]:
    """Everything in the plan, as one JSON object."""
    state = plan.job.state
    return {
        "image_name": plan.name,
        "backend": plan.backend,
        "buildkit": plan.engine.facts if plan.backend == "buildkit" else None,
        "git_state": {
            "system": state.system.value,
            "job_type": state.job_type.value,
            "repository": state.repository,
            "commit": state.commit,
            "base_sha": state.base_sha,
            "pull_number": state.pull_number,
        },
        "trust": asdict(trust_facts(plan.job)),
        "checkout": {"compared": plan.checkout.is_checked, "proof": plan.checkout.text},
        "tags": [{"name": tag.name, "value": tag.value} for tag in plan.tags],
        "max_parallel": plan.max_parallel,
        "keep_going": plan.keep_going,
        "publish_tags": plan.tag_order.value,
        "builds": [_build(build, engine, forecasts) for build in plan.builds],
        "signers": signers_as_json(plan.signers, signers, _images(plan)),
        "not_signed": plan.not_signed,
        "warnings": [*plan.alerts, *plan.job.warnings, *plan.warnings],
    }


def plan_as_text(plan: Plan, engine: ImageEngine, signers: Mapping[str, Signer], forecasts: Forecasts) -> str:
    """The plan as lines for people."""
    lines = [
        f"Plan for {plan.name}, built by {plan.title}",
        *source_as_text(plan.job),
        f"  checkout  {plan.checkout.text}",
        *_rows("tag", (f"{tag.name} = {tag.value}" for tag in plan.tags)),
        *_rows(plan.title, (plan.engine.summary,) if plan.engine.summary else ()),
    ]
    if len(plan.builds) > 1:
        failing = "the others go on" if plan.keep_going else "the others are stopped"
        pace = f"{plan.max_parallel} at the same time" if plan.max_parallel > 1 else "one after another"
        lines.append(f"  builds    {len(plan.builds)}, {pace}; when one fails, {failing}")
    for build in plan.builds:
        request = build.request
        lines += [
            *_rows("variant", (request.variant,) if request.variant is not None else ()),
            *_destinations(build, forecasts),
            *_rows("argument", map(str, request.arguments)),
            *_rows("platform", map(str, request.platforms)),
            *_rows("cache", (f"read  {reference}" for reference in request.cache.imports)),
            *_rows("cache", (f"write {reference}" for reference in request.cache.exports)),
            f"  command   {shlex.join(shown_command(engine, build))}",
        ]
    lines += signers_as_text(plan.signers, signers, _images(plan))
    if plan.tag_order is TagOrder.BEFORE_SIGNING:
        lines.append("  publish.tags is 'before-signing': tags are visible before they are signed")
    if plan.not_signed:
        lines.append(f"  not signed: {plan.not_signed}")
    return "\n".join(lines)


def shown_command(engine: ImageEngine, build: PlannedBuild) -> tuple[str, ...]:
    """The engine's command line with the values of secret-looking arguments hidden."""
    secrets = [argument for argument in build.request.arguments if argument.looks_secret]
    forms = ("build-arg:", "--build-arg=")  # BuildKit's and kaniko's
    hidden = {f"{form}{found.name}={found.value}": f"{form}{found}" for found in secrets for form in forms}
    return tuple(hidden.get(word, word) for word in engine.command(build.request))


def _destinations(build: PlannedBuild, forecasts: Forecasts) -> list[str]:
    """A row for each tag, and below it what would happen to it."""
    rows = []
    for reference in build.destinations:
        rows += _rows("push to", (reference,))
        rows += _rows("", (f"  {forecasts[reference]}",) if reference in forecasts else ())
    return rows


def _forecast(found: Forecast) -> dict[str, Any]:
    return {
        "reference": str(found.reference),
        "action": found.action.value,
        "digest": None if found.before is None else str(found.before),
        "commit": found.revision,
        "reason": found.reason,
    }


def _build(build: PlannedBuild, engine: ImageEngine, forecasts: Forecasts) -> dict[str, Any]:
    request = build.request
    known = [forecasts[reference] for reference in build.destinations if reference in forecasts]
    return {
        "variant": request.variant,
        "context": request.context,
        "dockerfile": request.dockerfile,
        "destinations": [str(reference) for reference in build.destinations],
        "registry": [_forecast(found) for found in known] if known else None,
        "arguments": [str(argument) for argument in request.arguments],
        "platforms": [str(platform) for platform in request.platforms],
        "target": request.target,
        "labels": dict(request.labels),
        "annotations": dict(request.annotations),
        "cache": {
            "read": [str(reference) for reference in request.cache.imports],
            "write": [str(reference) for reference in request.cache.exports],
        },
        "source_date_epoch": request.source_date_epoch,
        "command": list(shown_command(engine, build)),
    }


def _images(plan: Plan) -> tuple[ImageReference, ...]:
    return tuple(reference for build in plan.builds for reference in build.destinations)


def _rows(label: str, values: Any) -> list[str]:
    return [f"  {label:<9} {value}" for value in values]


def summary(plan: Plan, outcome: Outcome, report_path: str | None, *, was_built: bool = True) -> str:
    """What was built, where it is, who signed it, and the paths of log and report.

    Without ``was_built`` another run has built it, and this one published it.
    """
    verdict = _built if was_built else _published
    lines = [line for image in outcome.images for line in _image(image, verdict(image))]
    if len(outcome.images) > 1:
        lines.append(f"{sum(image.is_published for image in outcome.images)} of {len(outcome.images)} published")
    if plan.not_signed:
        lines.append(f"  not signed   {plan.not_signed}")
    if report_path is not None:
        lines.append(f"  report       {report_path}")
    return "\n".join(lines)


def _details(tag: TagFate) -> str:
    """What the word for a fate does not say: the digest that the tag named before, and the reason."""
    origin = f" from {tag.before}" if tag.before is not None and tag.fate in (Fate.MOVED, Fate.MOVED_BACK) else ""
    return f"{origin}: {tag.reason}" if tag.reason else origin


def _built(outcome: ImageOutcome) -> str:
    verdict = "failed" if outcome.failure is not None else "built" if outcome.image is not None else "not built"
    return f"{verdict} in {outcome.duration_seconds:.1f} s" if outcome.image or outcome.failure else verdict


def _published(outcome: ImageOutcome) -> str:
    return "published" if outcome.is_published else "not published"


def _image(outcome: ImageOutcome, verdict: str) -> list[str]:
    request = outcome.request
    title = request.name if request.variant is None else f"{request.name} ({request.variant})"
    lines = [f"{title}: {verdict}"]
    if outcome.steps.steps:
        lines.append(f"  steps        {outcome.steps}")
    if outcome.image is not None:
        lines.append(f"  digest       {outcome.image.digest}")
    for place in outcome.repositories:
        # Only a registry knows what it holds, and it may not have been asked: never claim that nothing is there.
        lines.append(f"  {'pushed' if place.holds else 'UNCONFIRMED':<12} {place.repository}")
    for tag in outcome.tags:
        lines.append(f"  {tag.fate.value:<12} {tag.reference}{_details(tag)}")
    for found in outcome.signatures:
        lines.append(f"  {found.status.value:<12} {found.reference} by {found.author}")
    visible = sum(tag.fate.names_ours for tag in outcome.tags)
    if visible and any_failed(outcome.signatures):
        lines.append(f"  NOT SIGNED   {visible} {'tag is' if visible == 1 else 'tags are'} visible all the same")
    if outcome.log_path is not None:
        lines.append(f"  log          {outcome.log_path}")
    return lines
