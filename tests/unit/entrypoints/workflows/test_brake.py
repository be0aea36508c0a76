"""The cancellation of builds that stop together."""

import threading
import time

from image_builder.workflows.brake import Brake
from image_builder_adapters.cancellation import SignalCancellation
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.exit_code import Interruption


def test_nothing_stops_until_somebody_pulls() -> None:
    brake = Brake(ManualCancellation())
    assert brake.reason() is None
    assert brake.wait(0.01) is False
    brake.pull()
    assert brake.reason() is Interruption.ANOTHER_BUILD_FAILED
    assert brake.wait(60) is True


def test_what_stops_the_run_goes_first() -> None:
    run = ManualCancellation()
    brake = Brake(run)
    brake.pull()
    run.cancel(Interruption.SIGTERM)
    assert brake.reason() is Interruption.SIGTERM


def test_pulling_stops_no_run() -> None:
    run = ManualCancellation()
    Brake(run).pull()
    assert run.reason() is None


def test_a_waiting_build_hears_the_brake_within_a_second() -> None:
    brake = Brake(ManualCancellation())
    threading.Timer(0.1, brake.pull).start()
    started = time.monotonic()
    assert brake.wait(60) is True
    assert time.monotonic() - started < 10


def test_the_deadline_is_the_runs() -> None:
    assert Brake(ManualCancellation()).remaining() is None
    remaining = Brake(SignalCancellation(60)).remaining()
    assert remaining is not None
    assert 0 < remaining <= 60
