"""What is checked out is what the job claims; and what of ``.git`` a build step can read."""

import base64
import json

import pytest

from tests.e2e.world import COMMIT, HEAD, World, run_step
from tests.git_repository import GitRepository, check_out

pytestmark = pytest.mark.e2e


def test_a_job_whose_commit_is_not_checked_out_publishes_nothing(world: World) -> None:
    """A dispatch on main that checks a pull request out by hand: everything else says production."""
    check_out(world.context, HEAD)
    done = world.run("--tag=latest")
    assert done.code == 2, done.err
    assert f"HEAD is {HEAD}, but the job claims {COMMIT}" in done.err
    assert world.manifest(f"{world.registry.host_port}/prod/app:latest") is None
    assert world.signing.received == ()


def test_the_report_says_how_the_checkout_was_compared(world: World) -> None:
    done = world.run("plan")
    assert f"checkout  HEAD of '{world.context}' is the claimed commit" in done.out
    built = world.run()
    assert built.report["checkout"] == {
        "compared": True,
        "proof": f"HEAD of '{world.context}' is the claimed commit",
    }


def test_without_the_git_program_a_pull_request_is_still_compared(world: World) -> None:
    world.presubmit()
    folders = [place for place in world.path.split(":") if not place.endswith("/usr/bin")]
    world.path = ":".join(folders)
    assert world.run("plan").code == 0
    check_out(world.context, COMMIT)
    done = world.run("plan")
    assert done.code == 2, done.err
    assert f"HEAD is {COMMIT}" in done.err


def test_a_token_in_the_git_configuration_is_hidden_where_a_step_prints_it(world: World) -> None:
    (world.context / ".git").unlink()
    check_out(world.context, COMMIT, world.context / ".git")
    header = base64.b64encode(b"x-access-token:ghs_canary0123456789").decode()
    repository = GitRepository(world.context, world.folder)
    repository.git("config", "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {header}")
    world.dockerfile("COPY . /source", run_step("$b cat /source/.git/config; $b base64 -d /dev/null"))
    done = world.run()
    assert done.code == 0, done.err
    assert "ERROR: .git is in the build context, and its configuration holds a credential" in done.err
    everything = done.out + done.err + done.log() + (done.artifacts / "report.json").read_text()
    assert "AUTHORIZATION: basic ***" in everything
    assert header not in everything
    (world.context / ".dockerignore").write_text(".git\n")
    world.dockerfile("COPY . /source")
    assert "credential" not in world.run().err


def test_unmerged_code_in_prow_sends_nothing_where_its_own_configuration_says(world: World) -> None:
    world.presubmit()
    own = world.context / "own.yaml"
    own.write_text(json.dumps(world.config))
    for words in ((), ("plan",), ("--backend=ado",)):
        done = world.run(*words, config=str(own))
        assert done.code == 2, done.err
        assert "lies in the checkout: unmerged code would choose its own configuration" in done.err
    assert world.signing.received == ()
