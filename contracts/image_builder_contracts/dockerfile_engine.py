"""What engines keep that run the steps of Dockerfiles, beyond what every engine keeps (specification, section 6).

Subclass :class:`DockerfileEngineContract` and override ``make_engine``, ``registry`` and ``busybox``. The images are
made from scratch and a static busybox, so nothing is pulled. What only some engines can is in
:class:`CachingEngineContract` and :class:`ManyPlatformsContract`.
"""

import base64
import json
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from image_builder_domain.build import BuildFailed, BuildInterrupted, BuildRequest, BuiltImage, CacheReferences
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import ImageEngine
from image_builder_domain.source.build_argument import BuildArgument

from image_builder_contracts.clause import contract_of
from image_builder_contracts.image_engine import (
    NOBODY,
    Broken,
    EngineFactory,
    ImageEngineContract,
    ImageEngineFixtures,
    Switch,
    attempt,
    attempt_beside,
    blob,
    built,
    manifest,
    processes,
    reference,
    repository,
    silent_registry,
    step,
    wait_until,
)

RequestFactory: TypeAlias = Callable[[str], BuildRequest]
"""Makes a request, for the fixture ``places``, of the Dockerfile lines that follow the base stage."""

_BASE = "FROM scratch AS base\nCOPY busybox /bin/busybox\n"


class DockerfileEngineFixtures(ImageEngineFixtures):
    """What a subclass overrides (``make_engine``, ``registry``, ``busybox``), and what the clauses are written with."""

    @pytest.fixture
    def busybox(self) -> str:
        """Path of a statically linked busybox."""
        pytest.fail("override the 'busybox' fixture with the path of a static busybox")

    @pytest.fixture
    def context(self, tmp_path: Path, busybox: str) -> Path:
        """A build context that holds busybox."""
        folder = tmp_path / "build context"
        folder.mkdir()
        shutil.copy(busybox, folder / "busybox")
        return folder

    @pytest.fixture
    def ask(self, context: Path, places: tuple[Repository, ...]) -> RequestFactory:
        """Makes requests."""

        def make(steps: str) -> BuildRequest:
            (context / "Dockerfile").write_text(_BASE + steps)
            return BuildRequest(places[0].path, None, str(context), "Dockerfile", places)

        return make

    @pytest.fixture
    def image(self, ask: RequestFactory) -> BuildRequest:
        """An image with a step that runs."""
        return ask(step("true"))

    @pytest.fixture
    def broken(self, ask: RequestFactory) -> Broken:
        """A Dockerfile with an instruction that there is not."""
        return Broken(ask("COPPY a b\n"), "COPPY")


@contract_of("ImageEngine")
class DockerfileEngineContract(DockerfileEngineFixtures, ImageEngineContract):
    """Clauses for engines that run the steps of a Dockerfile, and all that hold for every engine."""

    def test_builds_at_the_same_time_never_mix(self, engine: ImageEngine, ask: RequestFactory, registry: str) -> None:
        """Variants (section 6): each has arguments, output, root and image of its own."""
        limit = engine.at_once()
        assert limit is None or limit > 0
        common = ask("ARG WHO\n" + step("[ ! -e /mark ] && echo mark of $WHO >/mark && /bin/busybox cat /mark"))
        names = ("one", "two", "three")
        requests = [
            replace(
                common,
                variant=name,
                arguments=(BuildArgument("WHO", name),),
                repositories=(repository(f"{registry}/{common.name}/{name}"),),
            )
            for name in names
        ]
        with ExitStack() as running:
            made = [running.enter_context(attempt_beside(engine, request, Switch())) for request in requests]
        for name, request, one in zip(names, requests, made, strict=True):
            assert isinstance(one.outcome, BuiltImage), f"{one.outcome}\n{one.printed}"
            assert [other for other in names if f"mark of {other}\n" in one.printed] == [name]
            assert manifest(request.repositories[0], one.outcome.descriptor.digest) is not None
        assert len({held.outcome for held in made}) == len(names)

    def test_what_a_step_prints_reaches_the_sink_in_whole_lines(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """Both streams of the step; see ``OutputSink``."""
        made = attempt(engine, ask(step("echo out $((6*7)); echo err $((6*7)) >&2")))
        assert "out 42\n" in made.printed
        assert "err 42\n" in made.printed
        assert all(block.endswith(b"\n") for block in made.blocks)

    def test_failing_step_is_a_failed_build_with_its_last_lines(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """At most 50 lines, the last one last; nothing is pushed, and the engine's own code is kept (section 1)."""
        request = ask(step("/bin/busybox seq 1000 1099; exit 7"))
        with silent_registry(hangs_up=True) as (address, visited):
            failure = attempt(engine, replace(request, repositories=(repository(f"{address}/app"),))).outcome
            assert isinstance(failure, BuildFailed)
            assert failure.last_lines == tuple(str(number) for number in range(1050, 1100))
            assert failure.engine_code not in (0, None)
            assert not visited.is_set()

    def test_target_stops_at_that_stage(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """A later stage, which would fail, is not built."""
        request = ask("FROM base AS later\n" + step("exit 1"))
        assert isinstance(attempt(engine, request).outcome, BuildFailed)
        built(engine, replace(request, target="base"))

    def test_build_arguments_arrive_byte_for_byte(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """Section 4: blanks, quotes, commas and what a shell would take for its own."""
        values = ("plain", "", "two  blanks ", "a,b=c,\"d\",'e'", "$HOME `x` \\n ü")
        arguments = tuple(BuildArgument(f"V{number}", value) for number, value in enumerate(values))
        lines = "".join(f"ARG {argument.name}=default\n" for argument in arguments)
        shown = "; ".join(f'echo "${argument.name}" | /bin/busybox base64 -w 0; echo ." "' for argument in arguments)
        made = attempt(engine, replace(ask(lines + step(shown)), arguments=arguments))
        for value in values:
            assert base64.b64encode(value.encode() + b"\n").decode() + ". \n" in made.printed

    def test_labels_and_annotations_arrive_byte_for_byte(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """Labels stand in the image's configuration, annotations in its manifest."""
        given = (("org.example.a-1", 'two  words, "quoted"=1'), ("b", "ü:$HOME"))
        request = replace(ask(""), labels=given, annotations=given)
        place, digest = request.repositories[0], built(engine, request).descriptor.digest
        held = json.loads((manifest(place, digest) or ("", b"{}"))[1])
        config = json.loads(blob(place, held["config"]["digest"]))
        assert {name: held["annotations"].get(name) for name, _ in given} == dict(given)
        assert {name: config["config"]["Labels"].get(name) for name, _ in given} == dict(given)

    def test_dockerfile_may_lie_in_a_sub_folder(self, engine: ImageEngine, ask: RequestFactory, context: Path) -> None:
        """Its path is relative to the context (section 1), and so is what it copies."""
        request = ask("")
        (context / "docker").mkdir()
        (context / "Dockerfile").rename(context / "docker" / "app.Dockerfile")
        built(engine, replace(request, dockerfile="docker/app.Dockerfile"))

    def test_reproducible_build_gives_the_same_digest_from_empty_caches(
        self, make_engine: EngineFactory, ask: RequestFactory
    ) -> None:
        """The clock and the times of files have no influence (section 6)."""
        described = (("org.opencontainers.image.created", "2023-11-14T22:13:20Z"),)
        request = replace(ask(step("echo x > /x")), labels=described, annotations=described)
        request = replace(request, source_date_epoch=1_700_000_000)
        first = built(make_engine("one"), request)
        time.sleep(1.1)
        (Path(request.context) / "busybox").touch()
        assert built(make_engine("two"), request).descriptor == first.descriptor

    @pytest.mark.parametrize("reason", [Interruption.SIGINT, Interruption.DEADLINE])
    def test_cancellation_stops_a_running_step_within_8_seconds(
        self, engine: ImageEngine, ask: RequestFactory, reason: Interruption
    ) -> None:
        """Nothing of it is left, though the step ignores signals, and nothing was pushed."""
        asleep = f"sleep 98765.{time.monotonic_ns() % 1_000_000}"
        request, switch = ask(step(f"trap '' TERM INT; /bin/busybox {asleep}")), Switch()
        with silent_registry(hangs_up=True) as (address, visited):
            request = replace(request, repositories=(repository(f"{address}/app"),))
            with attempt_beside(engine, request, switch) as made:
                wait_until(lambda: processes(asleep) != [] or made.outcome is not None)
                start = time.monotonic()
                switch.turn(reason)
            engine.close()
            assert time.monotonic() - start < 8
            assert made.outcome == BuildInterrupted(reason)
            assert processes(asleep) == []
            assert not visited.is_set()


@contract_of("ImageEngine")
class CachingEngineContract(DockerfileEngineFixtures):
    """Clauses for engines that keep layers in a registry."""

    def test_step_that_the_cache_holds_is_not_run_again(
        self, make_engine: EngineFactory, ask: RequestFactory, registry: str
    ) -> None:
        """The second engine knows nothing but the registry's cache (section 6), and labels do not count."""
        cache = (reference(f"{registry}/cache/app:buildcache"),)
        request = replace(ask(step("echo ran $((6*7)) > /x; echo ran $((6*7))")), cache=CacheReferences(cache, cache))
        assert "ran 42" in attempt(make_engine("one"), replace(request, labels=(("commit", "1"),))).printed
        again = attempt(make_engine("two"), replace(request, labels=(("commit", "2"),)))
        assert isinstance(again.outcome, BuiltImage)
        assert "ran 42" not in again.printed

    def test_cache_that_does_not_answer_never_fails_a_build(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """Section 6: neither reading nor writing."""
        cache = (reference(f"{NOBODY}/cache/app:buildcache"),)
        built(engine, replace(ask(step("true")), cache=CacheReferences(cache, cache)))


@contract_of("ImageEngine")
class ManyPlatformsContract(DockerfileEngineFixtures):
    """Clauses for engines that build several platforms at once."""

    def test_several_platforms_become_one_index(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """The reported digest is the index's; these two run on every x86-64 machine."""
        platforms = Platform("linux", "amd64"), Platform("linux", "386")
        request = replace(ask(step("echo x > /x")), platforms=platforms)
        descriptor = built(engine, request).descriptor
        assert descriptor.is_index
        assert [manifest(place, descriptor.digest) is not None for place in request.repositories] == [True, True]

    def test_annotations_stand_in_the_index_and_in_each_manifest(
        self, engine: ImageEngine, ask: RequestFactory
    ) -> None:
        """What reads an index need not read its manifests."""
        platforms = Platform("linux", "amd64"), Platform("linux", "386")
        request = replace(ask(""), platforms=platforms, annotations=(("a", "1,2"),))
        place, digest = request.repositories[0], built(engine, request).descriptor.digest
        index = json.loads((manifest(place, digest) or ("", b"{}"))[1])
        listed = [json.loads((manifest(place, one["digest"]) or ("", b"{}"))[1]) for one in index["manifests"]]
        assert [found["annotations"]["a"] for found in (index, *listed)] == ["1,2"] * 3

    def test_foreign_platform_needs_no_emulation_without_a_step(self, engine: ImageEngine, ask: RequestFactory) -> None:
        """Copying runs nothing of that platform."""
        built(engine, replace(ask(""), platforms=(Platform("linux", "arm64"),)))
