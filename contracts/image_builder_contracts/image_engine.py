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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, final

import pytest
from image_builder_domain.build import BuildFailed, BuildFailure, BuildInterrupted, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import MANIFEST_TYPES
from image_builder_domain.image.reference import Digest, ImageReference, Repository
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
    """One build: what came of it, and what it reported. Implements ``BuildProgress``."""

    outcome: BuiltImage | BuildFailure | None = None
    blocks: list[bytes] = field(default_factory=list)

    positions: list[str] = field(default_factory=list)

    @property
    def printed(self) -> str:
        """All output."""
        return b"".join(self.blocks).decode("utf-8", "replace")

    def output(self, lines: bytes) -> None:
        """Implement ``BuildProgress.output``."""
        self.blocks.append(lines)

    def at(self, position: str) -> None:
        """Implement ``BuildProgress.at``."""
        self.positions.append(position)


def repository(text: str) -> Repository:
    """A repository that is known to be well-formed."""
    return Repository.parse(text).unwrap()


def reference(text: str) -> ImageReference:
    """A reference that is known to be well-formed."""
    return ImageReference.parse(text).unwrap()


def step(script: str) -> str:
    """A Dockerfile line that runs ``script`` in busybox's shell."""
    return f"RUN {json.dumps(['/bin/busybox', 'sh', '-c', script])}\n"


def attempt(engine: ImageEngine, request: BuildRequest, switch: Switch | None = None) -> Attempt:
    """Build, and keep everything."""
    made = Attempt()
    made.outcome = unwrap_or_failure(engine.build(request, made, switch or Switch()))
    return made


@contextmanager
def attempt_beside(engine: ImageEngine, request: BuildRequest, switch: Switch) -> Iterator[Attempt]:
    """Build in another thread; at the end of the ``with`` it is over."""
    made = Attempt()

    def work() -> None:
        made.outcome = unwrap_or_failure(engine.build(request, made, switch))

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


def manifest(place: Repository, digest: Digest | str) -> tuple[str, bytes] | None:
    """Digest and bytes of what the registry holds there under a digest, or under a tag; None without it."""
    answer = _answer(place, f"manifests/{digest}")
    return None if answer is None else (answer[0]["Docker-Content-Digest"], answer[1])


def blob(place: Repository, digest: str) -> bytes:
    """The bytes of a blob, such as an image's configuration; empty without it."""
    answer = _answer(place, f"blobs/{digest}")
    return b"" if answer is None else answer[1]


def tags_of(place: Repository) -> list[str]:
    """All tags of a repository, sorted."""
    answer = _answer(place, "tags/list")
    return [] if answer is None else sorted(json.loads(answer[1])["tags"] or ())


def _answer(place: Repository, path: str) -> tuple[Mapping[str, str], bytes] | None:
    address = f"http://{place.domain}/v2/{place.path}/{path}"
    question = urllib.request.Request(address, headers={"Accept": ", ".join(MANIFEST_TYPES)})
    try:
        with _DIRECT.open(question, timeout=10) as answer:
            return dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        raise


@contextmanager
def silent_registry(*, hangs_up: bool = False) -> Iterator[tuple[str, threading.Event]]:
    """``host:port`` of something that takes every connection and never answers; the event is set by the first one.

    With ``hangs_up`` it closes each connection at once, so that nobody waits for it.
    """
    visited, kept = threading.Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    visited.set()
                    if hangs_up:
                        connection.close()
                    else:
                        kept.append(connection)

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
        """A request that the engine can carry out; its repositories are those of the fixture ``places``."""
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
    def places(self, registry: str, request: pytest.FixtureRequest) -> tuple[Repository, ...]:
        """Two repositories; every test has its own."""
        path = "".join(letter for letter in request.node.name.lower() if letter.isalnum())[:100]
        return repository(f"{registry}/team/{path}"), repository(f"{registry}/mirror/{path}")


@contract_of("ImageEngine")
class ImageEngineContract(ImageEngineFixtures):
    """Clauses that hold for every engine."""

    def test_check_passes_where_the_engine_is_installed(self, engine: ImageEngine) -> None:
        """Nothing has to run for it."""
        assert engine.check() == Success(None)

    def test_command_is_the_same_each_time(self, engine: ImageEngine, image: BuildRequest) -> None:
        """What the plan prints is what will be done (section 9)."""
        assert engine.command(image)
        assert engine.command(image) == engine.command(image)

    def test_command_does_nothing(self, engine: ImageEngine, image: BuildRequest) -> None:
        """A plan touches nothing (section 9)."""
        with silent_registry(hangs_up=True) as (address, visited):
            engine.command(replace(image, repositories=(repository(f"{address}/team/app"),)))
            assert not visited.is_set()

    def test_every_repository_holds_the_reported_digest(self, engine: ImageEngine, image: BuildRequest) -> None:
        """One build, pushed everywhere (section 5): digest, size and media type are those of the exact bytes."""
        descriptor = built(engine, image).descriptor
        for place in image.repositories:
            held = manifest(place, descriptor.digest)
            assert held is not None, f"{place} does not hold {descriptor.digest}"
            assert (held[0], len(held[1])) == (str(descriptor.digest), descriptor.size)
        assert descriptor.media_type in MANIFEST_TYPES

    def test_no_tag_is_written(self, engine: ImageEngine, image: BuildRequest) -> None:
        """Tags are written last, after all checks and signatures, and never by an engine: not even ``latest``."""
        built(engine, image)
        assert [tags_of(place) for place in image.repositories] == [[], []]

    def test_output_comes_in_whole_lines(self, engine: ImageEngine, image: BuildRequest) -> None:
        """As ``BuildProgress`` says: logs are redacted line by line."""
        made = attempt(engine, image)
        assert made.blocks
        assert all(block.endswith(b"\n") for block in made.blocks)
        assert not any("\n" in position for position in made.positions)

    def test_what_cannot_be_built_is_a_failed_build(self, engine: ImageEngine, broken: Broken) -> None:
        """The reason names what is wrong (section 10), and no registry hears of it (section 1)."""
        with silent_registry(hangs_up=True) as (address, visited):
            request = replace(broken.request, repositories=(repository(f"{address}/team/app"),))
            failure = attempt(engine, request).outcome
            assert isinstance(failure, BuildFailed)
            assert broken.word in failure.reason
            assert not visited.is_set()

    def test_registry_that_does_not_answer_is_a_failed_push(self, engine: ImageEngine, image: BuildRequest) -> None:
        """The build went well: the two must not be mixed up (section 1)."""
        failure = attempt(engine, replace(image, repositories=(repository(f"{NOBODY}/team/app"),))).outcome
        assert isinstance(failure, PushFailed)
        assert NOBODY in failure.reason

    def test_push_that_succeeds_in_part_is_a_failed_push(self, engine: ImageEngine, image: BuildRequest) -> None:
        """All repositories or a failure; a digest that it names is one that it built (section 1)."""
        first = image.repositories[0]
        failure = attempt(engine, replace(image, repositories=(first, repository(f"{NOBODY}/team/app")))).outcome
        assert isinstance(failure, PushFailed)
        assert failure.digest is None or (manifest(first, failure.digest) or (str(failure.digest),))[0] == str(
            failure.digest
        )
        assert tags_of(first) == []

    def test_builds_of_one_engine_never_mix(self, engine: ImageEngine, image: BuildRequest, registry: str) -> None:
        """Variants are built at the same time (section 6): each outcome is about its own repositories."""
        limit = engine.at_once()
        assert limit is None or limit > 0
        names = ("one", "two", "three")
        requests = [
            replace(image, variant=name, repositories=(repository(f"{registry}/{image.name}/{name}"),))
            for name in names
        ]
        with ExitStack() as running:
            made = [running.enter_context(attempt_beside(engine, request, Switch())) for request in requests]
        for request, one in zip(requests, made, strict=True):
            assert isinstance(one.outcome, BuiltImage), f"{one.outcome}\n{one.printed}"
            assert manifest(request.repositories[0], one.outcome.descriptor.digest) is not None

    def test_nothing_is_built_after_the_cancellation(self, engine: ImageEngine, image: BuildRequest) -> None:
        """A signal that came before the build counts too."""
        switch = Switch()
        switch.turn(Interruption.DEADLINE)
        with silent_registry(hangs_up=True) as (address, visited):
            request = replace(image, repositories=(repository(f"{address}/team/app"),))
            assert attempt(engine, request, switch).outcome == BuildInterrupted(Interruption.DEADLINE)
            assert not visited.is_set()

    def test_cancellation_stops_a_push_that_hangs_within_8_seconds(
        self, engine: ImageEngine, image: BuildRequest
    ) -> None:
        """A registry may take a connection and never answer; a signal is heard all the same."""
        switch = Switch()
        with silent_registry() as (address, visited):
            request = replace(image, repositories=(repository(f"{address}/team/app"),))
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
