"""The data of a template: the fields of ``.`` and the environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateData:
    """The values that a template may use. ``time`` is aware; ``nanosecond`` is the whole fraction of its second."""

    commit_sha: str
    pr_number: str
    time: datetime
    env: Mapping[str, str]
    nanosecond: int = 0


def _date(data: TemplateData) -> str:
    time = data.time.astimezone(UTC)
    return f"{time.year:04d}{time.month:02d}{time.day:02d}"


TEXT_FIELDS: Final[Mapping[str, Callable[[TemplateData], str]]] = {
    ".CommitSHA": lambda data: data.commit_sha,
    ".Date": _date,
    ".PRNumber": lambda data: data.pr_number,
    ".ShortSHA": lambda data: data.commit_sha[:8],
}
"""Fields whose values are strings."""
