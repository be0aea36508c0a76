"""No secret that the tool knows comes out of it: not on the console, not in the log, not in a report."""

import base64
import json

import pytest
from image_builder_stand_ins.fault import Answer
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.e2e.private_registry import PASSWORD, assert_hidden, private_registry
from tests.e2e.world import World, run_step

pytestmark = pytest.mark.e2e
TOKEN = "token-4f1f6e0b9d"


def test_token_of_a_signer_is_hidden_even_when_the_service_tells_it(world: World) -> None:
    file = world.folder / "token"
    file.touch(mode=0o600)
    file.write_text(f"{TOKEN}\n")
    with SigningService.start(ServiceOptions(token=TOKEN)) as service:
        signer = world.config["sign-config"]["signers"][0]["config"]
        signer |= {"endpoint": service.url, "secret": {"path": str(file), "type": "token"}}
        service.fail_next(Answer(403, f"you came with Authorization: Token {TOKEN}"))
        done = world.run("--debug")
    assert done.code == 5, done.err
    assert "you came with" in done.err
    assert_hidden(done, TOKEN)


def test_an_argument_that_is_a_common_word_breaks_no_document_and_no_digest(world: World) -> None:
    """Its name alone makes it look like a secret."""
    words = {"KEYCLOAK": "true", "KEY_KIND": "sha256", "PASSWORD_RULE": "latest", "SECRET_KIND": "null"}
    world.dockerfile(*(f"ARG {name}" for name in words))
    given = [f"--build-arg={name}={value}" for name, value in words.items()]
    done = world.run("--tag=latest", "--output=json", *given)
    assert done.code == 0, done.err
    for report in (json.loads(done.out), done.report):
        assert (report["pushed"], report["tag_names"][0]) == (True, {"name": "latest", "value": "latest"})
        assert report["digest"].startswith("sha256:")
    assert json.loads((done.artifacts / "metadata.json").read_text())["image-digest"] == done.report["digest"]
    plan = json.loads(world.run("plan", "--output=json", *given).out)
    assert "KEYCLOAK=***" in plan["builds"][0]["arguments"]


def test_private_key_of_a_signer_is_hidden(world: World) -> None:
    done = world.run("--debug")
    assert done.code == 0, done.err
    values = json.loads(world.secret.read_text())
    lines = base64.b64decode(values["privateKeyData"]).decode().splitlines()
    assert_hidden(done, values["privateKeyData"], *(line for line in lines if not line.startswith("-")))


def test_password_of_a_registry_is_used_and_hidden(world: World) -> None:
    with private_registry(world, PASSWORD):
        done = world.run("--debug")
    assert done.code == 0, done.err
    assert done.report["pushed"] is True
    assert_hidden(done, PASSWORD, f"builder:{PASSWORD}")


def test_wrong_password_of_a_registry_is_2_and_hidden(world: World) -> None:
    with private_registry(world, "wr0ng-pw") as registry:
        done = world.run("--debug")
    assert done.code == 2, done.err
    assert registry.host_port in done.err
    assert done.report["images_list"] == []
    assert_hidden(done, "wr0ng-pw")


def test_secret_of_the_job_is_hidden_when_a_step_prints_it(world: World) -> None:
    world.environment["ADO_PAT"] = "pat-73c1d0f2aa"
    world.dockerfile(
        "ARG COPY", 'RUN ["/bin/busybox", "sh", "-c", "echo got $COPY; echo -n $COPY | /bin/busybox base64"]'
    )
    done = world.run("--build-arg", "COPY=pat-73c1d0f2aa")
    assert done.code == 0, done.err
    assert "got ***" in done.out
    assert_hidden(done, "pat-73c1d0f2aa")


def test_secret_is_hidden_wherever_a_very_long_line_is_cut(world: World) -> None:
    world.environment["ADO_PAT"] = "pat-73c1d0f2aa"
    many = "i=0; while [ $i -lt 6000 ]; do echo -n pat-73c1d0f2aa; i=$((i+1)); done; echo; echo the end"
    world.dockerfile(run_step(many))
    done = world.run()
    assert done.code == 0, done.err
    assert "the end" in done.out
    for text in (done.out, done.log()):
        printed = [line for line in text.splitlines() if "***" in line and "RUN" not in line]
        assert sum(line.count("***") for line in printed) == 6000
        assert not any("pat" in line or "f2aa" in line for line in printed)


def test_secret_looking_argument_is_hidden_in_a_failing_step(world: World) -> None:
    world.dockerfile("ARG MY_TOKEN", 'RUN ["/bin/busybox", "sh", "-c", "echo $MY_TOKEN; exit 3"]')
    done = world.run("--build-arg", "MY_TOKEN=open-sesame-1234", "--output", "json")
    assert done.code == 3, done.err
    assert_hidden(done, "open-sesame-1234")
    assert json.loads(done.out)["images"][0]["failure"]["last_lines"] == ["***"]
