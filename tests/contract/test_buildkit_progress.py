"""What a real BuildKit reports of its steps, and that a hostile step forges nothing of it."""

import base64
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.console_text import neutralise
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import (
    Switch,
    attempt,
    attempt_beside,
    built,
    repository,
    silent_registry,
    step,
    wait_until,
)
from image_builder_domain.build import BuildFailed, BuiltImage, PushFailed
from image_builder_domain.ports import ImageEngine

from tests.buildkit import PrivateDaemon, SettingsFactory, daemons, engines
from tests.oci_registry import start_registry
from tests.progress_lines import HOSTILE
from tests.token_server import token_server


class TestProgress(PrivateDaemon, DockerfileEngineFixtures):
    """Each test has a daemon of its own."""

    def test_hostile_step_forges_nothing_but_the_note_on_clipped_output(
        self, engine: ImageEngine, ask: RequestFactory
    ) -> None:
        note = "\n[output clipped, log limit 2MiB reached]\n"
        encoded = base64.b64encode((HOSTILE + note).encode()).decode()
        script = f"echo {encoded} | /bin/busybox base64 -d; exit 7"
        request = ask(step(script))
        made = attempt(engine, request)
        assert isinstance(made.outcome, BuildFailed)
        assert made.outcome.reason.startswith('Dockerfile:3: process "/bin/busybox sh -c echo ')
        assert made.outcome.reason.endswith("exit code: 7")
        assert (made.outcome.digest, made.outcome.engine_code) == (None, 1)
        assert made.outcome.last_lines == tuple((HOSTILE + note).rstrip("\n").split("\n"))
        steps = made.outcome.steps
        assert [(each.position, each.is_cached) for each in steps.steps] == [("1/2", False), ("2/2", None)]
        assert (steps.failed_at and steps.failed_at.line, steps.warnings, steps.is_clipped) == (3, (), True)
        progress = made.printed.partition(f"Dockerfile:3\n{'-' * 20}\n")[0].splitlines()
        hostile = [shown for shown in progress if "evil" in shown or "failed to push" in shown]
        assert hostile
        assert all(shown.split(" ", 2)[1].startswith("0.") for shown in hostile)
        assert not any("evil" in position or "push" in position for position in made.positions)
        shown = neutralise(made.printed.encode())
        assert b"\x1b" not in shown
        assert b"##vso[" not in shown
        assert not any(each.lstrip().startswith(b"::") for each in shown.split(b"\n"))

    def test_steps_are_reported_with_hits_and_misses(
        self, engine: ImageEngine, ask: RequestFactory, context: Path
    ) -> None:
        build = f"FROM base AS build\n{step('echo 1')}COPY given /given\n{step('echo 2')}"
        steps = f"{build}FROM base\ncopy --from=build /given /\n"
        (context / "given").write_text("one")
        assert str(built(engine, ask(steps)).steps).startswith(
            "0 of 5 steps cached; first miss: [base 1/1] COPY busybox"
        )
        (context / "given").write_text("two")
        again = built(engine, ask(steps)).steps
        assert str(again) == "2 of 5 steps cached; first miss: [build 2/3] COPY given /given"
        assert [each.name for each in again.steps] == [
            "COPY busybox /bin/busybox",
            step("echo 1").strip(),
            "COPY given /given",
            step("echo 2").strip(),
            "COPY --from=build /given /",
        ]
        (warning,) = again.warnings
        assert (warning.file, warning.line) == ("Dockerfile", 8)
        assert warning.text.startswith("ConsistentInstructionCasing: ")

    def test_push_that_a_token_service_refuses_is_a_failed_push(
        self, engine: ImageEngine, ask: RequestFactory, tmp_path: Path
    ) -> None:
        """BuildKit's last message does not say that it was the push."""
        request = ask("")
        with (
            token_server(tmp_path, "u", "p") as service,
            start_registry(tmp_path / "guarded", service.auth_section()) as guarded,
        ):
            refusing = repository(f"{guarded.host_port}/team/app")
            outcome = attempt(engine, replace(request, repositories=(request.repositories[0], refusing))).outcome
        assert isinstance(outcome, PushFailed)
        assert outcome.digest is not None
        assert [each.is_cached for each in outcome.steps.steps] == [False]

    def test_daemon_that_is_killed_while_it_pushes_is_a_failed_push_with_the_digest(
        self, engine: ImageEngine, ask: RequestFactory
    ) -> None:
        with silent_registry() as (address, visited):
            request = replace(ask(""), repositories=(repository(f"{address}/team/app"),))
            with attempt_beside(engine, request, Switch()) as made:
                wait_until(visited.is_set)
                os.kill(daemons()[0], signal.SIGKILL)
        assert isinstance(made.outcome, PushFailed)
        assert made.outcome.digest is not None

    @pytest.mark.parametrize(("limit", "is_clipped"), [("20000", True), (None, False)])
    def test_clipped_output_is_noted_and_a_daemon_of_ours_clips_nothing(
        self, limit: str | None, is_clipped: bool, settings: SettingsFactory, ask: RequestFactory
    ) -> None:
        usual = settings("clips")
        more = {} if limit is None else {"BUILDKIT_STEP_LOG_MAX_SIZE": limit}
        with engines(lambda _: replace(usual, environment={**usual.environment, **more})) as make:
            made = attempt(make("clips"), ask(step("/bin/busybox yes | /bin/busybox head -c 3000000")))
        assert isinstance(made.outcome, BuiltImage)
        assert made.outcome.steps.is_clipped is is_clipped
        assert (made.printed.count(" y\n") == 1_500_000) is not is_clipped
