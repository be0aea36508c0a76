"""What of a request our own engines cannot be told, found before anything is done (specification, section 1)."""

from image_builder_domain.build import BuildRequest
from image_builder_domain.plan.inputs import EPOCH


def buildkit_refusal(request: BuildRequest) -> str | None:
    """What BuildKit cannot honour, or None: its messages hold UTF-8 only, and a reproducible build has one time."""
    for argument in request.arguments:
        if not _is_unicode(argument.value):
            return f"the build argument {argument.name} holds bytes that are no UTF-8, which BuildKit cannot take"
        if argument.name == EPOCH and request.source_date_epoch not in (None, _number(argument.value)):
            time = request.source_date_epoch
            return f"the build argument {argument} contradicts the time {time} of this reproducible build"
    for what, text in (("Dockerfile's path", request.dockerfile), ("target", request.target or "")):
        if not _is_unicode(text):
            return f"the {what} {text!r} is no UTF-8, which BuildKit cannot take"
    return None


def kaniko_refusal(request: BuildRequest) -> str | None:
    """What kaniko cannot honour, or None."""
    if len(request.platforms) > 1:
        return "kaniko builds one platform at a time"
    if request.target is not None and set(request.target) & set(',"\n\r'):
        return f"the target {request.target!r} is no name of a stage"
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _is_unicode(text: str) -> bool:
    # Bytes that are no UTF-8 reach us as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in text)
