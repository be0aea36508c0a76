"""What ``verify`` prints, as text and as JSON."""

from typing import Any

from image_builder_domain.report.verification import Verified


def verified_as_json(found: tuple[Verified, ...]) -> dict[str, Any]:
    """One object with every image that was verified."""
    return {"verified": all(one.holds for one in found), "images": [_image(one) for one in found]}


def verified_as_text(found: tuple[Verified, ...]) -> str:
    """Lines for people."""
    lines = []
    for one in found:
        lines.append(f"{one.claim.reference}: {'verified' if one.holds else 'NOT VERIFIED'}")
        if one.found is not None:
            lines.append(f"  digest       {one.found}")
        if one.differs:
            lines.append(f"  DIFFERS      {one.differs}")
        if one.unread:
            lines.append(f"  NOT READ     {one.unread}")
        lines += [f"  NOT SIGNED   {reason}" for reason in one.unsigned]
        if one.holds:
            lines += [f"  signed       by {signer}" for signer in one.claim.verified_by]
        lines += [
            f"  accepted     by {signer}, as the report says; its signatures cannot be queried"
            for signer in one.claim.accepted_by
        ]
    return "\n".join(lines)


def _image(one: Verified) -> dict[str, Any]:
    return {
        "reference": str(one.claim.reference),
        "verified": one.holds,
        "digest": str(one.found) if one.found is not None else None,
        "expected_digest": str(one.claim.digest) if one.claim.digest is not None else None,
        "differs": one.differs,
        "not_read": one.unread,
        "not_signed": list(one.unsigned),
        "verified_by": list(one.claim.verified_by) if one.holds else [],
        "accepted_by": list(one.claim.accepted_by),
    }
