"""The build report: one JSON format for the file, ``--output json`` and remote pipelines (specification, section 9)."""

from typing import Any

from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.signing import SignPlan
from image_builder_domain.report.outcome import ImageOutcome, Outcome
from image_builder_domain.report.signing_outcome import SignedImage, SigningOutcome
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_domain.trust.job import trust_facts


def report(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """The report of a run, also of one that failed; build arguments and secrets are not in it."""
    pushed = all(image.is_published for image in outcome.images)
    single = outcome.images[0] if len(outcome.images) == 1 else None
    return {
        "status": "success" if outcome.exit_code() == 0 else "failure",
        "exit_code": int(outcome.exit_code()),
        "pushed": pushed,
        "signed": _is_signed(outcome),
        "not_signed": plan.not_signed,
        "trust": trust_facts(plan.job),
        "checkout": {"compared": plan.checkout.is_checked, "proof": plan.checkout.text},
        "image_name": plan.name,
        "images_list": [
            str(found.reference) for image in outcome.images for found in image.destinations if found.holds
        ],
        "tags": [{"name": tag.name, "value": tag.value} for tag in plan.tags],
        "repository_path": sorted(
            {str(reference.repository) for build in plan.builds for reference in build.destinations}
        ),
        "digest": str(single.image.digest) if single is not None and single.image is not None else None,
        "architectures": sorted({platform for image in outcome.images for platform in image.platforms}),
        "interrupted": outcome.interruption.name if outcome.interruption is not None else None,
        "not_written": list(outcome.lost),
        "images": [_image(image) for image in outcome.images],
    }


def signing_report(plan: SignPlan, outcome: SigningOutcome) -> dict[str, Any]:
    """The report of a run that signed images which were there before: the same format, with nothing built or pushed."""
    digests = {str(image.digest) for image in outcome.images if image.digest is not None}
    manifests = [image.manifest for image in outcome.images if image.manifest is not None]
    return {
        "status": "success" if outcome.exit_code() == 0 else "failure",
        "exit_code": int(outcome.exit_code()),
        "pushed": False,
        "signed": outcome.is_complete,
        "not_signed": "",
        "trust": trust_facts(plan.job),
        "checkout": None,
        "image_name": None,
        "images_list": [str(image.reference) for image in outcome.images if image.is_resolved],
        "tags": [],
        "repository_path": sorted({str(image.reference.repository) for image in outcome.images}),
        "digest": next(iter(digests)) if len(digests) == 1 else None,
        "architectures": sorted({platform for manifest in manifests for platform in manifest.platforms}),
        "interrupted": outcome.interruption.name if outcome.interruption is not None else None,
        "not_written": list(outcome.lost),
        "images": [_signed_image(image) for image in outcome.images],
    }


def unfinished_report(
    status: str,
    name: str,
    reason: str,
    *,
    exit_code: int | None = None,
    interrupted: str | None = None,
    problems: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The report of a run that did nothing (yet): the same keys, with nothing pushed and nothing signed.

    ``status`` is ``running``, ``refused`` or ``failure``; ``exit_code`` is None while the run goes on. ``problems`` are
    those of a refused run.
    """
    return {
        "status": status,
        "exit_code": exit_code,
        "pushed": False,
        "signed": False,
        "not_signed": reason,
        "trust": None,
        "checkout": None,
        "image_name": name,
        "images_list": [],
        "tags": [],
        "repository_path": "",
        "digest": "",
        "architectures": [],
        "interrupted": interrupted,
        "not_written": [],
        "images": [],
        "problems": list(problems),
    }


def _signed_image(image: SignedImage) -> dict[str, Any]:
    found = image.manifest.descriptor if image.manifest is not None else None
    return {
        "variant": None,
        "reference": f"{image.reference.repository}@{found.digest}" if found is not None else None,
        "digest": str(found.digest) if found is not None else None,
        "size": found.size if found is not None else None,
        "media_type": found.media_type if found is not None else None,
        "platforms": list(image.manifest.platforms) if image.manifest is not None else [],
        "destinations": [
            {"reference": str(image.reference), "holds_digest": image.is_resolved, "reason": image.reason}
        ],
        "signatures": [_signature(signature) for signature in image.signatures],
        "failure": None,
        "log": None,
        "duration_seconds": max((signature.duration_seconds for signature in image.signatures), default=0.0),
    }


def _is_signed(outcome: Outcome) -> bool:
    results = [found for image in outcome.images for found in image.signatures]
    complete = all(image.signatures for image in outcome.images)
    return bool(results) and complete and all(found.status is not SignatureStatus.FAILED for found in results)


def _image(outcome: ImageOutcome) -> dict[str, Any]:
    image = outcome.image
    repositories = dict.fromkeys(str(reference.repository) for reference in outcome.request.destinations)
    return {
        "variant": outcome.request.variant,
        "reference": f"{next(iter(repositories))}@{image.digest}" if image is not None else None,
        "digest": str(image.digest) if image is not None else None,
        "size": image.size if image is not None else None,
        "media_type": image.media_type if image is not None else None,
        "platforms": list(outcome.platforms),
        "destinations": [
            {"reference": str(found.reference), "holds_digest": found.holds, "reason": found.reason}
            for found in outcome.destinations
        ],
        "signatures": [_signature(found) for found in outcome.signatures],
        "failure": _failure(outcome),
        "log": outcome.log_path,
        "duration_seconds": round(outcome.duration_seconds, 3),
    }


def _failure(outcome: ImageOutcome) -> dict[str, Any] | None:
    if outcome.failure is None:
        return None
    return {
        "reason": str(outcome.failure),
        "engine_exit_code": getattr(outcome.failure, "engine_code", None),
        "last_lines": list(getattr(outcome.failure, "last_lines", ())),
    }


def _signature(found: SignatureResult) -> dict[str, Any]:
    return {
        "signer": found.signer,
        "reference": str(found.reference),
        "digest": str(found.digest),
        "status": found.status.value,
        "attempts": found.attempts,
        "duration_seconds": round(found.duration_seconds, 3),
        "reason": found.reason,
        "note": found.note,
    }
