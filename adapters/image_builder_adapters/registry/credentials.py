"""What proves to a registry who we are."""

import base64
from dataclasses import dataclass, field
from typing import TypeGuard, final


def is_text(value: object) -> TypeGuard[str]:
    """Whether a JSON value is a text that can be sent; half a surrogate pair, which JSON can write, cannot."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, an identity token (OAuth refresh token), or both; kept out of ``repr``."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown, as it is and as it is sent."""
        return (self.password, self.identity_token, (self.basic or "").removeprefix("Basic "))

    @property
    def basic(self) -> str | None:
        """The ``Basic`` authorization (RFC 7617, UTF-8); None without a user."""
        if not self.username:
            return None
        pair = f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")
        return "Basic " + base64.b64encode(pair).decode("ascii")
