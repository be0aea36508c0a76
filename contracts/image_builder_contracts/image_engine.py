"""What every image engine keeps (specification, sections 5 and 6), to be run with the real engine and a real registry.

Subclass :class:`ImageEngineContract` and override the fixtures of :class:`ImageEngineFixtures`. An engine that runs the
steps of Dockerfiles keeps more: :mod:`image_builder_contracts.dockerfile_engine`, which asks for less.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import pytest
from image_builder_domain.build import BuildFailed, BuildInterrupted, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import MANIFEST_TYPES
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import ImageEngine
from returns.result import Success

from image_builder_contracts.clause import contract_of
from image_builder_contracts.image_engine_probe import (
    NOBODY,
    Switch,
    attempt,
    attempt_beside,
    built,
    manifest,
    reference,
    silent_registry,
    wait_until,
)

EngineFactory: TypeAlias = Callable[[str], ImageEngine]
"""Makes an engine with a local cache of that name, empty at first; the fixture that gives it closes what it made."""


@final
@dataclass(frozen=True, slots=True)
class Broken:
    """A request that cannot be built, and a word of what is wrong with it."""

    request: BuildRequest
    word: str


class ImageEngineFixtures:
    """What a subclass overrides, and what the clauses are written with."""

    @pytest.fixture
    def make_engine(self) -> EngineFactory:
        """Makes engines under test."""
        pytest.fail("override the 'make_engine' fixture so that it makes your adapter")

    @pytest.fixture
    def registry(self) -> str:
        """``host:port`` of an empty registry on loopback that takes everything over plain http."""
        pytest.fail("override the 'registry' fixture with the address of a real registry")

    @pytest.fixture
    def image(self) -> BuildRequest:
        """A request that the engine can carry out; its destinations are those of the fixture ``places``."""
        pytest.fail("override the 'image' fixture with a request that your engine can carry out, for 'places'")

    @pytest.fixture
    def broken(self) -> Broken:
        """A request, for ``places`` too, that cannot be built."""
        pytest.fail("override the 'broken' fixture with a request that cannot be built, and a word of the reason")

    @pytest.fixture
    def engine(self, make_engine: EngineFactory) -> ImageEngine:
        """One engine."""
        return make_engine("first")

    @pytest.fixture
    def places(self, registry: str, request: pytest.FixtureRequest) -> tuple[ImageReference, ...]:
        """Two destinations; every test has repositories of its own."""
        path = "".join(letter for letter in request.node.name.lower() if letter.isalnum())[:100]
        return reference(f"{registry}/team/{path}:1"), reference(f"{registry}/mirror/{path}:latest")


@contract_of("ImageEngine")
class ImageEngineContract(ImageEngineFixtures):
    """Clauses that hold for every engine."""

    def test_check_passes_where_the_engine_is_installed(self, engine: ImageEngine) -> None:
        """Nothing has to run for it."""
        assert engine.check() == Success(None)

    def test_command_shows_every_destination(self, engine: ImageEngine, image: BuildRequest) -> None:
        """What the plan prints is what will be done (section 9); asking twice gives the same."""
        shown = " ".join(engine.command(image))
        assert all(str(destination) in shown for destination in image.destinations)
        assert engine.command(image) == engine.command(image)

    def test_command_does_nothing(self, engine: ImageEngine, image: BuildRequest) -> None:
        """A plan touches nothing (section 9)."""
        engine.command(image)
        assert [manifest(place) for place in image.destinations] == [None, None]

    def test_every_destination_holds_the_reported_digest(self, engine: ImageEngine, image: BuildRequest) -> None:
        """One build, pushed everywhere (section 5): digest, size and media type are those of the exact bytes."""
        descriptor = built(engine, image).descriptor
        for destination in image.destinations:
            held = manifest(destination)
            assert held is not None
            assert (held[0], len(held[1])) == (str(descriptor.digest), descriptor.size)
        assert descriptor.media_type in MANIFEST_TYPES

    def test_output_comes_in_whole_lines(self, engine: ImageEngine, image: BuildRequest) -> None:
        """As ``OutputSink`` says: logs are redacted line by line."""
        made = attempt(engine, image)
        assert made.blocks
        assert all(block.endswith(b"\n") for block in made.blocks)

    def test_what_cannot_be_built_is_a_failed_build(self, engine: ImageEngine, broken: Broken) -> None:
        """The reason names what is wrong (section 10), and nothing is pushed (section 1)."""
        failure = attempt(engine, broken.request).outcome
        assert isinstance(failure, BuildFailed)
        assert broken.word in failure.reason
        assert [manifest(place) for place in broken.request.destinations] == [None, None]

    def test_registry_that_does_not_answer_is_a_failed_push(self, engine: ImageEngine, image: BuildRequest) -> None:
        """The build went well: the two must not be mixed up (section 1)."""
        failure = attempt(engine, replace(image, destinations=(reference(f"{NOBODY}/team/app:1"),))).outcome
        assert isinstance(failure, PushFailed)
        assert NOBODY in failure.reason

    def test_push_that_succeeds_in_part_is_a_failed_push(self, engine: ImageEngine, image: BuildRequest) -> None:
        """All destinations or a failure; a digest that it tells is the one that the others may hold (section 1)."""
        first = image.destinations[0]
        failure = attempt(engine, replace(image, destinations=(first, reference(f"{NOBODY}/team/app:1")))).outcome
        assert isinstance(failure, PushFailed)
        held = manifest(first)
        assert held is None or failure.digest is None or held[0] == str(failure.digest)

    def test_builds_of_one_engine_never_mix(self, engine: ImageEngine, image: BuildRequest, registry: str) -> None:
        """Variants are built at the same time (section 6): each outcome is about its own destinations."""
        limit = engine.at_once()
        assert limit is None or limit > 0
        names = ("one", "two", "three")
        requests = [
            replace(image, variant=name, destinations=(reference(f"{registry}/{image.name}:{name}"),)) for name in names
        ]
        with ExitStack() as running:
            made = [running.enter_context(attempt_beside(engine, request, Switch())) for request in requests]
        for request, one in zip(requests, made, strict=True):
            assert isinstance(one.outcome, BuiltImage), f"{one.outcome}\n{one.printed}"
            held = manifest(request.destinations[0])
            assert held is not None
            assert held[0] == str(one.outcome.descriptor.digest)

    def test_nothing_is_built_after_the_cancellation(self, engine: ImageEngine, image: BuildRequest) -> None:
        """A signal that came before the build counts too."""
        switch = Switch()
        switch.turn(Interruption.DEADLINE)
        assert attempt(engine, image, switch).outcome == BuildInterrupted(Interruption.DEADLINE)
        assert manifest(image.destinations[0]) is None

    def test_cancellation_stops_a_push_that_hangs_within_8_seconds(
        self, engine: ImageEngine, image: BuildRequest
    ) -> None:
        """A registry may take a connection and never answer; a signal is heard all the same."""
        switch = Switch()
        with silent_registry() as (address, visited):
            request = replace(image, destinations=(reference(f"{address}/team/app:1"),))
            with attempt_beside(engine, request, switch) as made:
                wait_until(lambda: visited.is_set() or made.outcome is not None)
                start = time.monotonic()
                switch.turn(Interruption.SIGTERM)
            engine.close()
            assert made.outcome == BuildInterrupted(Interruption.SIGTERM)
            assert time.monotonic() - start < 8

    def test_close_may_be_called_twice(self, engine: ImageEngine, image: BuildRequest) -> None:
        """Whatever went before."""
        built(engine, image)
        engine.close()
        engine.close()
