"""Production's image never gets what unmerged code leaves in a BuildKit: with two daemons, one, or a shared one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import final

import pytest

from tests.buildkit import running_daemon
from tests.e2e.run import Finished, read_until
from tests.e2e.world import World, run_step

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
        """Run the pull request with these lines in its Dockerfile."""
        self.become(self.world.presubmit, *lines)
        return self.world.run()

    def production(self, *lines: str) -> Finished:
        self.become(self.world.postsubmit, *lines)
        return self.world.run()

    def become(self, job: Callable[[], None], *lines: str) -> None:
        job()
        if self.host:
            self.world.environment["BUILDKIT_HOST"] = self.host
        self.world.dockerfile(*lines)

    def doctor(self) -> Finished:
        arguments = ("doctor", "--config", self.world.config_file(), "--name", "app")
        return self.world.command("image-builder", *arguments)


@pytest.fixture
def attack(world: World) -> Attack:
    return Attack(world)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """The address of a BuildKit."""
    with running_daemon(tmp_path / "one") as address:
        yield address


@pytest.fixture
def dev_host(tmp_path: Path) -> Iterator[str]:
    """The address of another BuildKit."""
    with running_daemon(tmp_path / "two") as address:
        yield address


@pytest.fixture
def shared(attack: Attack, host: str) -> Attack:
    """The attack on a BuildKit that the configuration calls shared."""
    attack.world.config["engines"] = {"buildkit": {"shared": True}}
    attack.host = host
    return attack


def taken(done: Finished) -> str:
    """What production found in the mount."""
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if " it is " in line and "RUN" not in line]
    return line.rpartition(" it is ")[2]


def test_attack_works_on_one_buildkit_and_both_sides_are_warned(attack: Attack, host: str) -> None:
    """Otherwise the tests below would prove nothing."""
    attack.host = host
    plant, take = attack.unmerged(PLANT), attack.production(TAKE)
    assert plant.code == 0, plant.err
    assert taken(take) == "planted"
    for done in (plant, take):
        assert "set engines.buildkit.host and engines.buildkit.dev-host" in done.err


def test_two_hosts_separate_the_sides(attack: Attack, host: str, dev_host: str) -> None:
    attack.world.config["engines"] = {"buildkit": {"host": host, "dev-host": dev_host}}
    attack.host = "unix:///nobody/is/there"
    plant, again, take = attack.unmerged(PLANT), attack.unmerged(TAKE), attack.production(TAKE)
    assert plant.code == 0, plant.err
    assert taken(again) == "planted"
    assert taken(take) == "clean"
    assert "engines.buildkit" not in take.err


def test_unmerged_code_is_refused_on_the_host_of_production(attack: Attack, host: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(Path(host.removeprefix("unix://")).parent)
    attack.world.config["engines"] = {"buildkit": {"host": host}}
    for attack.host in (host, host.replace("unix://", "unix:"), f"unix://{link}/buildkitd.sock"):
        refused = attack.unmerged(PLANT)
        assert refused.code == 2, refused.err
        assert "also the BuildKit of production (engines.buildkit.host)" in refused.err
    assert taken(attack.production(TAKE)) == "clean"


def test_production_takes_no_layer_of_unmerged_code_from_a_shared_buildkit(attack: Attack, host: str) -> None:
    """A mount's id is not part of a layer's key: the step is the same, so BuildKit would take the layer."""
    attack.host = host
    step = run_step("$b test -e /cache/tool || echo clean > /cache/tool; $b cp /cache/tool /tool", MOUNT)
    show = run_step("$b echo it is $($b cat /tool)")
    assert attack.unmerged(PLANT).code == 0
    assert taken(attack.unmerged(step, show)) == "planted"
    assert "CACHED" in attack.production(step, show).out  # so the attack works
    attack.world.config["engines"] = {"buildkit": {"shared": True}}
    done = attack.production(step, show)
    assert taken(done) == "clean"
    assert "CACHED" not in done.out


def test_production_takes_no_mount_of_a_build_at_the_same_time_from_a_shared_buildkit(shared: Attack) -> None:
    """``--no-cache`` empties mounts only as a build begins. A file planted afterwards would be taken."""
    shared.become(shared.world.postsubmit, run_step("$b echo waiting now; $b sleep 8"), TAKE)
    production = shared.world.start()
    read_until(production.stdout, " waiting now$")
    assert shared.unmerged(PLANT).code == 0
    assert taken(shared.world.finished(production)) == "clean"


def test_shared_buildkit_builds_production_without_cache_and_the_plan_says_so(shared: Attack) -> None:
    world, registry = shared.world, shared.world.registry.host_port
    world.config["cache"] = {"enabled": True, "cache-repo": f"{registry}/cache"}
    assert shared.unmerged(PLANT).code == 0
    assert taken(shared.production(TAKE)) == "clean"
    assert world.manifest(f"{registry}/cache/app:buildcache") is None
    plan = json.loads(world.run("plan", "--output=json").out)
    assert plan["buildkit"] == {
        "address": shared.host,
        "why": "BUILDKIT_HOST; shared, so production builds without cache",
        "shared": True,
    }
    assert plan["builds"][0]["cache"] == {"read": [], "write": []}
    assert "--no-cache" in plan["builds"][0]["command"]


def test_shared_buildkit_refuses_another_frontend(shared: Attack) -> None:
    world = shared.world
    for line in ("# syntax=evil.example/frontend", "// syntax = evil.example/frontend"):
        shared.become(world.presubmit)
        (world.context / "Dockerfile").write_text(f"{line}\nFROM scratch\n")
        refused = world.run()
        assert refused.code == 2, refused.err
        assert "'evil.example/frontend'" in refused.err
    usual = shared.unmerged(PLANT)
    assert usual.code == 0, usual.err
    argument = world.run("--build-arg=BUILDKIT_SYNTAX=evil.example/frontend")
    assert argument.code == 2, argument.err


def test_doctor_names_one_buildkit_for_both_sides(attack: Attack, host: str) -> None:
    attack.world.environment["BUILDKIT_HOST"] = host
    assert "engines.buildkit.host and engines.buildkit.dev-host" in attack.doctor().out
    attack.world.config["engines"] = {"buildkit": {"host": host, "dev-host": host}}
    done = attack.doctor()
    assert done.code == 2, done.out
    assert "also the BuildKit of unmerged code" in done.out
