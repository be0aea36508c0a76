"""What every image engine keeps (specification, sections 5 and 6), to be run with the real engine and a real registry.

Subclass :class:`ImageEngineContract` and override the fixtures of :class:`ImageEngineFixtures`. An engine that runs the
steps of Dockerfiles keeps more: :mod:`image_builder_contracts.dockerfile_engine`, which asks for less.
"""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, final

import pytest
from image_builder_domain.build import BuildFailed, BuildFailure, BuildInterrupted, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import MANIFEST_TYPES
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import ImageEngine
from returns.methods import unwrap_or_failure
from returns.result import Success

from image_builder_contracts.clause import contract_of

NOBODY = "127.0.0.1:9"
"""The discard port, where nothing listens."""


@final
class Switch:
    """A ``Cancellation`` that a test turns, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: Interruption | None = None

    def turn(self, reason: Interruption) -> None:
        """From now on work must stop."""
        self._reason = reason
        self._event.set()

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        return self._event.wait(seconds)

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        return None


@final
@dataclass(slots=True)
class Attempt:
    """One build: what came of it, and the blocks that it printed."""

    outcome: BuiltImage | BuildFailure | None = None
    blocks: list[bytes] = field(default_factory=list)

    @property
    def printed(self) -> str:
        """All output."""
        return b"".join(self.blocks).decode("utf-8", "replace")


def reference(text: str) -> ImageReference:
    """A reference that is known to be well-formed."""
    return ImageReference.parse(text).unwrap()


def step(script: str) -> str:
    """A Dockerfile line that runs ``script`` in busybox's shell."""
    return f"RUN {json.dumps(['/bin/busybox', 'sh', '-c', script])}\n"


def attempt(engine: ImageEngine, request: BuildRequest, switch: Switch | None = None) -> Attempt:
    """Build, and keep everything."""
    made = Attempt()
    made.outcome = unwrap_or_failure(engine.build(request, made.blocks.append, switch or Switch()))
    return made


@contextmanager
def attempt_beside(engine: ImageEngine, request: BuildRequest, switch: Switch) -> Iterator[Attempt]:
    """Build in another thread; at the end of the ``with`` it is over."""
    made = Attempt()

    def work() -> None:
        made.outcome = unwrap_or_failure(engine.build(request, made.blocks.append, switch))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made
    finally:
        thread.join()


def built(engine: ImageEngine, request: BuildRequest) -> BuiltImage:
    """Build what must succeed."""
    made = attempt(engine, request)
    assert isinstance(made.outcome, BuiltImage), f"{made.outcome}\n{made.printed}"
    return made.outcome


def manifest(place: ImageReference) -> tuple[str, bytes] | None:
    """Digest and bytes of what the registry holds there, or None."""
    address = f"http://{place.repository.domain}/v2/{place.repository.path}/manifests/{place.digest or place.tag}"
    question = urllib.request.Request(address, headers={"Accept": ", ".join(MANIFEST_TYPES)})
    try:
        with _DIRECT.open(question, timeout=10) as answer:
            return answer.headers["Docker-Content-Digest"], answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        raise


@contextmanager
def silent_registry() -> Iterator[tuple[str, threading.Event]]:
    """``host:port`` of something that takes every connection and never answers; the event is set by the first one."""
    visited, kept = threading.Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])
                    visited.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", visited
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def processes(words: str) -> list[int]:
    """Every living process whose command line ends with ``words``: those of a step, not the engine's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if line.strip().endswith(words):
            found.append(int(entry.name))
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.05)


# The registry is on loopback: a proxy of the environment has no business in between.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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
        """After any builds, also failed ones."""
        built(engine, image)
        engine.close()
        engine.close()
