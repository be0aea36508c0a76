"""What the builds of the benchmark happen in: a warm daemon, a registry, a signing service, a build context, a job."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.bench.installed import Installed
from tests.bench.pairs import Run
from tests.buildkit import running_daemon
from tests.e2e.settings import sign_config
from tests.git_repository import BASE_COMMIT, check_out
from tests.oci_registry import start_registry
from tests.programs import require

FRESH = "fresh-value"


def job(folder: Path) -> dict[str, str]:
    """The environment of a Prow postsubmit job, with nothing of ours but the path and a home."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CI": "true",
        "PROW_JOB_ID": "6d1f",
        "JOB_TYPE": "postsubmit",
        "REPO_OWNER": "acme",
        "REPO_NAME": "bench",
        "PULL_BASE_SHA": BASE_COMMIT,
        "USE_BUILDKIT": "true",
    }


@final
@dataclass(frozen=True, slots=True)
class Workshop:
    """Where builds run. ``environment`` names a daemon that is already warm."""

    folder: Path
    environment: Mapping[str, str]
    installed: Installed

    def context(self, name: str, *lines: str) -> Path:
        """A build context whose image begins with busybox alone."""
        folder = self.folder / name
        folder.mkdir()
        shutil.copy(require("busybox"), folder / "busybox")
        first = ("FROM scratch", "COPY busybox /bin/busybox", "ARG FRESH")
        (folder / "Dockerfile").write_text("\n".join((*first, *lines, "")))
        check_out(folder, BASE_COMMIT)
        return folder

    def tool(self, context: Path, fresh: str = FRESH, *more: str, path: str = "") -> Run:
        """The whole run of image-builder: build, push to two registries, verify, sign, report.

        Without a text in ``fresh`` no build argument is given.
        """
        arguments = (
            *("--config", str(self.folder / "config.yaml"), "--name", context.name, "--context", str(context)),
            *(("--build-arg", f"FRESH={fresh}") if fresh else ()),
            *("--log-dir", str(self.folder / "logs")),
        )
        environment = {**self.environment, **({"PATH": f"{path}:{self.environment['PATH']}"} if path else {})}
        return Run((self.installed.command, *more, *arguments, *_report(self.folder, more)), environment)

    def by_hand(self, context: Path, fresh: str = FRESH) -> Run:
        """The same call of buildctl: the one that the tool's own plan shows."""
        (run,) = self._calls(self.tool(context, fresh, "plan", "--output", "json"))
        return run

    def calls_by_hand(self, context: Path, *more: str) -> list[Run]:
        """The calls of buildctl for all variants of a context, without build arguments."""
        return self._calls(self.tool(context, "", "plan", "--output", "json", *more))

    def _calls(self, run: Run) -> list[Run]:
        plan = subprocess.run(run.command, env=dict(run.environment), stdout=subprocess.PIPE, check=True).stdout
        builds = [build["command"] for build in json.loads(plan)["builds"]]
        metadata = [("--metadata-file", str(self.folder / f"metadata-{number}.json")) for number in range(len(builds))]
        return [
            Run((require(name), *arguments, *file), self.environment)
            for (name, *arguments), file in zip(builds, metadata, strict=True)
        ]

    def publish_base(self, example: Path) -> str:
        """Build and push a base image that has a shell; gives its reference."""
        folder = self.folder / "base"
        shutil.copytree(example, folder)
        shutil.copy(require("busybox"), folder / "busybox")
        check_out(folder, BASE_COMMIT)
        self.tool(folder, "", "--tag", "bench").seconds()
        report = json.loads((self.folder / "report.json").read_text())
        return str(next(found for found in report["images_list"] if found.endswith(":bench")))


def _report(folder: Path, more: tuple[str, ...]) -> tuple[str, ...]:
    return () if "plan" in more else ("--build-report-path", str(folder / "report.json"))


@contextmanager
def open_workshop(folder: Path, installed: Installed) -> Iterator[Workshop]:
    """Everything on loopback, stopped at the end; of BuildKit, the one in ``BUILDKIT_HOST`` if that is set."""
    with ExitStack() as stack:
        one = stack.enter_context(start_registry(folder / "one")).host_port
        two = stack.enter_context(start_registry(folder / "two")).host_port
        signing = stack.enter_context(SigningService.start(ServiceOptions(Protocol.V1, token="only for the benchmark")))
        (folder / "token").write_text("only for the benchmark\n")
        (folder / "token").chmod(0o600)
        config = {
            "registry": [f"{one}/prod", f"{two}/prod"],
            "default-commit-tag": "{{ .ShortSHA }}",
            "sign-config": sign_config(signing.url, folder / "token", "token"),
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        host = os.environ.get("BUILDKIT_HOST") or stack.enter_context(running_daemon(folder))
        yield Workshop(folder, {**job(folder), "BUILDKIT_HOST": host}, installed)
