"""What unmerged code leaves in a BuildKit never gets into production's image (two daemons, one, and a shared one)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import final

import pytest

from tests.buildkit import running_daemon
from tests.e2e.world import Finished, World, run_step

pytestmark = pytest.mark.e2e

MOUNT = "--mount=type=cache,id=gocache,target=/cache"
PLANT = run_step("echo planted > /cache/tool", MOUNT)
TAKE = run_step("$b cat /cache/tool > /tool 2>/dev/null || echo clean > /tool; $b echo it is $($b cat /tool)", MOUNT)


@final
class Attack:
    """A pull request that plants a file, and production that would take it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.host = ""

    def unmerged(self, *lines: str) -> Finished:
        self.become(self.world.presubmit, *lines)
        return self.world.run()

    def production(self, *lines: str) -> Finished:
        self.become(self.world.postsubmit, *lines)
        return self.world.run()

    def become(self, job: Callable[[], None], *lines: str) -> None:
        """Make the world that job's, with these lines in its Dockerfile."""
        job()
        if self.host:
            self.world.environment["BUILDKIT_HOST"] = self.host
        self.world.dockerfile(*lines)


@pytest.fixture
def attack(world: World) -> Attack:
    return Attack(world)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of two daemons."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(running_daemon(tmp_path / name)) for name in ("one", "two"))  # type: ignore[misc]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with running_daemon(tmp_path / "one") as address:
        yield address


def told(done: Finished) -> str:
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if " it is " in line and "RUN" not in line]
    return line.rpartition(" it is ")[2]


def test_the_attack_works_on_one_buildkit_and_both_sides_are_warned(attack: Attack, host: str) -> None:
    """Otherwise the tests below would prove nothing."""
    attack.host = host
    planted, taken = attack.unmerged(PLANT), attack.production(TAKE)
    assert planted.code == 0, planted.err
    assert told(taken) == "planted"
    for done in (planted, taken):
        assert "set engines.buildkit.host and engines.buildkit.dev-host" in done.err


def test_with_two_hosts_nothing_is_taken(attack: Attack, hosts: tuple[str, str]) -> None:
    attack.world.config["engines"] = {"buildkit": {"host": hosts[0], "dev-host": hosts[1]}}
    attack.host = "unix:///nobody/is/there"
    planted, again, taken = attack.unmerged(PLANT), attack.unmerged(TAKE), attack.production(TAKE)
    assert planted.code == 0, planted.err
    assert told(again) == "planted"
    assert told(taken) == "clean"
    assert "engines.buildkit" not in taken.err


def test_unmerged_code_is_refused_on_the_host_of_production(attack: Attack, host: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(Path(host.removeprefix("unix://")).parent)
    attack.world.config["engines"] = {"buildkit": {"host": host}}
    for attack.host in (host, host.replace("unix://", "unix:"), f"unix://{link}/buildkitd.sock"):
        refused = attack.unmerged(PLANT)
        assert refused.code == 2, refused.err
        assert "also the BuildKit of production (engines.buildkit.host)" in refused.err
    assert told(attack.production(TAKE)) == "clean"


def test_layers_of_unmerged_code_are_not_taken_from_a_shared_buildkit(attack: Attack, host: str) -> None:
    """A mount's id is no part of a layer's key: the step is the same, so the layer would be taken as it is."""
    attack.host = host
    step = run_step("$b test -e /cache/tool || echo clean > /cache/tool; $b cp /cache/tool /tool", MOUNT)
    show = run_step("$b echo it is $($b cat /tool)")
    assert attack.unmerged(PLANT).code == 0
    assert told(attack.unmerged(step, show)) == "planted"
    assert "CACHED" in attack.production(step, show).out  # so the attack works
    attack.world.config["engines"] = {"buildkit": {"shared": True}}
    taken = attack.production(step, show)
    assert told(taken) == "clean"
    assert "CACHED" not in taken.out


def test_shared_buildkit_gives_production_no_mount_of_a_build_beside_it(attack: Attack, host: str) -> None:
    """``--no-cache`` alone empties mounts as a build begins; what is planted afterwards would be taken."""
    attack.world.config["engines"] = {"buildkit": {"shared": True}}
    attack.host = host
    attack.become(attack.world.postsubmit, run_step("$b echo waiting now; $b sleep 8"), TAKE)
    production = attack.world.start()
    assert production.stdout is not None
    assert any(line.rstrip().endswith(" waiting now") for line in production.stdout)
    assert attack.unmerged(PLANT).code == 0
    assert told(attack.world.finished(production)) == "clean"


def test_shared_buildkit_builds_production_without_cache_and_the_plan_says_so(attack: Attack, host: str) -> None:
    world = attack.world
    world.config["engines"] = {"buildkit": {"shared": True}}
    registry = world.registry.host_port
    world.config["cache"] = {"enabled": True, "cache-repo": f"{registry}/cache"}
    attack.host = host
    assert attack.unmerged(PLANT).code == 0
    assert told(attack.production(TAKE)) == "clean"
    assert world.manifest(f"{registry}/cache/app:buildcache") is None
    plan = json.loads(world.run("plan", "--output=json").out)
    assert plan["buildkit"] == {
        "address": host,
        "why": "BUILDKIT_HOST; shared, so production builds without cache",
        "shared": True,
    }
    assert plan["builds"][0]["cache"] == {"read": [], "write": []}
    assert "--no-cache" in plan["builds"][0]["command"]


def test_another_frontend_is_refused_in_a_shared_buildkit(attack: Attack, host: str) -> None:
    world = attack.world
    world.config["engines"] = {"buildkit": {"shared": True}}
    attack.host = host
    for line in ("# syntax=evil.example/frontend", "// syntax = evil.example/frontend"):
        attack.become(world.presubmit)
        (world.context / "Dockerfile").write_text(f"{line}\nFROM scratch\n")
        refused = world.run()
        assert refused.code == 2, refused.err
        assert "'evil.example/frontend'" in refused.err
    refused = attack.unmerged(PLANT)
    assert refused.code == 0, refused.err
    argument = world.run("--build-arg=BUILDKIT_SYNTAX=evil.example/frontend")
    assert argument.code == 2, argument.err


def test_doctor_names_one_buildkit_for_both_sides(attack: Attack, host: str) -> None:
    world = attack.world
    world.environment["BUILDKIT_HOST"] = host
    done = world.finished(world.launch("image_builder", "doctor", "--config", world.config_file(), "--name", "app"))
    assert "engines.buildkit.host and engines.buildkit.dev-host" in done.out
    world.config["engines"] = {"buildkit": {"host": host, "dev-host": host}}
    done = world.finished(world.launch("image_builder", "doctor", "--config", world.config_file(), "--name", "app"))
    assert done.code == 2, done.out
    assert "also the BuildKit of unmerged code" in done.out
