"""The signers of a plan: who signs, who does not, why, and with which request."""

from collections.abc import Iterable, Mapping
from typing import Any

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.signers import SignerChoice
from image_builder_domain.ports import Signer


def signers_as_json(
    choices: Iterable[SignerChoice], signers: Mapping[str, Signer], images: tuple[ImageReference, ...]
) -> list[dict[str, Any]]:
    """One object for each defined signer."""
    return [
        {
            "name": choice.definition.name,
            "type": choice.definition.type,
            "chosen": choice.chosen,
            "why": choice.why,
            "request": _request(choice, signers, images),
        }
        for choice in choices
    ]


def signers_as_text(
    choices: Iterable[SignerChoice], signers: Mapping[str, Signer], images: tuple[ImageReference, ...]
) -> list[str]:
    """Lines for people."""
    lines = []
    for choice in choices:
        verdict = "signs" if choice.chosen else "does not sign"
        lines.append(f"  signer    {choice.definition.name} {verdict}: {choice.why}")
        lines += [f"            {line}" for line in (_request(choice, signers, images) or "").splitlines()]
    return lines


def _request(choice: SignerChoice, signers: Mapping[str, Signer], images: tuple[ImageReference, ...]) -> str | None:
    signer = signers.get(choice.definition.name)
    return signer.describe(images) if signer is not None else None
