"""Child processes, with real ones."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.process import Command, CouldNotStart, Ending, Finished, Stopped, Tail, find_program, run
from image_builder_domain.exit_code import Interruption

from tests.programs import install_script

ENVIRONMENT = {"PATH": os.environ["PATH"]}
CUT = "(the beginning of a very long line is left out)"
MEASURE = f"""
import resource
from image_builder_adapters.process import Command, Tail, run
from image_builder_adapters.cancellation import SignalCancellation
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
script = 'yes 0123456789 | head -c 100000000; head -c 100000000 /dev/zero'
run(Command(('sh', '-c', script), {ENVIRONMENT!r}), Tail(lambda _: None), SignalCancellation())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
SLEEP = f"""
import os
from image_builder_adapters.process import Command, run
from image_builder_adapters.cancellation import SignalCancellation
sleep = Command(('sh', '-c', 'echo $$; exec sleep 300'), {ENVIRONMENT!r})
run(sleep, lambda block: os.write(1, block) and None, SignalCancellation())
"""


def shell(script: str, grace_period: float = 3.0) -> Command:
    return Command(("sh", "-c", script), ENVIRONMENT, grace_period)


def python(script: str) -> Command:
    return Command((sys.executable, "-I", "-S", "-c", script), ENVIRONMENT)


def run_and_keep(command: Command, timeout: float | None = 60) -> tuple[Ending, list[bytes]]:
    blocks: list[bytes] = []
    return run(command, blocks.append, SignalCancellation(timeout)), blocks


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 2.0) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        *((f"exit {code}", code) for code in (0, 1, 3, 255)),
        pytest.param("kill -9 $$", -signal.SIGKILL, id="signal"),
        pytest.param("exec >&- 2>&-; sleep 0.5; exit 7", 7, id="output closed early"),
    ],
)
def test_ending_has_the_exit_code(script: str, code: int) -> None:
    assert run_and_keep(shell(script))[0] == Finished(code)


def test_missing_program_could_not_start() -> None:
    ending, _ = run_and_keep(Command(("no-such-program-at-all",), ENVIRONMENT))
    assert ending == CouldNotStart("no-such-program-at-all", "program not found on PATH")


@pytest.mark.parametrize(
    ("script", "blocks"),
    [
        pytest.param("printf 'a\\nb'", [b"a\n", b"b\n"], id="last line without a newline"),
        pytest.param(
            "printf 'one '; sleep 0.2; printf 'line\\ntwo'; sleep 0.2; echo", [b"one line\n", b"two\n"], id="parts"
        ),
        pytest.param("cat; echo done", [b"done\n"], id="no standard input"),
    ],
)
def test_sink_gets_whole_lines(script: str, blocks: list[bytes]) -> None:
    assert run_and_keep(shell(script))[1] == blocks


def test_standard_output_and_error_keep_their_order() -> None:
    _, blocks = run_and_keep(shell("echo 1; echo 2 >&2; echo 3; echo 4 >&2"))
    assert b"".join(blocks) == b"1\n2\n3\n4\n"


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("length", [1_000_000, 16 * 65536])
def test_very_long_line_comes_in_pieces(length: int, end: str) -> None:
    _, blocks = run_and_keep(python(f"print('x' * {length}, end={end!r})"))
    assert b"".join(blocks) == b"x" * length + b"\n"
    assert max(map(len, blocks)) <= 2 * 65536


def test_child_has_only_the_environment_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADO_PAT", "secret")
    _, blocks = run_and_keep(Command(("env",), {**ENVIRONMENT, "ONLY": "this"}))
    assert sorted(b"".join(blocks).splitlines()) == [b"ONLY=this", b"PATH=" + ENVIRONMENT["PATH"].encode()]


def test_nothing_is_started_after_the_cancellation(tmp_path: Path) -> None:
    ending, _ = run_and_keep(shell(f"touch {tmp_path}/started"), timeout=0)
    assert ending == Stopped(Interruption.DEADLINE)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("script", "timeout", "expected"),
    [
        pytest.param("sleep 300 & echo $!; wait", 0.5, Stopped(Interruption.DEADLINE), id="cancelled"),
        pytest.param(
            "trap '' TERM; echo $$; sleep 300; sleep 300", 0.3, Stopped(Interruption.DEADLINE), id="SIGTERM ignored"
        ),
        pytest.param("sleep 300 & echo $!", 60, Finished(0), id="left behind"),
    ],
)
def test_no_process_of_the_group_survives(script: str, timeout: float, expected: Ending) -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell(script, grace_period=0.3), timeout)
    assert ending == expected
    assert time.monotonic() - start < 3
    assert gone(int(blocks[0]))


def test_child_may_clean_up_after_sigterm() -> None:
    _, blocks = run_and_keep(shell("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done"), 0.5)
    assert b"cleaned\n" in b"".join(blocks)


@pytest.mark.parametrize("program", ["sleep 300", "yes orphan"])
def test_process_that_left_the_group_does_not_block_the_run(program: str) -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell(f"setsid sh -c 'echo $$; exec {program}' & sleep 0.2"))
    orphan = int(b"".join(blocks).split(b"\n")[0])
    try:
        assert ending == Finished(0)
        assert time.monotonic() - start < 5
        assert program.startswith("sleep") or gone(orphan)  # a writer ends by SIGPIPE when the pipe is closed
    finally:
        if alive(orphan):
            os.kill(orphan, signal.SIGKILL)


def test_slow_sink_slows_the_child_down_and_loses_nothing() -> None:
    received = 0

    def slow(block: bytes) -> None:
        nonlocal received
        received += len(block)
        time.sleep(0.05)

    assert run(python("for _ in range(2000): print('y' * 999)"), slow, SignalCancellation(60)) == Finished(0)
    assert received == 2_000_000


def test_cancellation_works_while_the_sink_blocks() -> None:
    released = threading.Event()

    def blocked(_: bytes) -> None:
        released.wait(20)

    start = time.monotonic()
    ending = run(python("while True: print('y' * 999)"), blocked, SignalCancellation(0.3))
    released.set()
    assert ending == Stopped(Interruption.DEADLINE)
    assert time.monotonic() - start < 6


def test_tail_keeps_the_last_lines_and_passes_everything_on() -> None:
    passed: list[bytes] = []
    tail = Tail(passed.append, limit=100)
    for number in range(10_000):
        tail(b"line %d\n" % number)
    assert len(passed) == 10_000
    assert tail.lines()[-3:] == ("line 9997", "line 9998", "line 9999")
    assert len(tail.lines()) < 25


def test_tail_keeps_no_end_of_a_line_whose_beginning_it_dropped() -> None:
    """A redactor does not recognise half of a secret."""
    tail = Tail(lambda _: None, limit=100)
    for block in (b"x" * 90 + b"hunt", b"er22" + b"y" * 90, b"z" * 9 + b"\n", b"next\n"):
        tail(block)
    assert tail.lines() == (CUT, "next")
    for _ in range(3):
        tail(b"w" * 99)
    assert tail.lines() == (CUT,)


def test_memory_does_not_grow_with_the_output() -> None:
    answer = subprocess.run([sys.executable, "-c", MEASURE], stdout=subprocess.PIPE, check=True)
    assert int(answer.stdout) < 20 * 1024  # KiB


def test_representation_of_a_command_hides_its_environment() -> None:
    assert "hunter2" not in repr(Command(("a",), {"TOKEN": "hunter2"}))


def test_child_ends_when_this_process_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


@pytest.mark.parametrize("path", ["", ":", ".", "bin:/nonexistent", "/nonexistent:"])
def test_no_program_is_taken_from_the_working_directory(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_script(tmp_path, "git")
    install_script(tmp_path / "bin", "git")
    monkeypatch.chdir(tmp_path)
    assert find_program("git", {"PATH": path}) is None
    assert find_program("git", {"PATH": f"{path}:{tmp_path}"}) == str(tmp_path / "git")
