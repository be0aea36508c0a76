"""The steps of a build with BuildKit: in the summary and in the report, and safe from what a step prints."""

import base64

import pytest

from tests.e2e.world import World, run_step
from tests.progress_lines import HOSTILE

pytestmark = pytest.mark.e2e


def test_summary_and_report_say_what_the_cache_had(world: World) -> None:
    world.dockerfile("WORKDIR /made", "copy given /given", run_step("echo hello"))
    (world.context / "given").write_text("one")
    assert world.run().code == 0
    (world.context / "given").write_text("two")
    done = world.run()
    assert done.code == 0
    assert "steps        2 of 4 steps cached; first miss: [3/4] COPY given /given" in done.err
    assert "warning: Dockerfile:5: ConsistentInstructionCasing: " in done.err
    (image,) = done.report["images"]
    assert [(step["number"], step["cached"]) for step in image["steps"]] == [
        (1, True),
        (2, True),
        (3, False),
        (4, False),
    ]
    assert [(warning["file"], warning["line"]) for warning in image["warnings"]] == [("Dockerfile", 5)]
    assert image["output_clipped"] is False


def test_hostile_step_is_a_failed_build_and_commands_nobody(world: World) -> None:
    encoded = base64.b64encode(HOSTILE.encode()).decode()
    world.dockerfile(run_step(f"echo {encoded} | $b base64 -d; exit 7"))
    done = world.run()
    assert done.code == 3
    (image,) = done.report["images"]
    assert [(step["number"], step["cached"], bool(step["error"])) for step in image["steps"]] == [
        (1, image["steps"][0]["cached"], False),
        (2, None, True),
    ]
    failure = image["failure"]
    assert failure["last_lines"] == HOSTILE.rstrip("\n").split("\n")
    assert (failure["place"]["file"], failure["place"]["line"]) == ("Dockerfile", 4)
    assert failure["reason"].endswith("exit code: 7; its output is in the log file")
    for shown in (done.out, done.err):
        assert "\x1b" not in shown
        assert "##vso[" not in shown
        assert "##[" not in shown
        assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert "Dockerfile:4 is the instruction that failed:" in done.err
