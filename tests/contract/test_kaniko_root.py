"""A build's own root, with the real kaniko: what it shows, what it hides, and that nothing of it is left."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.kaniko.engine import KanikoEngine
from image_builder_adapters.kaniko.own_root import LAYOUT
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import attempt, built, processes, reference, repository, step, wait_until
from image_builder_domain.build import BuildFailed, BuildRequest, BuiltImage, EngineUnavailable, PushFailed
from image_builder_domain.source.build_argument import BuildArgument

from tests.kaniko import OwnRoot, kaniko_engine
from tests.programs import install_script, require

BUILD = """
import os, sys
from image_builder_contracts.image_engine import attempt, repository
from image_builder_domain.build import BuildRequest
from tests.kaniko import kaniko_engine
context, place = sys.argv[1:]
with kaniko_engine(dict(os.environ)) as engine:
    made = attempt(engine, BuildRequest("team/app", None, context, "Dockerfile", (repository(place),)))
print(made.outcome)
"""


def build_command(request: BuildRequest) -> list[str]:
    """The command of another process that builds this request, and prints the outcome."""
    return [sys.executable, "-c", BUILD, request.context, str(request.repositories[0])]


class TestOwnRoot(OwnRoot, DockerfileEngineFixtures):
    """Builds that look around, and builds that end badly."""

    @pytest.fixture
    def kaniko(self, environment: dict[str, str]) -> Iterator[KanikoEngine]:
        with kaniko_engine(environment) as engine:
            yield engine

    def test_step_sees_nothing_of_the_host(self, kaniko: KanikoEngine, ask: RequestFactory, tmp_path: Path) -> None:
        groups = "cut -d: -f3 /proc/self/cgroup | sort -u; echo ."
        files = f"ls -A / | tr '\\n' ' '; echo; test ! -e {tmp_path} && echo no files"
        look = f"{files}; echo /proc/[0-9]*; hostname; {groups}"
        made = attempt(kaniko, ask(step(f"PATH=/bin; /bin/busybox --install /bin; {look}")))
        assert isinstance(made.outcome, BuiltImage), made.printed
        assert "\n.kaniko bin dev etc proc \nno files\n/proc/1 /proc/" in made.printed
        assert "\nimage-builder\n/\n.\n" in made.printed

    def test_step_cannot_change_the_machine(self, kaniko: KanikoEngine, ask: RequestFactory) -> None:
        tries = (
            "echo 1 > /proc/sys/kernel/panic",
            "mount -o remount,rw /proc/sys",
            "mount -t tmpfs x /dev",
            "mknod /disk b 8 0",
            "unshare -U true",
            "touch /.kaniko/buildcontext/x",
            "kill -0 -1 && false",
        )
        script = "; ".join(f"if ({tried}) 2>/dev/null; then echo DONE {tried}; fi" for tried in tries)
        made = attempt(kaniko, ask(step(f"/bin/busybox --install /bin; PATH=/bin; {script}; echo looked")))
        assert "\nlooked\n" in made.printed, made.printed
        assert "\nDONE" not in made.printed

    def test_context_is_not_changed(self, kaniko: KanikoEngine, ask: RequestFactory, context: Path) -> None:
        request = ask(step("/bin/busybox rm -rf /.kaniko/buildcontext; true"))
        before = sorted(context.iterdir())
        built(kaniko, request)
        assert sorted(context.iterdir()) == before

    def test_builds_at_the_same_time_never_see_each_others_files(
        self, environment: dict[str, str], ask: RequestFactory, registry: str
    ) -> None:
        """Each marks its root, waits until the others have done so too, and fails if it finds another's mark."""
        script = 'test "$(echo /mark*)" = "/mark*" && touch /mark-$ME && sleep 1 && test "$(echo /mark*)" = /mark-$ME'
        request = ask(f"ARG ME\n{step('PATH=/bin; /bin/busybox --install /bin; ' + script)}")

        def build(number: int) -> object:
            place = (repository(f"{registry}/team/marks-{number}"),)
            asked = replace(request, repositories=place, arguments=(BuildArgument("ME", str(number)),))
            with kaniko_engine(environment) as engine:
                return attempt(engine, asked).outcome

        with ThreadPoolExecutor(3) as pool:
            outcomes = list(pool.map(build, range(3)))
        assert [type(outcome) for outcome in outcomes] == [BuiltImage] * 3, outcomes

    def test_stages_may_bring_their_own_system(self, kaniko: KanikoEngine, ask: RequestFactory) -> None:
        """Between stages kaniko replaces everything, also /usr, /lib, /etc, certificates and the names of hosts."""
        files = "for file in /usr/lib/x /lib/y /etc/passwd /etc/ssl/certs/z; do echo {} > $file; done"
        system = "/bin/busybox mkdir -p /usr/lib /lib /etc/ssl/certs; " + files
        first = step(system.format("first"))
        second = "FROM base AS second\n" + step(system.format("second"))
        last = "FROM second\nCOPY --from=base /usr /first\n"
        check = step(
            'test "$(/bin/busybox cat /first/lib/x /usr/lib/x /lib/y)" = "$(printf "first\\nsecond\\nsecond")"'
        )
        built(kaniko, ask(first + second + last + check))

    def test_bytes_that_are_not_utf_8_reach_the_step(self, kaniko: KanikoEngine, ask: RequestFactory) -> None:
        argument = BuildArgument("V", os.fsdecode(b"a\xff\xfeb"))
        request = replace(ask("ARG V\n" + step('printf %s "$V" | /bin/busybox base64')), arguments=(argument,))
        assert "Yf/+Yg==\n" in attempt(kaniko, request).printed

    @pytest.mark.parametrize("log_format", ["text", "color", "json"])
    def test_failure_is_the_same_in_every_log_format(
        self, environment: dict[str, str], ask: RequestFactory, log_format: str
    ) -> None:
        with kaniko_engine(environment, log_format=log_format) as engine:
            failure = attempt(engine, ask(step("echo one; echo two; exit 9"))).outcome
        assert isinstance(failure, BuildFailed)
        assert (failure.last_lines, failure.engine_code) == (("one", "two"), 9)

    def test_failed_push_has_the_digest_that_was_built(self, kaniko: KanikoEngine, ask: RequestFactory) -> None:
        with registry_without_uploads() as address:
            request = replace(ask(""), repositories=(repository(f"{address}/team/app"),))
            failure = attempt(kaniko, request).outcome
        assert isinstance(failure, PushFailed)
        assert failure.digest is not None

    def test_a_link_that_a_step_puts_in_the_place_of_the_image_is_not_followed(
        self, kaniko: KanikoEngine, ask: RequestFactory
    ) -> None:
        request = ask(step(f"/bin/busybox mkdir -p /elsewhere && /bin/busybox ln -s /elsewhere {LAYOUT}"))
        made = attempt(kaniko, request)
        assert isinstance(made.outcome, BuildFailed), made.printed
        assert "the image that was built cannot be read" in str(made.outcome)

    @pytest.mark.parametrize("steps", [pytest.param("true", id="built"), pytest.param("exit 1", id="failed")])
    def test_nothing_is_left_on_the_disk(
        self, kaniko: KanikoEngine, ask: RequestFactory, environment: dict[str, str], steps: str
    ) -> None:
        attempt(kaniko, ask(step(f"/bin/busybox mkdir -m 0 /x; /bin/busybox chown 7:7 /x; {steps}")))
        assert os.listdir(environment["TMPDIR"]) == []

    def test_nothing_is_left_when_the_tool_is_killed(self, ask: RequestFactory, environment: dict[str, str]) -> None:
        asleep = f"sleep 54321.{time.monotonic_ns() % 1_000_000}"
        command = build_command(ask(step(f"trap '' TERM INT HUP; /bin/busybox {asleep}")))
        with subprocess.Popen(command, env=os.environ | environment) as process:
            wait_until(lambda: processes(asleep) != [] or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: processes(asleep) == [] and os.listdir(environment["TMPDIR"]) == [], 10)

    def test_nothing_is_left_when_the_tool_is_killed_before_the_root_exists(
        self, ask: RequestFactory, environment: dict[str, str]
    ) -> None:
        with subprocess.Popen(build_command(ask("")), env=os.environ | environment) as process:
            while not children(process.pid) and process.poll() is None:
                pass  # without a pause: this lasts for some milliseconds
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: os.listdir(environment["TMPDIR"]) == [], 10)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param("echo 0 > /proc/sys/user/max_user_namespaces", "grants no user namespace", id="no namespace"),
            pytest.param('mount -t tmpfs -o noexec none "$TMPDIR"', "no program may run in", id="no place"),
        ],
    )
    def test_machine_that_allows_no_own_root_refuses(
        self, ask: RequestFactory, environment: dict[str, str], change: str, reason: str
    ) -> None:
        """The executor is not started at all: it would delete what it finds."""
        there = [require("unshare"), "--user", "--map-root-user", "--mount", "sh", "-c", f'{change} && exec "$@"', "sh"]
        done = subprocess.run(
            [*there, *build_command(ask(step("true")))],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if "unshare" in done.stderr:
            pytest.skip("this machine grants no user namespaces, so it cannot be shown")
        assert "a root of its own cannot be made" in done.stdout, done.stderr
        assert reason in done.stdout
        assert "USE_BUILDKIT=true" in done.stdout
        assert os.listdir(environment["TMPDIR"]) == []

    def test_executor_that_needs_more_files_is_explained(
        self, environment: dict[str, str], ask: RequestFactory, tmp_path: Path
    ) -> None:
        script = install_script(tmp_path, "executor", 'exec /kaniko/executor "$@"')
        with kaniko_engine(environment | {"KANIKO_EXECUTOR": str(script)}) as engine:
            failure = attempt(engine, ask("")).outcome
        assert "the executor cannot be run in it (No such file or directory); a script" in str(failure)
        assert os.listdir(environment["TMPDIR"]) == []

    def test_executor_without_the_flag_never_gets_a_cache_that_it_would_write(
        self, environment: dict[str, str], ask: RequestFactory, tmp_path: Path, registry: str
    ) -> None:
        old = install_script(tmp_path, "executor", "echo '  --cache'")
        request = ask("")
        request = replace(request, cache=replace(request.cache, imports=(reference(f"{registry}/cache/app:layers"),)))
        with kaniko_engine(environment | {"KANIKO_EXECUTOR": str(old)}) as engine:
            failure = attempt(engine, request).outcome
        assert isinstance(failure, EngineUnavailable)
        assert "--no-push-cache" in str(failure)

    def test_read_only_cache_is_read(self, kaniko: KanikoEngine, ask: RequestFactory, registry: str) -> None:
        cache = (reference(f"{registry}/cache/app:layers"),)
        request = ask(step("echo ran $((6*7))"))
        read_only = replace(request, cache=replace(request.cache, imports=cache))
        both = replace(request, cache=replace(request.cache, imports=cache, exports=cache))
        runs = ["ran 42\n" in attempt(kaniko, asked).printed for asked in (read_only, both, read_only)]
        assert runs == [True, True, False]


def children(process: int) -> str:
    """The numbers of the processes that this one has started and that still live."""
    numbers = ""
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # that thread has ended
            numbers += file.read_text()
    return numbers


class WithoutUploads(http.server.BaseHTTPRequestHandler):
    """A registry that permits the push and then refuses every layer."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.parse_request():
            return
        code = {"POST": 202, "DELETE": 200, "HEAD": 404}.get(self.command, 200 if self.path == "/v2/" else 403)
        self.send_response(code)
        self.send_header("Location", f"{self.path}x")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@contextmanager
def registry_without_uploads() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), WithoutUploads) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
