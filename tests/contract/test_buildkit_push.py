"""A failed push of BuildKit is repeated without a new build, and after the last attempt the cache is exported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import final

import pytest
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import Attempt, EngineFactory, attempt, manifest, reference, step
from image_builder_domain.build import BuiltImage, CacheReferences, PushFailed
from image_builder_domain.ports import ImageEngine
from image_builder_stand_ins.registry import Registry

from tests.buildkit import PrivateDaemon, SettingsFactory, engines


class TestPushes(PrivateDaemon, DockerfileEngineFixtures):
    @pytest.fixture
    def running(self) -> Iterator[Registry]:
        with Registry.start() as running:
            yield running

    @pytest.fixture
    def registry(self, running: Registry) -> str:
        return running.host_port

    @pytest.fixture
    def busy(self, running: Registry) -> Iterator["Busy"]:
        with busy(running) as found:
            yield found

    @pytest.fixture
    def make_engine(self, settings: SettingsFactory, busy: "Busy") -> Iterator[EngineFactory]:
        with engines(lambda name: replace(settings(name), push_policy=busy.policy)) as make:
            yield make

    def test_a_busy_registry_gets_the_push_again(self, engine: ImageEngine, ask: RequestFactory, busy: "Busy") -> None:
        busy.status = 429
        request = ask(step("echo it runs"))
        tried = attempt(engine, request)
        assert isinstance(tried.outcome, BuiltImage)
        digest = tried.outcome.descriptor.digest
        assert all(manifest(place, digest) for place in request.repositories)
        assert tried.printed.count("the push failed") == 1
        assert runs(tried) == 1

    def test_a_refusal_is_final(self, engine: ImageEngine, ask: RequestFactory, busy: "Busy") -> None:
        busy.status = 403
        tried = attempt(engine, ask(step("echo it runs")))
        assert isinstance(tried.outcome, PushFailed)
        assert "the push failed" not in tried.printed

    def test_a_push_that_stays_impossible_leaves_the_cache(
        self, make_engine: EngineFactory, ask: RequestFactory, busy: "Busy", registry: str
    ) -> None:
        kept = reference(f"{registry}/cache:buildcache")
        request = replace(ask(step("echo it runs")), cache=CacheReferences((kept,), (kept,)))
        busy.status = 403
        tried = attempt(make_engine("one"), request)
        busy.status = None
        assert isinstance(tried.outcome, PushFailed)
        assert runs(tried) == 1
        again = attempt(make_engine("another"), request)
        assert isinstance(again.outcome, BuiltImage)
        assert runs(again) == 0


def runs(tried: Attempt) -> int:
    """How often the step ran, instead of coming from a cache."""
    return sum(line.endswith(" it runs") and "echo" not in line for line in tried.printed.splitlines())


@final
@dataclass
class Busy:
    """Refuses pushes of images with a status, until the engine pauses before it pushes again."""

    status: int | None = None

    @property
    def policy(self) -> RetryPolicy:
        """Short pauses, each of which ends the refusals."""
        return RetryPolicy(attempts=3, pause_seconds=0.1, longest_pause_seconds=0.1, jitter=self._pause)

    def _pause(self) -> float:
        self.status = None
        return 1.0


@contextmanager
def busy(running: Registry) -> Iterator[Busy]:
    """Lets a registry refuse pushes."""
    good, found = running.refusal, Busy()

    def refusal(request: str, authorization: str | None) -> int | None:
        is_push = request.startswith(("POST ", "PUT ")) and "/cache/" not in request
        return found.status if is_push and found.status is not None else good(request, authorization)

    running.refusal = refusal  # type: ignore[method-assign]
    yield found
    running.refusal = good  # type: ignore[method-assign]
