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

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def shell(script: str, grace: float = 3.0) -> Command:
    return Command(("sh", "-c", script), ENVIRONMENT, grace)


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


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_run_gives_the_exit_code(code: int) -> None:
    assert run_and_keep(shell(f"exit {code}"))[0] == Finished(code)


def test_run_gives_the_signal_that_ended_the_child_as_a_negative_code() -> None:
    assert run_and_keep(shell("kill -9 $$"))[0] == Finished(-signal.SIGKILL)


def test_missing_program_could_not_start() -> None:
    ending, _ = run_and_keep(Command(("no-such-program-at-all",), ENVIRONMENT))
    assert ending == CouldNotStart("no-such-program-at-all", "program not found on PATH")


def test_standard_output_and_error_arrive_in_the_order_in_which_they_were_written() -> None:
    _, blocks = run_and_keep(shell("echo 1; echo 2 >&2; echo 3; echo 4 >&2"))
    assert b"".join(blocks) == b"1\n2\n3\n4\n"


def test_last_line_gets_the_newline_it_lacks() -> None:
    assert run_and_keep(shell("printf 'a\\nb'"))[1][-1] == b"b\n"


def test_blocks_hold_whole_lines_even_when_written_in_parts() -> None:
    _, blocks = run_and_keep(shell("printf 'one '; sleep 0.2; printf 'line\\ntwo'; sleep 0.2; echo"))
    assert blocks == [b"one line\n", b"two\n"]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("length", [1_000_000, 16 * 65536])
def test_very_long_line_comes_in_pieces(length: int, end: str) -> None:
    _, blocks = run_and_keep(python(f"print('x' * {length}, end={end!r})"))
    assert b"".join(blocks) == b"x" * length + b"\n"
    assert max(map(len, blocks)) <= 2 * 65536


def test_child_sees_only_the_environment_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADO_PAT", "secret")
    _, blocks = run_and_keep(Command(("env",), {**ENVIRONMENT, "ONLY": "this"}))
    assert sorted(b"".join(blocks).splitlines()) == [b"ONLY=this", b"PATH=" + ENVIRONMENT["PATH"].encode()]


def test_child_has_no_standard_input() -> None:
    assert b"".join(run_and_keep(shell("cat; echo done"))[1]) == b"done\n"


def test_nothing_is_started_after_the_cancellation(tmp_path: Path) -> None:
    ending, _ = run_and_keep(shell(f"touch {tmp_path}/started"), timeout=0)
    assert ending == Stopped(Interruption.DEADLINE)
    assert not (tmp_path / "started").exists()


def test_cancellation_stops_the_whole_group() -> None:
    ending, blocks = run_and_keep(shell("sleep 300 & echo $!; wait"), timeout=0.5)
    assert ending == Stopped(Interruption.DEADLINE)
    assert gone(int(blocks[0]))


def test_child_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell("trap '' TERM; echo $$; sleep 300; sleep 300", grace=0.3), timeout=0.3)
    assert ending == Stopped(Interruption.DEADLINE)
    assert time.monotonic() - start < 3
    assert gone(int(blocks[0]))


def test_child_may_clean_up_within_the_grace() -> None:
    _, blocks = run_and_keep(shell("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done"), 0.5)
    assert b"cleaned\n" in b"".join(blocks)


def test_what_the_child_leaves_in_its_group_is_killed() -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell("sleep 300 & echo $!"))
    assert ending == Finished(0)
    assert gone(int(blocks[0]))
    assert time.monotonic() - start < 3


def test_orphan_that_holds_the_pipe_does_not_hang_us() -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell("setsid sleep 300 & echo $!"))
    try:
        assert ending == Finished(0)
        assert time.monotonic() - start < 3
    finally:
        os.kill(int(blocks[0]), signal.SIGKILL)


def test_orphan_that_never_stops_writing_does_not_hang_us() -> None:
    start = time.monotonic()
    ending, blocks = run_and_keep(shell("setsid yes orphan & echo $!"))
    assert ending == Finished(0)
    assert time.monotonic() - start < 5
    pid = int(b"".join(blocks).split(b"\n")[0]) if blocks[0][:1].isdigit() else 0
    if pid:
        gone(pid)  # its pipe is closed: SIGPIPE ends it


def test_child_that_closed_its_output_early_is_waited_for() -> None:
    assert run_and_keep(shell("exec >&- 2>&-; sleep 0.5; exit 7"))[0] == Finished(7)


def test_slow_sink_slows_the_child_down_and_loses_nothing() -> None:
    received = 0

    def slow(block: bytes) -> None:
        nonlocal received
        received += len(block)
        time.sleep(0.05)

    assert run(python("for _ in range(2000): print('y' * 999)"), slow, SignalCancellation(60)) == Finished(0)
    assert received == 2_000_000


def test_cancellation_is_heard_while_the_sink_is_stuck() -> None:
    released = threading.Event()

    def stuck(_: bytes) -> None:
        released.wait(20)

    start = time.monotonic()
    ending = run(python("while True: print('y' * 999)"), stuck, SignalCancellation(0.3))
    released.set()
    assert ending == Stopped(Interruption.DEADLINE)
    assert time.monotonic() - start < 6


def test_tail_keeps_the_last_lines_and_hands_everything_on() -> None:
    passed: list[bytes] = []
    tail = Tail(passed.append, limit=100)
    for number in range(10_000):
        tail(b"line %d\n" % number)
    assert len(passed) == 10_000
    assert tail.lines()[-3:] == ("line 9997", "line 9998", "line 9999")
    assert len(tail.lines()) < 25


def test_tail_keeps_no_end_of_a_line_whose_beginning_it_let_go() -> None:
    """A redactor that sees half of a secret does not know it."""
    tail = Tail(lambda _: None, limit=100)
    for block in (b"x" * 90 + b"hunt", b"er22" + b"y" * 90, b"z" * 9 + b"\n", b"next\n"):
        tail(block)
    assert tail.lines() == ("(the beginning of a very long line is left out)", "next")
    for _ in range(3):
        tail(b"w" * 99)
    assert tail.lines() == ("(the beginning of a very long line is left out)",)


def test_memory_stays_small_however_much_is_printed() -> None:
    script = (
        "import resource\n"
        "from image_builder_adapters.process import Command, run\n"
        "from image_builder_adapters.process import Tail\n"
        "from image_builder_adapters.cancellation import SignalCancellation\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "tail = Tail(lambda _: None)\n"
        "script = 'yes 0123456789 | head -c 100000000; head -c 100000000 /dev/zero'\n"
        f"run(Command(('sh', '-c', script), {ENVIRONMENT!r}), tail, SignalCancellation())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert int(answer.stdout) < 20 * 1024  # KiB


def test_representation_of_a_command_hides_its_environment() -> None:
    assert "hunter2" not in repr(Command(("a",), {"TOKEN": "hunter2"}))


def test_child_dies_when_we_are_killed_outright() -> None:
    script = (
        "from image_builder_adapters.process import Command, run\n"
        "from image_builder_adapters.cancellation import SignalCancellation\n"
        "import sys\n"
        f"run(Command(('sh', '-c', 'echo $$; exec sleep 300'), {ENVIRONMENT!r}),"
        " lambda b: (sys.stdout.buffer.write(b), sys.stdout.flush()) and None, SignalCancellation())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


@pytest.mark.parametrize("path", ["", ":", ".", "bin:/nonexistent", "/nonexistent:"])
def test_no_program_is_taken_from_the_folder_that_we_run_in(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text("#!/bin/sh")
        (folder / "git").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_program("git", {"PATH": path}) is None
    assert find_program("git", {"PATH": f"{path}:{tmp_path}"}) == str(tmp_path / "git")
