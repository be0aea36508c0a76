"""The image engine contracts reject adapters that break them, each by the clause that is meant for it."""

import io
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.dockerfile_engine import (
    CachingEngineContract,
    DockerfileEngineContract,
    DockerfileEngineFixtures,
    ManyPlatformsContract,
    RequestFactory,
)
from image_builder_contracts.image_engine import (
    Attempt,
    Broken,
    EngineFactory,
    ImageEngineContract,
    ImageEngineFixtures,
    manifest,
)
from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    CacheReferences,
    EngineMissing,
    PushFailed,
)
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest, Repository
from image_builder_domain.ports import BuildProgress, Cancellation, ImageEngine
from image_builder_stand_ins.registry import Registry
from returns.result import Failure, Result, Success

from tar_engine.engine import TarEngine
from tar_engine.settings import TarSettings
from tests.buildkit import PrivateDaemon
from tests.programs import require

Built: TypeAlias = Result[BuiltImage, BuildFailure]


class Wrapped:
    """A good engine, to be spoilt."""

    def __init__(self, engine: ImageEngine) -> None:
        self.engine = engine
        self.closed = False

    def check(self) -> Result[None, EngineMissing]:
        return self.engine.check()

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        return self.engine.command(request)

    def at_once(self) -> int | None:
        return self.engine.at_once()

    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(request, progress, cancellation)

    def close(self) -> None:
        self.engine.close()


class ChecksByBuilding(Wrapped):
    def check(self) -> Result[None, EngineMissing]:
        return Failure(EngineMissing("daemon", "start it", "does not run yet"))


class ChangesItsCommand(Wrapped):
    def command(self, request: BuildRequest) -> tuple[str, ...]:
        return (*self.engine.command(request), str(time.monotonic_ns()))


class BuildsToKnowItsCommand(Wrapped):
    def command(self, request: BuildRequest) -> tuple[str, ...]:
        self.engine.build(request, Attempt(), ManualCancellation())
        return self.engine.command(request)


class ReportsAnotherDigest(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        other = Digest("sha256:" + "0" * 64)
        return built.map(lambda image: BuiltImage(replace(image.descriptor, digest=other)))


class ReportsAnotherSize(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        return built.map(lambda image: BuiltImage(replace(image.descriptor, size=image.descriptor.size + 1)))


class PushesToOneOnly(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, repositories=request.repositories[:1]), progress, cancellation)


class WritesATag(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        for image in (built.unwrap(),) if isinstance(built, Success) else ():
            place = request.repositories[-1]
            address = f"http://{place.domain}/v2/{place.path}/manifests/latest"
            held = manifest(place, image.descriptor.digest)
            assert held is not None
            kind = {"Content-Type": image.descriptor.media_type}
            urllib.request.urlopen(urllib.request.Request(address, held[1], kind, method="PUT"), timeout=10).close()
        return built


class _Printing:
    """Passes output on as the function says."""

    def __init__(self, progress: BuildProgress, change: Callable[[bytes], tuple[bytes, ...]]) -> None:
        self._progress = progress
        self._change = change

    def output(self, lines: bytes) -> None:
        for block in self._change(lines):
            self._progress.output(block)

    def at(self, position: str) -> None:
        self._progress.at(position)


class PrintsHalfLines(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        halves = _Printing(progress, lambda lines: (lines[:5], lines[5:]))
        return self.engine.build(request, halves, cancellation)


class LosesEveryLine(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(request, _Printing(progress, lambda _: ()), cancellation)


class HidesABrokenBuild(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        nothing = Descriptor(OCI_MANIFEST, Digest("sha256:" + "0" * 64), 2)
        return self.engine.build(request, progress, cancellation).lash(lambda _: Success(BuiltImage(nothing)))


class PublishesAfterAnError(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        if isinstance(built, Failure):
            (Path(request.context) / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
            self.engine.build(request, progress, cancellation)
        return built


class Raises(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        if isinstance(built, Failure):
            raise RuntimeError(str(built.failure()))
        return built


class CallsEveryFailureABuildFailure(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        return built.lash(lambda found: Failure(BuildFailed(found.reason) if isinstance(found, PushFailed) else found))


class IsContentWithOneRepository(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        if len(request.repositories) == 1:
            return self.engine.build(request, progress, cancellation)
        each = [
            self.engine.build(replace(request, repositories=(place,)), progress, cancellation)
            for place in request.repositories
        ]
        return next((built for built in each if isinstance(built, Success)), each[0])


class RemembersItsFirstRequest(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        self.first = getattr(self, "first", request)
        return self.engine.build(self.first, progress, cancellation)


class NeverListens(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        del cancellation
        return self.engine.build(request, progress, ManualCancellation())


class ListensOnlyOnce(Wrapped):
    """Hears what came before, and then lets a push take all the time that it wants."""

    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, _Late(cancellation, 9.0))
        reason = cancellation.reason()
        return built if reason is None else Failure(BuildInterrupted(reason))


class _Late:
    """Tells what it hears so many seconds after it began to listen."""

    def __init__(self, real: Cancellation, seconds: float) -> None:
        self._real = real
        self._from = time.monotonic() + seconds

    def reason(self) -> Interruption | None:
        return self._real.reason() if time.monotonic() > self._from else None

    def wait(self, seconds: float) -> bool:
        return self._real.wait(seconds)

    def remaining(self) -> float | None:
        return None


class ClosesOnce(Wrapped):
    def close(self) -> None:
        if self.closed:
            raise RuntimeError("it is closed already")
        self.closed = True


CONTRACT = ImageEngineContract()
Clause: TypeAlias = Callable[[ImageEngine, BuildRequest], None]
CLAUSES: tuple[Clause, ...] = (
    CONTRACT.test_command_is_the_same_each_time,
    CONTRACT.test_command_does_nothing,
    CONTRACT.test_every_repository_holds_the_reported_digest,
    CONTRACT.test_no_tag_is_written,
    CONTRACT.test_output_comes_in_whole_lines,
    CONTRACT.test_registry_that_does_not_answer_is_a_failed_push,
    CONTRACT.test_push_that_succeeds_in_part_is_a_failed_push,
    CONTRACT.test_nothing_is_built_after_the_cancellation,
)
"""Those that take an engine and a request, and need no 8 s."""


class TestEveryEngineContractBites(ImageEngineFixtures):
    """Spoilt tar engines, which are quick."""

    @pytest.fixture
    def registry(self) -> Iterator[str]:
        with Registry.start() as registry:
            yield registry.host_port

    @pytest.fixture
    def good(self, tmp_path: Path) -> Iterator[ImageEngine]:
        engine = TarEngine(TarSettings(str(tmp_path / "layouts"), Platform("linux", "amd64")), {}, Redactor())
        yield engine
        engine.close()

    @pytest.fixture
    def image(self, tmp_path: Path, places: tuple[Repository, ...]) -> BuildRequest:
        (tmp_path / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
        with tarfile.open(tmp_path / "rootfs.tar", "w") as archive:
            archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
        return BuildRequest("team/app", None, str(tmp_path), "Dockerfile", places)

    @pytest.fixture
    def broken(self, image: BuildRequest) -> Broken:
        (Path(image.context) / "Dockerfile").write_text("FROM scratch\nRUN true\n")
        return Broken(image, "RUN")

    def test_a_check_that_needs_something_running_is_seen(self, good: ImageEngine) -> None:
        with pytest.raises(AssertionError):
            CONTRACT.test_check_passes_where_the_engine_is_installed(ChecksByBuilding(good))

    @pytest.mark.parametrize(
        ("spoilt", "clause"),
        [
            pytest.param(ChangesItsCommand, CONTRACT.test_command_is_the_same_each_time, id="changes-its-command"),
            pytest.param(BuildsToKnowItsCommand, CONTRACT.test_command_does_nothing, id="plan-builds"),
            pytest.param(ReportsAnotherSize, CONTRACT.test_every_repository_holds_the_reported_digest, id="wrong-size"),
            pytest.param(PrintsHalfLines, CONTRACT.test_output_comes_in_whole_lines, id="half-lines"),
            pytest.param(LosesEveryLine, CONTRACT.test_output_comes_in_whole_lines, id="no-lines"),
            pytest.param(
                CallsEveryFailureABuildFailure,
                CONTRACT.test_registry_that_does_not_answer_is_a_failed_push,
                id="mixed-up-failures",
            ),
            pytest.param(
                IsContentWithOneRepository,
                CONTRACT.test_push_that_succeeds_in_part_is_a_failed_push,
                id="content-with-a-part",
            ),
            pytest.param(NeverListens, CONTRACT.test_nothing_is_built_after_the_cancellation, id="never-listens"),
            pytest.param(
                ListensOnlyOnce,
                CONTRACT.test_cancellation_stops_a_push_that_hangs_within_8_seconds,
                id="listens-too-late",
            ),
        ],
    )
    def test_an_engine_that_breaks_a_clause_is_seen_by_it(
        self,
        spoilt: type[Wrapped],
        clause: Callable[[ImageEngine, BuildRequest], None],
        good: ImageEngine,
        image: BuildRequest,
    ) -> None:
        with pytest.raises(AssertionError) as seen:
            clause(spoilt(good), image)
        assert "clause of the port ImageEngine is not kept" in "".join(seen.value.__notes__)

    @pytest.mark.parametrize(
        ("spoilt", "broken_clauses"),
        [
            pytest.param(Wrapped, set(), id="good"),
            pytest.param(WritesATag, {CONTRACT.test_no_tag_is_written}, id="writes-a-tag"),
            pytest.param(
                PushesToOneOnly,
                {
                    CONTRACT.test_every_repository_holds_the_reported_digest,
                    CONTRACT.test_push_that_succeeds_in_part_is_a_failed_push,
                },
                id="one-repository-only",
            ),
            pytest.param(
                ReportsAnotherDigest, {CONTRACT.test_every_repository_holds_the_reported_digest}, id="another-digest"
            ),
        ],
    )
    def test_an_engine_breaks_exactly_the_clauses_that_are_meant_for_it(
        self, spoilt: type[Wrapped], broken_clauses: set[Clause], good: ImageEngine, image: BuildRequest
    ) -> None:
        failed = set[Clause]()
        for clause in CLAUSES:
            try:
                clause(spoilt(good), image)
            except AssertionError:
                failed.add(clause)
        assert failed == broken_clauses

    @pytest.mark.parametrize("spoilt", [HidesABrokenBuild, PublishesAfterAnError])
    def test_a_hidden_failure_and_what_is_published_after_it_are_seen(
        self, spoilt: type[Wrapped], good: ImageEngine, broken: Broken
    ) -> None:
        with pytest.raises(AssertionError):
            CONTRACT.test_what_cannot_be_built_is_a_failed_build(spoilt(good), broken)

    def test_an_exception_is_seen(self, good: ImageEngine, broken: Broken) -> None:
        with pytest.raises(RuntimeError) as seen:
            CONTRACT.test_what_cannot_be_built_is_a_failed_build(Raises(good), broken)
        assert "what cannot be built is a failed build" in "".join(seen.value.__notes__)

    def test_mixed_up_builds_are_seen(self, good: ImageEngine, image: BuildRequest, registry: str) -> None:
        with pytest.raises(AssertionError):
            CONTRACT.test_builds_of_one_engine_never_mix(RemembersItsFirstRequest(good), image, registry)

    def test_an_engine_that_closes_once_is_seen(self, good: ImageEngine, image: BuildRequest) -> None:
        with pytest.raises(RuntimeError):
            CONTRACT.test_close_may_be_called_twice(ClosesOnce(good), image)


# --- engines that run steps -------------------------------------------------------------------------------------------


class DropsArguments(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, arguments=()), progress, cancellation)


class IgnoresTheTarget(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, target=None), progress, cancellation)


class ForgetsTheLastLines(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        built = self.engine.build(request, progress, cancellation)
        return built.lash(lambda found: Failure(BuildFailed(str(found), engine_code=1)))


class KeepsTheClock(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, source_date_epoch=None), progress, cancellation)


class LosesOneStream(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        def some(lines: bytes) -> tuple[bytes, ...]:
            return tuple(line for line in lines.splitlines(keepends=True) if b"err" not in line)

        return self.engine.build(request, _Printing(progress, some), cancellation)


class LeavesAnOrphan(Wrapped):
    """Ends at once, and leaves the step to itself."""

    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        words = (Path(request.context) / "Dockerfile").read_text().partition("busybox sleep ")[2].partition('"')[0]
        self.orphan = subprocess.Popen([require("busybox"), "sleep", *words.split()])
        while not cancellation.wait(1):
            pass
        reason = cancellation.reason()
        assert reason is not None
        return Failure(BuildInterrupted(reason))


class HasNoCache(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, cache=CacheReferences()), progress, cancellation)


class BuildsOnePlatform(Wrapped):
    def build(self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation) -> Built:
        return self.engine.build(replace(request, platforms=request.platforms[:1]), progress, cancellation)


STEPS = DockerfileEngineContract()


class TestDockerfileEngineContractBites(PrivateDaemon, DockerfileEngineFixtures):
    """Spoilt BuildKit engines."""

    @pytest.mark.parametrize(
        ("spoilt", "clause"),
        [
            pytest.param(DropsArguments, STEPS.test_build_arguments_arrive_byte_for_byte, id="drops-arguments"),
            pytest.param(IgnoresTheTarget, STEPS.test_target_stops_at_that_stage, id="ignores-the-target"),
            pytest.param(
                ForgetsTheLastLines, STEPS.test_failing_step_is_a_failed_build_with_its_last_lines, id="no-last-lines"
            ),
            pytest.param(
                LosesOneStream, STEPS.test_what_a_step_prints_reaches_the_sink_in_whole_lines, id="loses-lines"
            ),
        ],
    )
    def test_an_engine_that_breaks_a_clause_is_seen_by_it(
        self,
        spoilt: type[Wrapped],
        clause: Callable[[ImageEngine, RequestFactory], None],
        engine: ImageEngine,
        ask: RequestFactory,
    ) -> None:
        with pytest.raises(AssertionError):
            clause(spoilt(engine), ask)

    def test_a_clock_in_a_reproducible_image_is_seen(self, make_engine: EngineFactory, ask: RequestFactory) -> None:
        with pytest.raises(AssertionError):
            STEPS.test_reproducible_build_gives_the_same_digest_from_empty_caches(
                lambda name: KeepsTheClock(make_engine(name)), ask
            )

    def test_an_orphan_is_seen(self, engine: ImageEngine, ask: RequestFactory) -> None:
        spoilt = LeavesAnOrphan(engine)
        try:
            with pytest.raises(AssertionError):
                STEPS.test_cancellation_stops_a_running_step_within_8_seconds(spoilt, ask, Interruption.SIGTERM)
        finally:
            spoilt.orphan.kill()
            spoilt.orphan.wait()

    def test_a_cache_that_is_not_used_is_seen(
        self, make_engine: EngineFactory, ask: RequestFactory, registry: str
    ) -> None:
        with pytest.raises(AssertionError, match="ran 42"):
            CachingEngineContract().test_step_that_the_cache_holds_is_not_run_again(
                lambda name: HasNoCache(make_engine(name)), ask, registry
            )

    def test_a_missing_platform_is_seen(self, engine: ImageEngine, ask: RequestFactory) -> None:
        with pytest.raises(AssertionError):
            ManyPlatformsContract().test_several_platforms_become_one_index(BuildsOnePlatform(engine), ask)
