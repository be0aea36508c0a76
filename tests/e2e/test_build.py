"""Builds that succeed, end to end."""

import hashlib
import json

import pytest
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.e2e.world import COMMIT, HEAD, World, run_step

pytestmark = pytest.mark.e2e


def test_postsubmit_publishes_every_tag_everywhere_and_signs_what_was_built(world: World) -> None:
    done = world.run("--tag", "latest", "--tag", "release=v1-{{ .ShortSHA }}")
    assert done.code == 0, done.err
    report = done.report
    assert (report["outcome"], report["pushed"], report["signed"]) == ("success", True, True)
    tags = report["tags"]
    assert tags[:2] == ["latest", f"v1-{COMMIT[:8]}"]
    assert len(tags) == 3
    places = [f"{host.host_port}/prod/app:{tag}" for tag in tags for host in (world.registry, world.mirror)]
    assert report["images_list"] == places
    for place in places:
        body = world.manifest(place)
        assert body is not None
        assert f"sha256:{hashlib.sha256(body).hexdigest()}" == report["digest"], place
        assert len(body) == report["images"][0]["size"]
    signed = {(image.gun, image.tag, image.digest, image.size) for image in world.signing.received}
    repositories = {place.rpartition(":")[0] for place in places}
    wanted = {(place, tag, report["digest"], report["images"][0]["size"]) for place in repositories for tag in tags}
    assert {(gun, tag, str(digest), size) for gun, tag, digest, size in signed} == wanted
    assert "hello from the RUN step" in done.log()
    assert "hello from the RUN step" in done.out
    metadata = json.loads((done.artifacts / "metadata.json").read_text())
    assert metadata["image-digest"] == report["digest"]


def test_presubmit_publishes_to_the_development_registry_alone_and_signs_nothing(world: World) -> None:
    world.presubmit()
    done = world.run("--tag", "mine={{ .CommitSHA }}")
    assert done.code == 0, done.err
    dev = f"{world.registry.host_port}/dev/app"
    assert done.report["images_list"] == [f"{dev}:{HEAD}", f"{dev}:PR-7"]
    assert world.manifest(f"{world.registry.host_port}/prod/app:PR-7") is None
    assert world.manifest(f"{world.mirror.host_port}/prod/app:PR-7") is None
    assert world.signing.received == ()
    assert done.report["signed"] is False
    assert "a presubmit is signed only by a signer whose job-type names it" in done.report["not_signed"]


def test_what_unmerged_code_leaves_in_a_cache_mount_production_never_reads(world: World) -> None:
    mount = "--mount=type=cache,target=/kept"
    world.dockerfile(run_step("echo planted > /kept/tool", mount))
    world.presubmit()
    assert world.run().code == 0
    world.dockerfile(run_step("echo found-$($b cat /kept/tool).", mount))
    assert "found-planted." in world.run().out
    world.postsubmit()
    done = world.run()
    assert done.code == 0, done.err
    assert "found-." in done.out


def test_index_of_two_platforms_is_signed_itself(world: World) -> None:
    done = world.run("--platform", "linux/amd64,linux/386", "--platform", "linux/amd64")
    assert done.code == 0, done.err
    assert done.report["architectures"] == ["linux/386", "linux/amd64"]
    assert done.report["images"][0]["media_type"] == "application/vnd.oci.image.index.v1+json"
    assert {str(image.digest) for image in world.signing.received} == {done.report["digest"]}


def test_single_image_tells_its_architecture(world: World) -> None:
    done = world.run()
    assert done.code == 0, done.err
    assert len(done.report["architectures"]) == 1
    assert done.report["architectures"][0].startswith("linux/")


def test_json_output_is_one_document_and_engine_output_goes_to_standard_error(world: World) -> None:
    done = world.run("--output", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == done.report
    assert "hello from the RUN step" in done.err


def test_silent_build_keeps_engine_output_in_the_log_file_only(world: World) -> None:
    done = world.run("--silent")
    assert done.code == 0, done.err
    assert done.out == ""
    assert "hello from the RUN step" not in done.err
    assert "hello from the RUN step" in done.log()


def test_foreign_commands_are_harmless_on_the_console_and_intact_in_the_log(world: World) -> None:
    words = r"printf '##vso[task.setvariable variable=x]y\n::error::z\n\033[2J\n'"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "{words}"]'.replace("\\", "\\\\"))
    done = world.run()
    assert done.code == 0, done.err
    assert "##vso[" not in done.out
    assert "\x1b" not in done.out
    printed = [line for line in done.log().splitlines() if "vso[" in line and "RUN" not in line]
    assert printed[0].endswith("##vso[task.setvariable variable=x]y")
    assert "\x1b[2J" in done.log()


def test_secret_looking_argument_is_hidden_in_everything_but_the_image(world: World) -> None:
    world.dockerfile("ARG MY_TOKEN", 'RUN ["/bin/busybox", "sh", "-c", "echo the token is $MY_TOKEN"]')
    done = world.run("--build-arg", "MY_TOKEN=open-sesame-1234")
    assert done.code == 0, done.err
    assert "MY_TOKEN looks like a secret" in done.err
    for text in (done.out, done.err, done.log(), json.dumps(done.report)):
        assert "open-sesame-1234" not in text


def test_warm_cache_is_used_and_written_below_its_own_repository(world: World) -> None:
    world.config["cache"] = {"enabled": True, "cache-repo": f"{world.registry.host_port}/cache"}
    assert world.run().code == 0
    assert world.manifest(f"{world.registry.host_port}/cache/app:buildcache") is not None
    world.environment["XDG_STATE_HOME"] = str(world.folder / "another-state")
    again = world.run()
    assert again.code == 0, again.err
    assert "CACHED" in again.out


def test_unreachable_cache_never_fails_a_build(world: World) -> None:
    world.config["cache"] = {"enabled": True, "cache-repo": "127.0.0.1:1/cache"}
    done = world.run()
    assert done.code == 0, done.err


def test_reproducible_image_is_the_same_from_nothing_twice(world: World) -> None:
    world.config["reproducible"] = True
    world.environment["SOURCE_DATE_EPOCH"] = "1700000000"
    first = world.run().report["digest"]
    world.environment["XDG_STATE_HOME"] = str(world.folder / "another-state")
    assert world.run().report["digest"] == first


def test_plan_tells_everything_and_asks_nobody(world: World) -> None:
    world.registry.stop()
    done = world.run("plan", "--tag", "latest", "--build-arg", "MY_TOKEN=open-sesame-1234")
    assert done.code == 0, done.err
    for word in ("acme/demo", f"{world.mirror.host_port}/prod/app:latest", "buildctl build", "local signs", "POST"):
        assert word in done.out
    assert "open-sesame-1234" not in done.out + done.err
    assert world.signing.requests == ()
    assert not (world.folder / "state").exists()


def test_dry_run_is_the_plan_as_json_too(world: World) -> None:
    done = world.run("--dry-run", "--output", "json")
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assert plan["builds"][0]["destinations"][0].startswith(f"{world.registry.host_port}/prod/app:")
    assert plan["builds"][0]["command"][0] == "buildctl"
    assert plan["signers"] == [{**plan["signers"][0], "name": "local", "chosen": True, "why": "enabled by '*'"}]


def test_tags_are_one_line_of_json_and_need_neither_name_nor_dockerfile(world: World) -> None:
    (world.context / "Dockerfile").unlink()
    output = world.folder / "tags.json"
    done = world.run("--parse-tags-only", "--tag", "latest", "--tags-output-file", str(output), name=None)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    assert [tag["name"] for tag in json.loads(done.out)] == ["latest", "default_tag"]
    assert output.read_text() == done.out


def test_variable_that_is_not_set_is_a_warning_beside_the_tags(world: World) -> None:
    done = world.run("--parse-tags-only", '--tag=channel={{ or (.Env "NO_SUCH_CHANNEL") "dev" }}')
    assert done.code == 0, done.err
    assert json.loads(done.out)[0] == {"name": "channel", "value": "dev"}
    assert "\nwarning: --tag: " in done.err
    assert "'NO_SUCH_CHANNEL', which is not set" in done.err


def test_token_signer_signs_the_configuration_of_the_image(world: World) -> None:
    token = world.folder / "token"
    token.write_text("a-token-for-tests\n")
    token.chmod(0o600)
    with SigningService.start(ServiceOptions(token="a-token-for-tests")) as service:
        signer = world.config["sign-config"]["signers"][0]["config"]
        signer |= {"endpoint": service.url, "secret": {"path": str(token), "type": "token"}}
        done = world.run("--debug")
        assert done.code == 0, done.err
        body = world.manifest(done.report["images_list"][0])
        assert body is not None
        config = json.loads(body)["config"]
        assert {(str(image.digest), image.size) for image in service.received} == {(config["digest"], config["size"])}
    for text in (done.out, done.err, done.log(), json.dumps(done.report)):
        assert "a-token-for-tests" not in text


def test_presubmit_is_signed_by_a_signer_whose_job_type_names_it(world: World) -> None:
    world.presubmit()
    world.config["sign-config"]["signers"][0]["job-type"] = ["presubmit"]
    done = world.run()
    assert done.code == 0, done.err
    assert {image.gun for image in world.signing.received} == {f"{world.registry.host_port}/dev/app"}
    assert {str(image.digest) for image in world.signing.received} == {done.report["digest"]}


def test_only_registry_takes_pull_request_tags_unsigned_when_the_configuration_says_so(world: World) -> None:
    world.presubmit()
    del world.config["dev-registry"]
    world.config["pr-tags-in-registry"] = True
    world.config["sign-config"]["signers"][0]["job-type"] = ["presubmit"]
    done = world.run()
    assert done.code == 0, done.err
    hosts = (world.registry.host_port, world.mirror.host_port)
    assert done.report["images_list"] == [f"{host}/prod/app:PR-7" for host in hosts]
    assert "pr-tags-in-registry" in done.err
    assert world.signing.requests == ()


def test_presubmit_never_writes_the_cache_that_production_reads(world: World) -> None:
    world.presubmit()
    world.config["cache"] = {"enabled": True, "cache-repo": f"{world.registry.host_port}/cache"}
    done = world.run()
    assert done.code == 0, done.err
    assert world.manifest(f"{world.registry.host_port}/cache/app:buildcache") is None
    world.config["cache"]["dev-cache-repo"] = f"{world.registry.host_port}/dev/cache"
    done = world.run()
    assert done.code == 0, done.err
    assert world.manifest(f"{world.registry.host_port}/cache/app:buildcache") is None
    assert world.manifest(f"{world.registry.host_port}/dev/cache/app:buildcache") is not None


def test_exported_tags_and_arguments_reach_the_build_byte_for_byte(world: World) -> None:
    world.dockerfile(
        "ARG GREETING TAG_latest TAG_default_tag FROM_ENV",
        r'RUN ["/bin/busybox", "sh", "-c", "echo \"<$GREETING> <$TAG_latest> <$TAG_default_tag> <$FROM_ENV>\""]',
    )
    world.environment["FROM_ENV"] = "ambient"
    done = world.run("--export-tags", "--tag=latest", "--build-arg", "GREETING=a = b, 'c'  d", "--build-arg=FROM_ENV")
    assert done.code == 0, done.err
    default = done.report["tags"][1]
    assert f"<a = b, 'c'  d> <latest> <{default}> <ambient>" in done.log()


def test_stage_that_was_asked_for_is_what_is_published(world: World) -> None:
    world.dockerfile("FROM scratch AS small", "LABEL stage=small", "FROM scratch AS big", "COPY busybox /x")
    done = world.run("--target=small")
    assert done.code == 0, done.err
    body = world.manifest(done.report["images_list"][0])
    assert body is not None
    assert not json.loads(body)["layers"]


def test_tags_that_standard_output_cannot_take_are_8(world: World) -> None:
    with open("/dev/full", "wb") as full:
        done = world.finished(world.start("tags", out=full))
    assert done.code == 8
    assert "standard output" in done.err
