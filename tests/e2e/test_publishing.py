"""Tags last, with real engines, registries, signing service and cosign: each row of the table "What fails"."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_contracts.image_engine import repository, tags_of
from image_builder_domain.image.reference import Digest
from image_builder_stand_ins.fault import Answer
from image_builder_stand_ins.registry import Registry

from tests.buildkit import running_daemon
from tests.cosign import PASSWORD, key_pair, signed_subjects
from tests.e2e.run import Finished, read_until
from tests.e2e.world import World
from tests.oci_registry import push_image, start_private_registry
from tests.programs import require

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_daemon(tmp_path_factory.mktemp("daemon")) as address:
        yield address


@pytest.fixture
def buildkit(world: World, daemon: str) -> World:
    world.environment["BUILDKIT_HOST"] = daemon
    return world


@pytest.fixture(params=["buildkit", "kaniko"])
def engine(world: World, daemon: str, request: pytest.FixtureRequest) -> World:
    """The world with each engine."""
    if request.param == "buildkit":
        world.environment["BUILDKIT_HOST"] = daemon
    else:
        del world.environment["USE_BUILDKIT"]
        world.environment["KANIKO_EXECUTOR"] = require("executor")
    return world


def hosts(world: World) -> list[str]:
    return [prefix.partition("/")[0] for prefix in world.config["registry"]]


def tags(world: World) -> list[list[str]]:
    """The tags of the image in each registry, without those that hold signatures."""
    found = [tags_of(repository(f"{host}/prod/app")) for host in hosts(world)]
    return [[tag for tag in listed if not tag.startswith("sha256-")] for listed in found]


def fates(done: Finished) -> list[str]:
    """What became of each tag: the fate, and the reason."""
    places = [place for image in done.report["images"] for place in image["destinations"]]
    return [": ".join(filter(None, (place["fate"], place["reason"]))) for place in places]


def add_cosign(world: World) -> None:
    keys = world.folder / "keys"
    keys.mkdir()
    pair = key_pair(keys)
    world.environment["COSIGN_PASSWORD"] = PASSWORD
    settings = {"key": pair.private, "public-key": pair.public, "transparency-log": False}
    world.config["sign-config"]["signers"] = [{"name": "sigstore", "type": "cosign", "config": settings}]
    world.config["sign-config"]["enabled-signers"] = {"*": ["sigstore"]}


def test_all_tags_appear_when_everything_is_checked_and_signed(engine: World) -> None:
    done = engine.run("--tag=1.0")
    assert done.code == 0, done.err
    (image,) = done.report["images"]
    assert fates(done) == ["created"] * 4
    assert [len(listed) for listed in tags(engine)] == [2, 2]
    assert {place["repository"] for place in image["repositories"]} == {f"{host}/prod/app" for host in hosts(engine)}
    assert {signature["status"] for signature in image["signatures"]} == {"accepted"}
    assert "accepted" in done.err
    assert done.report["pushed"] is done.report["signed"] is True


def test_a_registry_that_refuses_the_push_is_2_before_anything_is_built(buildkit: World, tmp_path: Path) -> None:
    with start_private_registry(tmp_path / "private") as private:
        buildkit.config["registry"][1] = f"{private.host_port}/prod"
        done = buildkit.run()
    assert done.code == 2
    assert f"{private.host_port}/prod/app" in done.err
    assert f"run 'docker login {private.host_port}'" in done.err
    assert not list(buildkit.artifacts.glob("build_*.log"))
    assert done.report["outcome"] == "refused"


def test_a_registry_that_does_not_answer_is_4_before_anything_is_built(buildkit: World) -> None:
    buildkit.mirror.stop()
    done = buildkit.run("--timeout=60s")
    assert done.code == 4, done.err
    assert not list(buildkit.artifacts.glob("build_*.log"))
    (image,) = done.report["images"]
    assert [place["holds_digest"] for place in image["repositories"]] == [False, False]
    assert set(fates(done)) == {"withheld: nothing was built"}
    assert "not built" in done.err


def test_a_failed_build_is_3_without_a_tag(engine: World) -> None:
    engine.dockerfile('RUN ["/bin/busybox", "false"]')
    done = engine.run()
    assert done.code == 3
    assert tags(engine) == [[], []]
    assert set(fates(done)) == {"withheld: it was not built"}


def test_a_push_that_fails_in_one_registry_is_4_and_no_registry_gets_a_tag(engine: World) -> None:
    engine.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo now stop it; /bin/busybox sleep 2"]')
    process = engine.start()
    read_until(process.stdout, "now stop it$")
    engine.mirror.stop()
    done = engine.finished(process)
    assert done.code == 4, done.err
    assert tags_of(repository(f"{engine.registry.host_port}/prod/app")) == []
    (image,) = done.report["images"]
    assert [place["holds_digest"] for place in image["repositories"]][1] is False
    assert {fate.partition(":")[0] for fate in fates(done)} == {"withheld"}
    assert engine.signing.requests == ()


def test_a_signer_that_refuses_is_5_without_a_tag(engine: World) -> None:
    engine.signing.fail_next(Answer(403, "this project may not sign"))
    done = engine.run()
    assert done.code == 5
    assert "this project may not sign" in done.err
    assert tags(engine) == [[], []]
    assert set(fates(done)) == {"withheld: not signed"}
    assert (done.report["pushed"], done.report["signed"], done.report["images_list"]) == (True, False, [])


def test_a_tag_that_fails_is_4_and_written_ones_are_signed(engine: World) -> None:
    with Registry.start() as immutable:
        engine.config["registry"][1] = f"{immutable.host_port}/prod"
        push_image(immutable.host_port, "prod/app", "2.0")
        immutable.rules = replace(immutable.rules, immutable_tags=True)
        add_cosign(engine)
        done = engine.run("--tag=2.0")
        assert done.code == 4, done.err
        (image,) = done.report["images"]
        found = dict(zip((place["reference"] for place in image["destinations"]), fates(done), strict=True))
        assert found[f"{immutable.host_port}/prod/app:2.0"].startswith("failed: the registry refuses")
        assert signed_subjects(engine.registry.host_port, "prod/app", Digest(image["digest"]))
        assert immutable.store.referrers("prod/app", image["digest"], None)
    assert f"failed       {immutable.host_port}/prod/app:2.0" in done.err


def test_tags_before_signing_stay_visible_and_the_report_says_that_nothing_is_signed(buildkit: World) -> None:
    buildkit.config["publish"] = {"tags": "before-signing"}
    buildkit.signing.fail_next(Answer(403, "no"))
    done = buildkit.run("--tag=1.0")
    assert done.code == 5
    assert "NOT SIGNED   4 tags are visible all the same" in done.err
    assert [len(listed) for listed in tags(buildkit)] == [2, 2]
    assert (done.report["pushed"], done.report["signed"]) == (True, False)


def test_without_keep_going_no_variant_is_tagged_when_one_fails(buildkit: World) -> None:
    buildkit.variants("good", "bad")
    buildkit.dockerfile("ARG VERSION", 'RUN ["/bin/busybox", "sh", "-c", "test $VERSION = good"]')
    done = buildkit.run("--keep-going=false", "--max-parallel=1")
    assert done.code == 3
    assert tags(buildkit) == [[], []]
    again = buildkit.run()
    assert again.code == 3
    assert all(tag.endswith("-good") for listed in tags(buildkit) for tag in listed)
    assert [len(listed) for listed in tags(buildkit)] == [1, 1]


def test_two_runs_of_one_digest_at_once_are_both_signed_by_cosign(buildkit: World) -> None:
    buildkit.config["reproducible"] = True
    buildkit.environment["SOURCE_DATE_EPOCH"] = "1700000000"
    add_cosign(buildkit)
    ended: list[Finished] = []
    threads = [
        threading.Thread(target=lambda name=name: ended.append(buildkit.run(f"--tag={name}", report=f"{name}.json")))
        for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.code for done in ended] == [0, 0], [done.err for done in ended]
    (digest,) = {json.loads((buildkit.folder / f"{name}.json").read_text())["digest"] for name in ("one", "two")}
    for host in hosts(buildkit):
        assert signed_subjects(host, "prod/app", Digest(digest))
        assert {"one", "two"} <= set(tags_of(repository(f"{host}/prod/app")))


# --- later ------------------------------------------------------------------------------------------------------------


def publish(world: World, *words: str) -> Finished:
    """Publish what the report says, with the same path for the new report."""
    report = str(world.artifacts / "report.json")
    return world.run("publish", "--report", report, *words)


def test_a_later_step_signs_and_tags_what_was_built_without_a_secret(engine: World) -> None:
    signing = engine.config.pop("sign-config")
    engine.config["publish"] = {"tags": "later"}
    built = engine.run("--tag=1.0")
    assert built.code == 0, built.err
    assert tags(engine) == [[], []]
    assert set(fates(built)) == {"withheld: later"}
    assert engine.signing.requests == ()
    assert (built.report["pushed"], built.report["signed"], built.report["images_list"]) == (True, False, [])

    engine.config["sign-config"] = signing
    done = publish(engine, "--tag=1.0")
    assert done.code == 0, done.err
    assert fates(done) == ["created"] * 4
    assert [len(listed) for listed in tags(engine)] == [2, 2]
    assert done.report["digest"] == built.report["digest"]
    assert done.report["signed"] is True
    again = engine.command("image-builder", "verify", "--config", engine.config_file(), "--report", report_path(engine))
    assert again.code == 0, again.err


def report_path(world: World) -> str:
    return str(world.artifacts / "report.json")


def test_the_digest_of_another_image_is_not_published(buildkit: World) -> None:
    buildkit.config["publish"] = {"tags": "later"}
    assert buildkit.run().code == 0
    path = Path(report_path(buildkit))
    report = json.loads(path.read_text())
    foreign = [push_image(host, "prod/app", "foreign") for host in hosts(buildkit)]
    report["images"][0] |= {
        "digest": str(foreign[0].descriptor.digest),
        "size": foreign[0].descriptor.size,
        "media_type": foreign[0].descriptor.media_type,
    }
    path.write_text(json.dumps(report))
    done = publish(buildkit)
    assert done.code == 2
    assert "its annotations name commit unknown of no repository" in done.err
    assert tags(buildkit) == [["foreign"], ["foreign"]]
    assert buildkit.signing.requests == ()
