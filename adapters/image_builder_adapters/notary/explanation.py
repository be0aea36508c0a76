"""What a service said, made fit to be shown: one line, without control characters, commands or our token."""

from collections.abc import Callable
from typing import TypeAlias

from image_builder_adapters.http.client import AnswerTooLarge, NoAnswer
from image_builder_adapters.notary.attempts import Exchange, is_page
from image_builder_adapters.notary.verdict import Verdict

LARGEST_BODY_SHOWN = 4096

Hide: TypeAlias = Callable[[str], str]
"""Blots out secrets."""


def explain(where: str, exchange: Exchange, hide: Hide) -> str:
    """Why asking ``where`` failed, and what to do; ``hide`` is for what the service echoes of our secrets."""
    last = exchange.last
    if exchange.attempts == 0:
        said = "nothing was sent"
    elif isinstance(last, NoAnswer):
        said = neutral(last.reason, hide)
    elif is_page(last) and last.status < 300:
        said = f"status {last.status}, but it is an HTML page: not the service answered, but something in between"
    elif isinstance(last, AnswerTooLarge):
        said = f"status {last.status}: the answer is larger than {last.limit_bytes} bytes"
    else:
        body = _beginning(neutral(last.body.decode("utf-8", "replace"), hide))
        said = f"status {last.status}" + (f": {body}" if body else "")
    times = f" after {exchange.attempts} attempts" if exchange.attempts > 1 else ""
    return f"{where}: {said}{times}; {_remedy(exchange)}"


def neutral(text: str, hide: Hide) -> str:
    """One printable line that no terminal and no CI system takes for a command."""
    printable = "".join(character if character.isprintable() else " " for character in hide(text))
    # Azure Pipelines obeys '##vso[' anywhere in a line, GitHub Actions '::' at its beginning.
    return " ".join(printable.split()).replace("##", "# #").replace("::", ": :")


def _beginning(text: str) -> str:
    """What is shown of a body; cut after the secret was hidden, so that no half of it stays."""
    return text.encode()[:LARGEST_BODY_SHOWN].decode("utf-8", "ignore")


def _remedy(exchange: Exchange) -> str:
    if exchange.stopped is not None:
        return f"stopped ({exchange.stopped.name.lower()}); signing is safe to run again"
    if exchange.verdict is Verdict.FINAL:
        return "the service will not take this request; check the signer's endpoint and secret"
    if exchange.asks_to_wait_too_long:
        return "the service asks for a longer wait than the signer's timeout; sign again later, which is safe"
    return "signing is safe to run again"
