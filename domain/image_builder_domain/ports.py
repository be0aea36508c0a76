"""The ports: what the domain and the workflows need of the outside world.

Adapters implement these protocols. ``image_builder_contracts`` holds the tests that every implementation must pass. No
method raises for anything that a user, a remote system or the network can cause.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from returns.result import Result

from image_builder_domain.build import BuildFailure, BuildRequest, BuiltImage, EngineMissing
from image_builder_domain.build_steps import SourceLine
from image_builder_domain.exit_code import Interruption
from image_builder_domain.failure import BadCredentials, BadLayout, PushDenied, RegistryFailure
from image_builder_domain.image.descriptor import Descriptor, HeldManifest, Manifest, Referrer
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.signing import ImageToSign, SignatureResult, SignerMisconfigured

if TYPE_CHECKING:
    from image_builder_domain.configuration.keys import Configuration
    from image_builder_domain.job.local import MissingCommit
    from image_builder_domain.problem import Problems
    from image_builder_domain.publish.descent import Descent
    from image_builder_domain.source.build_argument import BuildArgument
    from image_builder_domain.source.build_source import Source
    from image_builder_domain.trust.checkout import CheckoutFacts, Claim
    from image_builder_domain.trust.history import History

OutputSink: TypeAlias = Callable[[bytes], None]
"""Takes engine output: whole lines, each with its newline; a line longer than 64 KiB comes in pieces. Never raises."""


class Cancellation(Protocol):
    """The one signal to stop: a deadline that passed or a signal that came.

    Takes   nothing.
    Gives   ``reason`` (None while work may go on), ``wait``, which sleeps at most so many seconds and returns early
            with True once work must stop, and ``remaining``, the seconds left (None without a deadline).
    Fails   never.
    """

    def reason(self) -> Interruption | None: ...  # noqa: D102 (said above)
    def wait(self, seconds: float) -> bool: ...  # noqa: D102
    def remaining(self) -> float | None: ...  # noqa: D102


class Listener(Protocol):
    """Receives what people see while a run goes on.

    Takes   messages, and output as an :data:`OutputSink` does. Several threads may call it.
    Gives   :meth:`follow`, a listener of its own for one of several builds.
    Fails   never, and never stops a build.
    """

    def info(self, text: str) -> None:
        """Receive what is done now."""
        ...

    def warning(self, text: str, at: SourceLine | None = None) -> None:
        """Receive what people should look at; ``at`` is the line that it is about."""
        ...

    def error(self, text: str, at: SourceLine | None = None) -> None:
        """Receive what went wrong, where, and what to do; ``at`` is the line that it is about."""
        ...

    def output(self, lines: bytes) -> None:
        """Receive whole lines of an engine's or a pipeline's output."""
        ...

    def at(self, position: str) -> None:
        """Receive the step of the build that runs now."""
        ...

    def failing_step(self, lines: tuple[str, ...]) -> None:
        """Receive the last lines of a failing step once more."""
        ...

    def follow(self, name: str, variant: str | None) -> "Listener":
        """Begin a build; ``variant`` is None for the only build of an image."""
        ...

    def close(self) -> None:
        """End a build that :meth:`follow` began. Safe to call twice."""
        ...


class BuildProgress(Protocol):
    """Receives what an engine reports while it builds one image.

    Takes   output as an :data:`OutputSink` does, and the position in the build.
    Gives   nothing. Several threads may call it.
    Fails   never, and never stops a build.
    """

    def output(self, lines: bytes) -> None:
        """Receive whole lines for the log file and the terminal, each with its newline."""
        ...

    def at(self, position: str) -> None:
        """Receive the step that runs now, such as ``build 3/7``, for people; one line."""
        ...


class WorkingCopy(Protocol):
    """What git knows of the checkout that holds the build context, else of the one around the CI system's workspace.

    Takes   full names of commits, short names of branches, and the workspace, None where it is unknown.
    Gives   facts to compare with the job's claims. Runs no program that the repository names.
    Fails   never: what git cannot say is None or the value for unknown. The git program is stopped after 10 s.
    Source  gitrepository-layout(5); the page on trust.
    """

    def commit(self, revision: str = "HEAD") -> str | None:
        """The commit of a revision around the build context. ``revision`` must not be a stranger's text."""
        ...

    def missing(self) -> "MissingCommit":
        """Why :meth:`commit` found no commit of ``HEAD``."""
        ...

    def commit_time(self, commit: str) -> int | None:
        """When a commit was made: committer's date, seconds since 1970."""
        ...

    def history(self, commit: str, branches: tuple[str, ...], workspace: str | None) -> "History":
        """Whether a commit lies on each of these branches, as the remote-tracking refs say."""
        ...

    def remote(self) -> str | None:
        """The URL of the remote ``origin`` around the build context. It may hold a password."""
        ...

    def descent(self, ours: str, theirs: str, workspace: str | None) -> "Descent":
        """Whether one commit descends from the other; ``theirs`` may be foreign text, which git never sees then."""
        ...

    def facts(self, dockerfile: str, workspace: str | None, claim: "Claim") -> "CheckoutFacts":
        """Everything that is compared with the claim; ``dockerfile`` is relative to the build context."""
        ...

    def holds(self, file: str, workspace: str | None, *, is_built: bool) -> bool:
        """Whether a commit chooses what this file says: it lies in the checkout or in one of its submodules.

        A second checkout does not count. With ``is_built`` the build context counts as a checkout even without git;
        without it, the checkout in the workspace counts, else the one around the working directory, which may be
        another one.
        """
        ...


class ConfigurationFile(Protocol):
    """The administrators' configuration.

    Takes   nothing.
    Gives   the whole configuration, checked.
    Fails   with every problem of the file at once, each with its line and column. Never raises.
    Source  specification, section 2.
    """

    def read(self) -> "Result[Configuration, Problems]":
        """Read and check the whole file."""
        ...


class SourceTree(Protocol):
    """The build context: its Dockerfile, and what lies beside it.

    Takes   paths as the command line has them: the Dockerfile's below the context, None for the default one, and that
            of ``--env-file`` below the Dockerfile's folder.
    Gives   what decisions need of the files. A link that leads out of the context is refused.
    Fails   with the problems of every file. Never raises.
    Source  specification, sections 1 and 6.
    """

    def read(self, dockerfile: str | None, env_file: str | None) -> "Result[Source, Problems]":
        """Read the Dockerfile, its variants and the env file."""
        ...

    def env_file(self, dockerfile: str | None, env_file: str) -> "Result[tuple[BuildArgument, ...], Problems]":
        """Read the env file alone; the Dockerfile need not be here."""
        ...

    def default_dockerfile(self) -> str:
        """``Dockerfile``, or ``dockerfile`` when only that exists; the context need not be here."""
        ...


class ImageEngine(Protocol):
    """Builds one image and pushes it to all its repositories by digest. It writes no tag.

    Takes   a request, a listener for progress, and the cancellation, which takes effect within a second. Processes end
            within 8 s of it.
    Gives   the descriptor (digest, size in bytes, media type) that the engine itself reported.
    Fails   as :data:`BuildFailure` says; after a failed push some repositories may hold the image. Never raises.
    Source  specification, section 6.
    """

    def check(self) -> Result[None, EngineMissing]:
        """Whether the engine's programs are here. Starts no process, sends nothing."""
        ...

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """The command line that :meth:`build` runs, for the plan; pure. The private metadata file is left out."""
        ...

    def at_once(self) -> int | None:
        """How many builds it can run at the same time here; None when it sets no limit. Starts nothing."""
        ...

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Build and push; blocks until done, failed or cancelled. Several threads may call it at the same time."""
        ...

    def close(self) -> None:
        """Stop everything that the engine started. Safe to call twice."""
        ...


class Registry(Protocol):
    """Says what a reference is.

    Takes   a reference by tag or digest.
    Gives   the manifest's media type, digest (of the exact bytes) and size in bytes; an index is never resolved to a
            platform.
    Fails   as :data:`RegistryFailure` says, within the client's timeout and retries. Never raises.
    Source  OCI Distribution Specification, "Pulling manifests".
    """

    def check(self, repositories: Iterable[Repository], /) -> Result[None, BadCredentials]:
        """Whether what holds the credentials for these can be used, before the build starts. Sends nothing."""
        ...

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Ask the registry once (transient answers are retried)."""
        ...


class PublishingRegistry(Protocol):
    """Checks the right to push, reads manifests as exact bytes, and writes manifests and tags.

    Takes   a repository, or a reference by tag or digest; what is written is bytes that were read or built before.
    Gives   what the registry answered, each time anew. A manifest that was asked for by digest has that digest.
    Fails   as :data:`RegistryFailure` says, or with :class:`PushDenied` where the registry refuses a write, within the
            client's timeout and retries (5xx, resets, 429 with ``Retry-After``). After a failed write the registry may
            have written all the same. Never raises.
    Source  OCI Distribution Specification, "Pulling manifests", "Pushing manifests" and "Pushing blobs".
    """

    def check_push(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Whether the credentials may push to a repository: begin an upload, and cancel it. Writes nothing.

        That the upload cannot be cancelled is not a failure. A right to upload is not yet a right to write a tag.
        """
        ...

    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        """The manifest's exact bytes with their media type, whose digest was computed from these bytes."""
        ...

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        """The digest that a tag names now, or whether a digest is there, without reading the content if possible.

        ``NotFound`` says that the registry answered, and holds nothing under this reference.
        """
        ...

    def put(
        self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Write a manifest under the reference's tag, else under its digest, which must be that of ``content``."""
        ...


class LayoutRegistry(Protocol):
    """Pushes an image from a folder to registries, by digest.

    Takes   an OCI image layout: a folder, and the path of the layout below it, of which no part may be a link. The
            digest of a manifest or index in it, and the repositories to push to. ``sources`` are further repositories
            whose blobs may be mounted.
    Gives   the manifest's descriptor, when every repository holds it. What the digest does not lead to is not pushed.
    Fails   with :class:`BadLayout` before anything is sent, or with one failure for each repository that does not hold
            the image, after retries as in :class:`PublishingRegistry`. A blob is sent again; nothing is built again.
            Never raises.
    Source  OCI Image Specification, "Image Layout"; OCI Distribution Specification, "Push".
    """

    def push_layout(
        self,
        layout: tuple[str, str],
        digest: Digest,
        repositories: tuple[Repository, ...],
        cancellation: Cancellation,
        sources: tuple[Repository, ...] = (),
    ) -> Result[Descriptor, "BadLayout | tuple[PushDenied | RegistryFailure, ...]"]:
        """Push to all repositories side by side; blocks until all are done or have failed."""
        ...


class Referrers(Protocol):
    """Says what refers to an image: its signatures, above all.

    Takes   a reference by digest, and the type of artifact to list; None lists all.
    Gives   what the registry lists, or what the fallback tag holds when the registry has no referrers API.
            An image without referrers has none.
    Fails   as :data:`RegistryFailure` says. Never raises.
    Source  OCI Distribution Specification, "Listing Referrers".
    """

    def referrers(
        self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation
    ) -> Result[tuple[Referrer, ...], RegistryFailure]:
        """Ask for the whole list, page by page."""
        ...


class Signer(Protocol):
    """Signs images that a registry already holds, by digest.

    Takes   references with the descriptor that was built, and the cancellation.
    Gives   one result for each image, in input order.
    Fails   in the results, never by raising.
    Source  specification, section 8.
    """

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Read and check secrets, before the build starts. Sends nothing."""
        ...

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """The request that :meth:`sign` would send for these tags, for the plan; digests are placeholders. Pure."""
        ...

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Sign; blocks until every image has its result."""
        ...


class Verifier(Protocol):
    """Looks a signer's signature up, and says whether it is good.

    Takes   an image by digest, and the cancellation.
    Gives   nothing when the signature is there, is the configured signer's, and is for exactly this digest.
    Fails   with a reason for people. Never raises.
    Source  specification, section 8.
    """

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Check what is needed: programs and public keys. Sends nothing."""
        ...

    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        """Verify one image."""
        ...
