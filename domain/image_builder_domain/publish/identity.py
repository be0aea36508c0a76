"""What an image says of itself: labels of its configuration, and annotations of its manifest.

The keys ``org.opencontainers.image.*`` are those of the OCI Image Specification, "Annotations". An image inherits the
labels of its base image, and never its annotations, so decisions read annotations only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self, final

from image_builder_domain.job.git_state import CiSystem, GitState, is_sha
from image_builder_domain.job.repository_url import host_and_path
from image_builder_domain.publish.semantic_version import SemanticVersion

SOURCE: Final = "org.opencontainers.image.source"
REVISION: Final = "org.opencontainers.image.revision"
TITLE: Final = "org.opencontainers.image.title"
VERSION: Final = "org.opencontainers.image.version"
CREATED: Final = "org.opencontainers.image.created"
COMMIT_TIME: Final = "dev.image-builder.commit-time"
RELEASE: Final = "dev.image-builder.version"

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS: Final = 11
"""Of a time in seconds since 1970: up to the year 5138."""


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """Where an image comes from. Each fact is None where it is unknown.

    ``source`` is the URL of the repository and ``revision`` the commit, whose ``commit_time`` is in seconds since 1970.
    ``release`` is the version that the git tag of the job names.
    """

    source: str | None = None
    revision: str | None = None
    commit_time: int | None = None
    release: SemanticVersion | None = None

    @classmethod
    def of_job(
        cls, state: GitState, environment: Mapping[str, str], commit_time: int | None, origin: str | None = None
    ) -> Self:
        """The identity of what a job builds. A batch has no commit of its own, so it has no commit time either.

        ``origin`` is the checkout's remote, for jobs that do not name the host of their repository.
        """
        release = SemanticVersion.parse(state.tag) if state.tag is not None else None
        time = commit_time if state.commit is not None else None
        return cls(_source(state, environment, origin), state.commit, time, release)

    @classmethod
    def of_annotations(cls, annotations: Mapping[str, str]) -> Self:
        """The identity that a manifest claims. Anybody may have written it: a malformed value counts as unknown."""
        revision, time = annotations.get(REVISION, ""), annotations.get(COMMIT_TIME, "")
        is_time = time.isascii() and time.isdecimal() and len(time) <= _MOST_DIGITS
        return cls(
            annotations.get(SOURCE),
            revision if is_sha(revision) else None,
            int(time) if is_time else None,
            SemanticVersion.parse(annotations.get(RELEASE, "")),
        )

    def is_same_source(self, other: "Identity") -> bool:
        """Whether both are of one repository. Forges compare its name without case."""
        if self.source is None or other.source is None:
            return False
        return _comparable(self.source) == _comparable(other.source)

    def described(self, title: str) -> tuple[tuple[str, str], ...]:
        """The labels and annotations of an image of this name, without those that are unknown.

        No value depends on the clock: two builds of one commit stay equal.
        """
        revision = self.revision[:8] if self.revision is not None else None
        values = {
            SOURCE: self.source,
            REVISION: self.revision,
            TITLE: title,
            VERSION: str(self.release) if self.release is not None else revision,
            CREATED: _timestamp(self.commit_time),
            COMMIT_TIME: None if self.commit_time is None else str(self.commit_time),
            RELEASE: None if self.release is None else str(self.release),
        }
        return tuple((name, value) for name, value in values.items() if value is not None)


def _source(state: GitState, environment: Mapping[str, str], origin: str | None) -> str | None:
    """The repository's URL; None where neither the job nor a remote of that name says which host it is on."""
    if state.host is None or state.repository is None:
        return _of_origin(origin or "", state.repository)
    path = state.repository
    if state.system is CiSystem.AZURE_PIPELINES and environment.get("BUILD_REPOSITORY_PROVIDER") == "TfsGit":
        path = host_and_path(environment.get("BUILD_REPOSITORY_URI", ""))[1] or path
    return f"https://{state.host}/{path}"


def _of_origin(origin: str, repository: str | None) -> str | None:
    host, written = host_and_path(origin)
    path = written.strip("/").removesuffix(".git")
    is_same = repository is None or path.lower() == repository.lower()
    return f"https://{host}/{path}" if host and path and is_same else None


def _comparable(url: str) -> str:
    return url.lower().removesuffix("/").removesuffix(".git")


def _timestamp(seconds: int | None) -> str | None:
    """The time as RFC 3339 has it."""
    if seconds is None or len(str(seconds)) > _MOST_DIGITS:
        return None
    return (_EARLIEST + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
