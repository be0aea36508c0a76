"""kaniko as an ``ImageEngine``.

The executor deletes and rewrites the root file system that it runs in. In our own container, where the tool itself
lives below ``/kaniko``, it may do so, and builds run one after another. Everywhere else each build gets a root of its
own, or fails.
"""

import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, assert_never, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    EngineMissing,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.failure import BadCredentials, BadLayout
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from image_builder_domain.ports import BuildProgress, Cancellation, LayoutRegistry, OutputSink
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_regular
from image_builder_adapters.kaniko.command import NO_PUSH_CACHE, executor_arguments, refusal
from image_builder_adapters.kaniko.container import (
    OWN_FILES,
    end_leftovers,
    executor_path,
    is_in_our_container,
    lasting_path,
    prepare_for_build,
)
from image_builder_adapters.kaniko.environment import KANIKO, container_environment
from image_builder_adapters.kaniko.failure import failure_of
from image_builder_adapters.kaniko.own_root import (
    CONTEXT,
    EXECUTOR,
    LAYOUT,
    NoOwnRoot,
    Ran,
    identities,
    run_in_own_root,
)
from image_builder_adapters.process import Command, CouldNotStart, Ending, Finished, Stopped, Tail, run, search_path
from image_builder_adapters.registry.engine_login import (
    EngineLogin,
    EngineLogins,
    LoginFolder,
    login_folder,
    with_login,
)

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le"}
INSTALL: Final = "set KANIKO_EXECUTOR to the path of kaniko's executor, or run in an image that has it"
ELSEWHERE: Final = "run in kaniko's image, or set USE_BUILDKIT=true"
_BE_ROOT: Final = "run the container as root (runAsUser: 0; it need not be privileged), or use BuildKit's image"
_POLL: Final = 0.2
_LAYOUT_HERE: Final = (KANIKO, "/layout")


@final
@dataclass(frozen=True, slots=True)
class KanikoSettings:
    """Settings of :class:`KanikoEngine`.

    ``environment`` is the tool's own, with ``KANIKO_EXECUTOR``. ``user`` is the effective user number.
    ``single_build``: the run builds one image. ``own_files`` are paths of the tool itself, which show whether it
    survives the executor. ``learn`` gets the credentials of each build before they are used.
    """

    environment: Mapping[str, str]
    log_format: str | None
    single_build: bool
    user: int
    own_files: tuple[str, ...] = OWN_FILES
    learn: Callable[[str], None] = lambda _: None


@final
class KanikoEngine:
    """Implements ``ImageEngine``: the executor writes an OCI layout, and ``layouts`` pushes it by digest."""

    def __init__(self, settings: KanikoSettings, layouts: LayoutRegistry) -> None:
        self._settings = settings
        self._layouts = layouts
        self._executor = executor_path(settings.environment)
        self._is_in_container = is_in_our_container(self._executor, settings.own_files)
        self._logins = EngineLogins(settings.environment, settings.learn, has_helpers=self._is_in_container)
        self._lock = threading.Lock()
        self._is_dirty = False

    @property
    def executor(self) -> str:
        """The path of kaniko's executor, which need not exist."""
        return self._executor

    @property
    def has_executor(self) -> bool:
        """True if it is a program."""
        return os.path.isfile(self._executor) and os.access(self._executor, os.X_OK)

    @property
    def is_in_container(self) -> bool:
        """True in our own container, whose root the executor may overwrite."""
        return self._is_in_container

    def check(self) -> Result[None, EngineMissing]:
        """Implement ``ImageEngine.check``."""
        if self._is_in_container and self._settings.user != 0:
            what = f"cannot replace this container's files as user {self._settings.user}"
            return Failure(EngineMissing(self._executor, _BE_ROOT, what))
        if not self.has_executor:
            what = "is not a program" if os.path.exists(self._executor) else "is not installed"
            return Failure(EngineMissing(self._executor, INSTALL, what))
        if self._is_in_container:
            return Success(None)
        return identities(self._settings.environment, self._settings.user).map(lambda _: None)

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """Implement ``ImageEngine.command``. In a root of its own, the paths are those inside."""
        return (self._executor if self._is_in_container else EXECUTOR, *self._arguments(request))

    def at_once(self) -> int | None:
        """Implement ``ImageEngine.at_once``: 1 in our container, which has one root for all builds."""
        return 1 if self._is_in_container else None

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Implement ``ImageEngine.build``."""
        refused = refusal(request)
        if refused is not None:
            return Failure(BuildFailed(refused))
        reason = cancellation.reason()
        if reason is not None:
            return Failure(BuildInterrupted(reason))
        arguments = self._arguments(request)
        if NO_PUSH_CACHE in arguments and not self._knows(NO_PUSH_CACHE, cancellation):
            what = f"it does not know {NO_PUSH_CACHE}, and this job may not write production's cache"
            return Failure(EngineUnavailable(self._executor, what, "set cache.dev-cache-repo, or use a newer kaniko"))
        login = unwrap_or_failure(self._logins.login(request, cancellation))
        if isinstance(login, BadCredentials):
            return Failure(BuildFailed(str(login)))
        tail = Tail(progress.output)
        try:
            with self._run(request, arguments, login, tail, cancellation) as ran:
                if isinstance(ran, NoOwnRoot):
                    return Failure(self._no_root(ran.reason))
                return self._outcome(request, ran, tail, progress, cancellation)
        except OSError as error:
            return Failure(BuildFailed(f"no temporary folder for kaniko's layout: {error}"))

    def close(self) -> None:
        """Implement ``ImageEngine.close``. Nothing is left of a build."""

    def _arguments(self, request: BuildRequest) -> tuple[str, ...]:
        if not self._is_in_container:
            return executor_arguments(request, CONTEXT, LAYOUT, self._settings.log_format, ("--force",))
        return executor_arguments(request, request.context, "".join(_LAYOUT_HERE), self._settings.log_format)

    def _no_root(self, reason: str) -> EngineUnavailable:
        if self._is_in_container:
            return EngineUnavailable(self._executor, reason, "build each --variant in a run of its own")
        what = f"kaniko would overwrite this machine, and a root of its own cannot be made: {reason}"
        return EngineUnavailable(self._executor, what, ELSEWHERE)

    def _run(
        self,
        request: BuildRequest,
        arguments: tuple[str, ...],
        login: EngineLogin,
        output: OutputSink,
        cancellation: Cancellation,
    ) -> AbstractContextManager[Ran | NoOwnRoot]:
        """The layout is there until the end of the block."""
        if self._is_in_container:
            return self._run_here(arguments, login, output, cancellation)
        environment, user = self._settings.environment, self._settings.user
        executor = os.path.realpath(self._executor)
        return run_in_own_root(
            executor, arguments, request.context, environment, user, output, cancellation, login.content
        )

    @contextmanager
    def _run_here(
        self, arguments: tuple[str, ...], login: EngineLogin, output: OutputSink, cancellation: Cancellation
    ) -> Iterator[Ran | NoOwnRoot]:
        """Build in the container's only root, so one at a time. Outside a container the executor itself refuses."""
        with self._turn(cancellation), tempfile.TemporaryDirectory(dir=KANIKO, ignore_cleanup_errors=True) as folder:
            if self._is_dirty:
                yield NoOwnRoot("the previous build left files in this container that could not be removed")
                return
            digest = os.path.join(folder, "digest")
            prepare_for_build()
            shutil.rmtree("".join(_LAYOUT_HERE), ignore_errors=True)
            with login_folder(login, self._logins.own_folder, KANIKO) as docker:
                ending = self._execute((*arguments, f"--digest-file={digest}"), output, cancellation, docker)
            end_leftovers()
            if isinstance(ending, Finished) and not self._settings.single_build:
                self._is_dirty = not self._cleans_up(folder, cancellation)
            yield Ran(ending, _read(digest), _LAYOUT_HERE)
            shutil.rmtree("".join(_LAYOUT_HERE), ignore_errors=True)

    def _cleans_up(self, folder: str, cancellation: Cancellation) -> bool:
        """Let the executor build an empty image and then empty the root, so that the next build finds nothing.

        With ``--cleanup`` in the build itself, most executors do not clean up when the build fails.
        """
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="ascii") as file:
            file.write("FROM scratch\n")
        words = (f"--context={folder}", f"--dockerfile={folder}/Dockerfile", "--no-push", "--cleanup")
        return self._execute(words, lambda _: None, cancellation) == Finished(0)

    def _execute(
        self,
        words: tuple[str, ...],
        output: OutputSink,
        cancellation: Cancellation,
        login: LoginFolder | None = None,
    ) -> Ending:
        environment = self._settings.environment
        path = lasting_path(search_path(environment)) if self._is_in_container else None
        command = Command((self._executor, *words), container_environment(environment), path=path)
        return run(command if login is None else with_login(command, login), output, cancellation)

    @contextmanager
    def _turn(self, cancellation: Cancellation) -> Iterator[None]:
        while not (taken := self._lock.acquire(timeout=_POLL)) and cancellation.reason() is None:
            pass
        try:
            yield
        finally:
            if taken:
                self._lock.release()

    def _outcome(
        self, request: BuildRequest, ran: Ran, tail: Tail, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        digest = Digest.parse(ran.digest).value_or(None)
        match ran.ending:
            case Stopped(interruption):
                return Failure(BuildInterrupted(interruption))
            case CouldNotStart(program, reason):
                return Failure(EngineUnavailable(program, reason, INSTALL))
            case Finished(0):
                return self._pushed(request, digest, ran.layout, progress, cancellation)
            case Finished(code):
                return Failure(failure_of(tail.lines(), code, digest))
            case _:
                assert_never(ran.ending)

    def _pushed(
        self,
        request: BuildRequest,
        digest: Digest | None,
        layout: tuple[str, str],
        progress: BuildProgress,
        cancellation: Cancellation,
    ) -> Result[BuiltImage, BuildFailure]:
        """Push the image whose digest kaniko wrote. A push that fails is never paid for with a new build."""
        if digest is None:
            return Failure(BuildFailed("kaniko ended with code 0, but wrote no digest", engine_code=0))
        sources = tuple(dict.fromkeys(reference.repository for reference in request.cache.exports))
        pushed = unwrap_or_failure(
            self._layouts.push_layout(layout, digest, request.repositories, cancellation, sources)
        )
        if isinstance(pushed, Descriptor):
            progress.output("".join(f"pushed {place}@{digest}\n" for place in request.repositories).encode())
            return Success(BuiltImage(pushed, _platform(request)))
        reason = cancellation.reason()
        if reason is not None:
            return Failure(BuildInterrupted(reason))
        if isinstance(pushed, BadLayout):
            return Failure(BuildFailed(str(pushed), engine_code=0))
        return Failure(PushFailed("; ".join(map(str, pushed)), (), 0, digest))

    def _knows(self, flag: str, cancellation: Cancellation) -> bool:
        """True if the executor's help text lists the flag. ``--help`` changes no file, so it may run anywhere."""
        printed: list[bytes] = []
        self._execute(("--help",), printed.append, cancellation)
        return flag.encode() in b"".join(printed).split()


def _platform(request: BuildRequest) -> Platform | None:
    """The requested platform, else this machine's, for which kaniko builds by default."""
    if request.platforms:
        return request.platforms[0]
    architecture = _ARCHITECTURES.get(platform.machine())
    return None if architecture is None else Platform("linux", architecture)


def _read(path: str) -> str:
    return read_regular(path).map(lambda file: file.content.decode("ascii", "replace").strip()).value_or("")
