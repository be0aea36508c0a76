"""The life of the private daemon, with the real one: shared, kept between runs, and gone after a run."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import (
    EngineFactory,
    Switch,
    attempt,
    attempt_beside,
    built,
    processes,
    step,
    wait_until,
)
from image_builder_domain.build import BuildInterrupted, BuiltImage, EngineUnavailable
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import ImageEngine

from tests.buildkit import PrivateDaemon, SettingsFactory, daemons, engines, with_tools
from tests.programs import install_script


@pytest.fixture
def asleep() -> str:
    """A command that a step runs, found by its unique arguments."""
    return f"sleep 98764.{time.monotonic_ns() % 1_000_000}"


class TestDaemonLife(PrivateDaemon, DockerfileEngineFixtures):
    """Behaviour of the private daemon beyond the contract."""

    def test_root_is_kept_between_runs(self, make_engine: EngineFactory, ask: RequestFactory) -> None:
        request = ask(step("echo ran $((6*7))"))
        first = make_engine("kept")
        assert "ran 42" in attempt(first, request).printed
        first.close()
        again = attempt(make_engine("kept"), request)
        assert isinstance(again.outcome, BuiltImage)
        assert "ran 42" not in again.printed

    def test_second_run_at_the_same_time_gets_a_fresh_root(
        self, make_engine: EngineFactory, ask: RequestFactory
    ) -> None:
        request = ask(step("echo ran $((6*7))"))
        assert "ran 42" in attempt(make_engine("shared"), request).printed
        assert "ran 42" in attempt(make_engine("shared"), request).printed

    def test_builds_at_the_same_time_share_one_daemon(self, engine: ImageEngine, ask: RequestFactory) -> None:
        request = ask(step("/bin/busybox sleep 1"))
        with attempt_beside(engine, request, Switch()) as one, attempt_beside(engine, request, Switch()) as two:
            wait_until(lambda: daemons() != [])
        assert one.outcome == two.outcome
        assert isinstance(one.outcome, BuiltImage)

    def test_nothing_is_left_after_close(self, engine: ImageEngine, ask: RequestFactory, tmp_path: Path) -> None:
        built(engine, ask(step("true")))
        [daemon] = daemons()
        engine.close()
        assert not Path(f"/proc/{daemon}").exists()
        assert str(tmp_path) not in Path("/proc/mounts").read_text()

    def test_daemon_and_its_steps_end_when_this_process_is_killed(
        self, ask: RequestFactory, settings: SettingsFactory, asleep: str
    ) -> None:
        request, usual = ask(step(f"/bin/busybox {asleep}")), settings("killed")
        with TemporaryDirectory() as short:  # the killed process cannot remove its files in it
            own = replace(usual, environment={**usual.environment, "TMPDIR": short})
            script = (
                "from image_builder_adapters.buildkit.engine import *\n"
                "from image_builder_contracts.cancellation import *\n"
                "from image_builder_contracts.image_engine import Attempt\n"
                "from image_builder_domain.build import *\nfrom image_builder_domain.image.reference import *\n"
                f"BuildkitEngine({own!r}).build({request!r}, Attempt(), ManualCancellation())\n"
            )
            with subprocess.Popen([sys.executable, "-c", script]) as run:
                wait_until(lambda: processes(asleep) != [] or run.poll() is not None)
                run.kill()
            wait_until(lambda: processes(asleep) == [], 5)

    def test_daemon_that_ends_during_a_build_is_unavailable(
        self, engine: ImageEngine, ask: RequestFactory, asleep: str
    ) -> None:
        with attempt_beside(engine, ask(step(f"/bin/busybox {asleep}")), Switch()) as made:
            wait_until(lambda: processes(asleep) != [] or made.outcome is not None)
            os.kill(daemons()[0], signal.SIGKILL)
        assert isinstance(made.outcome, EngineUnavailable)
        assert "was lost" in made.outcome.reason
        wait_until(lambda: processes(asleep) == [], 5)

    def test_daemon_that_cannot_start_explains_why(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        install_script(tmp_path / "tools", "buildkitd", "echo no space for the state >&2; exit 3")
        usual = settings("broken")
        with engines(lambda _: with_tools(usual, tmp_path / "tools")) as make:
            failure = attempt(make("broken"), ask("")).outcome
        assert isinstance(failure, EngineUnavailable)
        assert "code 3" in failure.reason
        assert "no space for the state" in failure.reason
        assert usual.daemon_log in failure.remedy

    def test_pipe_in_place_of_the_daemons_log_does_not_block_the_build(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        pipe = tmp_path / "pipe.log"
        os.mkfifo(pipe)
        with engines(lambda name: replace(settings(name), daemon_log=str(pipe))) as make:
            with attempt_beside(make("pipe"), ask(step("true")), Switch()) as made:
                try:
                    wait_until(lambda: made.outcome is not None)
                finally:  # a blocked writer continues when the pipe has a reader
                    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
            assert isinstance(made.outcome, BuiltImage)

    def test_cancellation_works_while_the_daemon_starts(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        install_script(tmp_path / "tools", "buildkitd", "exec sleep 300")
        switch = Switch()
        threading.Timer(0.5, switch.turn, (Interruption.SIGTERM,)).start()
        start = time.monotonic()
        with engines(lambda name: with_tools(settings(name), tmp_path / "tools")) as make:
            assert attempt(make("slow"), ask(""), switch).outcome == BuildInterrupted(Interruption.SIGTERM)
        assert time.monotonic() - start < 8

    def test_output_of_a_step_is_complete(self, engine: ImageEngine, ask: RequestFactory) -> None:
        made = attempt(engine, ask(step("/bin/busybox yes 0123456789abcde | /bin/busybox head -n 400000; echo end")))
        assert isinstance(made.outcome, BuiltImage)
        assert made.printed.count("0123456789abcde\n") == 400_000
        assert "clipped" not in made.printed
