"""Tags that only go forward, with real git histories, real registries and the real BuildKit."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from image_builder_stand_ins.fault import Stall

from tests.buildkit import running_daemon
from tests.e2e.run import Finished, read_until
from tests.e2e.settings import sign_config
from tests.e2e.world import World
from tests.git_repository import GitRepository
from tests.jobs import prow_job
from tests.oci_registry import push_image
from tests.programs import require

pytestmark = pytest.mark.e2e

SOURCE = "https://github.com/acme/demo"
T = 1_700_000_000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_daemon(tmp_path_factory.mktemp("daemon")) as address:
        yield address


@pytest.fixture
def git(world: World) -> GitRepository:
    """The checkout of the build context, without a commit. Nothing is signed, and no step runs."""
    del world.config["sign-config"]
    world.dockerfile()
    (world.context / ".git").unlink()
    (world.context / ".dockerignore").write_text(".git\n")
    return GitRepository.make(world.context)


def commit_at(git: GitRepository, seconds: int, *parents: str) -> str:
    """Commit the files as they lie there, at this time of the committer."""
    git.git("add", "--all")
    person = f"kim <kim@example.org> {seconds} +0000"
    above = "".join(f"parent {parent}\n" for parent in parents)
    text = f"tree {git.git('write-tree')}\n{above}author {person}\ncommitter {person}\n\nchange\n"
    return git.git("hash-object", "-t", "commit", "-w", "--stdin", content=text.encode())


def become(world: World, git: GitRepository, commit: str, **more: str) -> None:
    """The postsubmit job of a commit, which is checked out."""
    git.git("checkout", "--quiet", "--force", "--detach", commit)
    world.environment = {**prow_job("postsubmit", commit), "USE_BUILDKIT": "true", **more}


def places(world: World, tag: str) -> tuple[str, str]:
    """The tag in the two registries."""
    return f"{world.registry.host_port}/prod/app:{tag}", f"{world.mirror.host_port}/prod/app:{tag}"


def fates(done: Finished, tag: str) -> list[tuple[str, str | None]]:
    """The fate of a tag in each registry, and the digest that it named before."""
    (image,) = done.report["images"]
    return [(found["fate"], found["before"]) for found in image["destinations"] if found["reference"].endswith(tag)]


def test_latest_goes_forward_in_each_registry_and_back_only_on_purpose(
    world: World, git: GitRepository, daemon: str
) -> None:
    older = commit_at(git, T)
    newer = commit_at(git, T + 60, older)

    def build(commit: str, *words: str) -> tuple[Finished, str]:
        become(world, git, commit, BUILDKIT_HOST=daemon)
        done = world.run("--tag=latest", *words)
        assert done.code == 0, done.err
        return done, done.report["images"][0]["digest"]

    first, of_older = build(older)
    assert fates(first, ":latest") == [("created", None)] * 2
    manifest = world.manifest(places(world, "latest")[1])
    assert manifest is not None
    assert json.loads(manifest)["annotations"] == {
        "org.opencontainers.image.source": SOURCE,
        "org.opencontainers.image.revision": older,
        "org.opencontainers.image.title": "app",
        "org.opencontainers.image.version": older[:8],
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "dev.image-builder.commit-time": str(T),
    }
    second, of_newer = build(newer)
    assert fates(second, ":latest") == [("moved", of_older)] * 2

    # The two registries disagree from here on: only one was rolled back by hand.
    copy_tag(world, manifest)
    again, digest = build(older)
    assert digest == of_older
    assert fates(again, ":latest") == [("kept", of_newer), ("unchanged", of_older)]
    assert f"warning: {places(world, 'latest')[0]} kept: it names commit {newer}, and ours is {older}" in again.err

    plan = world.run("plan", "--registry", "--tag=latest", "--move-back=latest")
    assert f"move back from {of_newer} of commit {newer}" in plan.out
    back, _ = build(older, "--move-back=latest")
    assert fates(back, ":latest") == [("moved back", of_newer), ("unchanged", of_older)]
    for place in places(world, "latest"):
        assert world.manifest(place) == manifest


def copy_tag(world: World, manifest: bytes) -> None:
    """Let ``latest`` in the mirror name this manifest."""
    host, _, _ = places(world, "latest")[1].partition("/")
    kind = {"Content-Type": json.loads(manifest)["mediaType"]}
    request = urllib.request.Request(f"http://{host}/v2/prod/app/manifests/latest", manifest, kind, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        pytest.param("kaniko", (), id="manifest of kaniko"),
        pytest.param("buildkit", ("--platform=linux/amd64,linux/386",), id="index of BuildKit"),
    ],
)
def test_every_kind_of_image_says_how_new_it_is(
    world: World, git: GitRepository, daemon: str, backend: str, words: tuple[str, ...]
) -> None:
    older = commit_at(git, T)
    newer = commit_at(git, T + 60, older)
    become(world, git, newer, BUILDKIT_HOST=daemon, KANIKO_EXECUTOR=require("executor"))
    world.environment["USE_BUILDKIT"] = str(backend == "buildkit").lower()
    done = world.run("--tag=latest", *words)
    assert done.code == 0, done.err
    become(world, git, older)
    (found,) = planned(world, "latest", elsewhere="kept")
    assert f"it names commit {newer}, and ours is {older}, an older one" in found


def test_a_run_that_is_overtaken_while_it_signs_leaves_the_tag_alone(
    world: World, git: GitRepository, daemon: str
) -> None:
    world.config["sign-config"] = sign_config(world.signing.url, world.secret)
    ours = commit_at(git, T)
    newer = commit_at(git, T + 60, ours)
    become(world, git, ours, BUILDKIT_HOST=daemon)
    world.signing.fail_next(Stall(1.0))
    process = world.start("--tag=latest")
    read_until(process.stderr, "signing sha256:")
    other = seed(world, newer, T + 60)
    done = world.finished(process)
    assert done.code == 0, done.err
    assert fates(done, ":latest") == [("overtaken", other), ("created", None)]


# --- histories, by what a plan says -----------------------------------------------------------------------------------


def seed(world: World, commit: str, time: int | None, tag: str = "latest", **more: Any) -> str:
    """Let a tag in the first registry name an image of this commit; its digest."""
    annotations = {
        "org.opencontainers.image.source": SOURCE,
        "org.opencontainers.image.revision": commit,
        **({"dev.image-builder.commit-time": str(time)} if time is not None else {}),
    }
    host = world.registry.host_port
    given: dict[str, Any] = {"annotations": annotations} | more
    return str(push_image(host, "prod/app", tag, marker=f"{commit}{time}", **given).descriptor.digest)


def planned(world: World, *tags: str, elsewhere: str = "create") -> list[str]:
    """What would happen to these tags in the first registry, with the reasons."""
    done = world.run("plan", "--registry", *(f"--tag={tag}" for tag in tags), "--output=json")
    assert done.code == 0, done.err
    (build,) = json.loads(done.out)["builds"]
    found = {one["reference"]: one for one in build["registry"]}
    ours = [found.pop(places(world, tag)[0]) for tag in tags]
    assert {one["action"] for name, one in found.items() if name in places(world, tags[0])} == {elsewhere}
    return [f"{one['action']}: {one['reason']}" for one in ours]


def test_histories_that_people_really_have(world: World, git: GitRepository) -> None:
    base = commit_at(git, T)
    ours, other = commit_at(git, T + 60, base), commit_at(git, T + 120, base)
    child = commit_at(git, T + 180, ours)
    become(world, git, ours)
    # The image of a base that was built here has our labels, and so have the images that use it.
    labels = {"org.opencontainers.image.source": SOURCE, "org.opencontainers.image.revision": child}
    base_image = {"annotations": {"org.opencontainers.image.source": "https://github.com/acme/base"}, "labels": labels}
    histories: dict[str, tuple[str, int | None, dict[str, Any], str]] = {
        "forward": (base, T, {}, "move: "),
        "odd-times": (base, T + 9999, {}, "move: "),
        "rollback": (child, T - 9999, {}, "an older one"),
        "forced-push": (other, T + 120, {}, "kept: it names commit"),
        "rebuild": (ours, T + 60, {}, "unchanged: it is of the commit that is built"),
        "future": ("5" * 40, 4_000_000_000, {}, "lies in the future"),
        "no-time": ("5" * 40, None, {}, "a commit's time is unknown"),
        "foreign": (child, None, {"annotations": {}}, "move: that image has no annotations of this repository"),
        "base": (child, None, base_image, "move: that image has no annotations of this repository"),
    }
    world.config["moving-tags"] = list(histories)
    for tag, (commit, time, more, _) in histories.items():
        seed(world, commit, time, tag, **more)
    found = dict(zip(histories, planned(world, *histories), strict=True))
    assert {tag: text for tag, text in found.items() if histories[tag][3] not in text} == {}
    assert [found["forward"], found["odd-times"]] == ["move: "] * 2


def test_a_shallow_clone_compares_times(world: World, git: GitRepository) -> None:
    base = commit_at(git, T)
    ours, other = commit_at(git, T + 60, base), commit_at(git, T + 120, base)
    git.git("branch", "ours", ours)
    origin = world.folder / "origin"
    world.context.rename(origin)
    GitRepository(origin, world.folder).clone(world.context, "--depth=1", "--branch=ours")
    become(world, GitRepository(world.context, world.folder), ours)
    world.config["moving-tags"] = ["m*"]
    seed(world, other, T + 120, "m1")
    seed(world, base, T, "m2")
    kept, moved = planned(world, "m1", "m2")
    assert kept.startswith(f"kept: it names commit {other}, and ours is {ours}, which was made before it")
    assert moved == "move: "


def test_only_a_plan_asks_and_only_with_the_flag(world: World) -> None:
    world.registry.stop()
    world.mirror.stop()
    done = world.run("plan", "--tag=latest", "--output=json")
    assert (done.code, json.loads(done.out)["builds"][0]["registry"]) == (0, None), done.err
    refused = world.run("--registry")
    assert refused.code == 2
    assert "--registry: only a plan takes it" in refused.err


def test_an_immutable_tag_stops_the_build_before_it_begins(world: World, git: GitRepository, daemon: str) -> None:
    world.config["immutable-tags"] = ["1.*"]
    ours = commit_at(git, T)
    become(world, git, ours, BUILDKIT_HOST=daemon)
    assert world.run("--tag=1.0").code == 0
    again = world.run("--tag=1.0")
    assert again.code == 0, again.err
    assert [fate for fate, _ in fates(again, ":1.0")] == ["unchanged"] * 2
    become(world, git, commit_at(git, T + 60, ours), BUILDKIT_HOST=daemon)
    done = world.run("--tag=1.0")
    assert done.code == 2, done.err
    assert "the tag is immutable" in done.err
    assert ours in done.err
