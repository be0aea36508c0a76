"""The private daemon's life, with the real one: shared, kept, and gone when it must be."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from image_builder_adapters.buildkit.engine import BuildkitEngine
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import EngineFactory
from image_builder_contracts.image_engine_probe import (
    Switch,
    attempt,
    attempt_beside,
    built,
    processes,
    step,
    wait_until,
)
from image_builder_domain.build import BuildFailed, BuildInterrupted, BuiltImage, EngineUnavailable
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import ImageEngine

from tests.buildkit import PrivateDaemon, SettingsFactory, daemons


class TestDaemonLife(PrivateDaemon, DockerfileEngineFixtures):
    """What the private daemon adds."""

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

    def test_daemon_and_its_steps_die_with_us_when_we_are_killed_outright(
        self, ask: RequestFactory, settings: SettingsFactory
    ) -> None:
        asleep = f"sleep 98764.{time.monotonic_ns() % 1_000_000}"
        request, usual = ask(step(f"/bin/busybox {asleep}")), settings("killed")
        with TemporaryDirectory() as short:  # nobody is left to remove what lies in it
            own = replace(usual, environment={**usual.environment, "TMPDIR": short})
            script = (
                "from image_builder_adapters.buildkit.engine import *\n"
                "from image_builder_adapters.cancellation import *\n"
                "from image_builder_domain.build import *\nfrom image_builder_domain.image.reference import *\n"
                f"BuildkitEngine({own!r}).build({request!r}, lambda _: None, SignalCancellation())\n"
            )
            with subprocess.Popen([sys.executable, "-c", script]) as run:
                wait_until(lambda: processes(asleep) != [] or run.poll() is not None)
                run.kill()
            wait_until(lambda: processes(asleep) == [], 5)

    def test_daemon_that_dies_during_a_build_is_a_failed_build(self, engine: ImageEngine, ask: RequestFactory) -> None:
        asleep = f"sleep 98763.{time.monotonic_ns() % 1_000_000}"
        with attempt_beside(engine, ask(step(f"/bin/busybox {asleep}")), Switch()) as made:
            wait_until(lambda: processes(asleep) != [] or made.outcome is not None)
            os.kill(daemons()[0], signal.SIGKILL)
        assert isinstance(made.outcome, BuildFailed)
        wait_until(lambda: processes(asleep) == [], 5)

    def test_daemon_that_cannot_start_says_why(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        tools = tmp_path / "broken"
        tools.mkdir()
        (tools / "buildkitd").write_text("#!/bin/sh\necho no space for the state >&2\nexit 3\n")
        (tools / "buildkitd").chmod(0o755)
        usual = settings("broken-state")
        environment = {**usual.environment, "PATH": f"{tools}:{usual.environment['PATH']}"}
        engine = BuildkitEngine(replace(usual, environment=environment))
        failure = attempt(engine, ask("")).outcome
        engine.close()
        assert isinstance(failure, EngineUnavailable)
        assert "code 3" in failure.reason
        assert "no space for the state" in failure.reason
        assert usual.daemon_log in failure.remedy

    def test_a_pipe_in_place_of_the_daemons_log_does_not_hold_the_build_up(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        os.mkfifo(tmp_path / "pipe.log")
        engine = BuildkitEngine(replace(settings("pipe"), daemon_log=str(tmp_path / "pipe.log")))
        with attempt_beside(engine, ask(step("true")), Switch()) as made:
            try:
                wait_until(lambda: made.outcome is not None)
            finally:  # a writer that waits goes on when somebody reads
                os.close(os.open(tmp_path / "pipe.log", os.O_RDONLY | os.O_NONBLOCK))
        engine.close()
        assert isinstance(made.outcome, BuiltImage)

    def test_cancellation_is_heard_while_the_daemon_starts(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        tools = tmp_path / "slow"
        tools.mkdir()
        (tools / "buildkitd").write_text("#!/bin/sh\nexec sleep 300\n")
        (tools / "buildkitd").chmod(0o755)
        usual, switch = settings("slow-state"), Switch()
        engine = BuildkitEngine(
            replace(usual, environment={**usual.environment, "PATH": f"{tools}:{usual.environment['PATH']}"})
        )
        threading.Timer(0.5, switch.turn, (Interruption.SIGTERM,)).start()
        start = time.monotonic()
        assert attempt(engine, ask(""), switch).outcome == BuildInterrupted(Interruption.SIGTERM)
        engine.close()
        assert time.monotonic() - start < 8

    def test_steps_output_is_not_cut(self, engine: ImageEngine, ask: RequestFactory) -> None:
        made = attempt(engine, ask(step("/bin/busybox yes 0123456789abcde | /bin/busybox head -n 400000; echo end")))
        assert isinstance(made.outcome, BuiltImage)
        assert made.printed.count("0123456789abcde\n") == 400_000
        assert "clipped" not in made.printed
