"""The image engine contract rejects adapters that break it."""

from dataclasses import replace
from typing import final

import pytest
from image_builder_contracts.image_engine import EngineFactory, ImageEngineContract, ImageEngineFixtures, RequestFactory
from image_builder_domain.build import BuildFailed, BuildFailure, BuildRequest, BuiltImage, EngineMissing, PushFailed
from image_builder_domain.ports import Cancellation, ImageEngine, OutputSink
from image_builder_domain.reference import Digest
from returns.result import Failure, Result

from tests.buildkit import PrivateDaemon


class Wrapped:
    """A good engine, to be spoilt."""

    def __init__(self, engine: ImageEngine) -> None:
        self.engine = engine

    def check(self) -> Result[None, EngineMissing]:
        return self.engine.check()

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        return self.engine.command(request)

    def at_once(self) -> int | None:
        return self.engine.at_once()

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        return self.engine.build(request, output, cancellation)

    def close(self) -> None:
        self.engine.close()


@final
class ReportsAnotherDigest(Wrapped):
    """Says that it pushed what nobody has."""

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        other = Digest("sha256:" + "0" * 64)
        return self.engine.build(request, output, cancellation).map(
            lambda image: BuiltImage(replace(image.descriptor, digest=other))
        )


@final
class PushesToOneOnly(Wrapped):
    """Forgets all destinations but the first."""

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        return self.engine.build(replace(request, destinations=request.destinations[:1]), output, cancellation)


@final
class CallsEveryFailureABuildFailure(Wrapped):
    """Cannot tell a push from a build."""

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        return self.engine.build(request, output, cancellation).lash(
            lambda failure: Failure(BuildFailed(failure.reason) if isinstance(failure, PushFailed) else failure)
        )


class TestContractBites(PrivateDaemon, ImageEngineFixtures):
    @pytest.mark.parametrize("spoilt", [ReportsAnotherDigest, PushesToOneOnly])
    def test_wrong_digest_or_missing_destination_is_seen(
        self, spoilt: type[Wrapped], make_engine: EngineFactory, ask: RequestFactory
    ) -> None:
        clause = ImageEngineContract().test_every_destination_holds_the_reported_digest
        with pytest.raises(AssertionError, match=r"assert .*(sha256:0000|None)"):
            clause(spoilt(make_engine("spoilt")), ask)

    def test_mixed_up_failures_are_seen(self, make_engine: EngineFactory, ask: RequestFactory) -> None:
        clause = ImageEngineContract().test_registry_that_does_not_answer_is_a_failed_push
        with pytest.raises(AssertionError):
            clause(CallsEveryFailureABuildFailure(make_engine("spoilt")), ask)
