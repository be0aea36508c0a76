"""One trial: a build in which one request fails, then the same build again, and what both must leave behind.

After the first run, a tag exists only if its repository holds the whole image, signed, and report and exit code tell
the truth. After the second run, every tag exists.
"""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, final

from image_builder_contracts.image_engine import wait_until
from image_builder_domain.exit_code import ExitCode
from image_builder_stand_ins.certificates import mutual_tls
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.cosign import PASSWORD, key_pair
from tests.e2e.run import Finished, Process
from tests.e2e.world import COMMIT, World
from tests.oci_registry import RunningRegistry, start_registry
from tests.programs import require
from tests.torture.proxy import Fault, Faults
from tests.torture.state import Tags, cosign_verifies, holds, tags_of

PATH: Final = "prod/app"
TAGS: Final = ("latest", "v1", f"v20231114-{COMMIT[:8]}")
VARIANTS: Final = ("one", "two")
EXPECTED: Final = frozenset(f"{tag}-{variant}" for tag in TAGS for variant in VARIANTS)
ENGINES: Final = ("buildkit", "kaniko")
SIGNERS: Final = ("notary", "cosign")
_NAMES_OURS: Final = ("created", "moved", "moved back", "unchanged")
_OF_FAULT: Final = {Fault.STALL: (ExitCode.DEADLINE,), Fault.SIGTERM: (ExitCode.SIGTERM,)}
_DEADLINE: Final = "8s"


@final
@dataclass(frozen=True, slots=True)
class Case:
    """Which request fails, and how."""

    engine: str
    signer: str
    fault: Fault
    at: int

    def __str__(self) -> str:
        return f"{self.engine}, {self.signer}, {self.fault.value}, request {self.at}"


@final
@dataclass
class Verdict:
    """What was found. ``hit`` is the request that failed, empty if the run sent fewer requests."""

    case: Case
    problems: list[str] = field(default_factory=list)
    hit: str = ""
    requests: int = 0
    codes: tuple[int, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """What all trials share: a folder for each of them, and the address of a BuildKit for those that need one."""

    folder: Path
    buildkit: str

    def try_case(self, case: Case, digests: dict[str, str] | None = None) -> Verdict:
        """Carry out one trial in a new world. ``digests`` are those of a run without faults, by tag."""
        name = f"{case.engine}-{case.signer}-{case.fault.name.lower()}-{case.at}"
        with _world(self.folder / name, self.buildkit, case) as (world, registries, faults):
            trial = _Trial(world, registries, faults, Verdict(case), digests)
            trial.first_run()
            trial.second_run()
        shutil.rmtree(self.folder / name)
        return trial.verdict


@contextmanager
def _world(
    folder: Path, buildkit: str, case: Case
) -> Iterator[tuple[World, tuple[RunningRegistry, RunningRegistry], Faults]]:
    job, faults, tls = folder / "job", Faults(case.fault, case.at), mutual_tls()
    job.mkdir(parents=True)
    (job / "secret.json").write_bytes(tls.authority.issue_client().as_secret())
    (job / "secret.json").chmod(0o600)
    (job / "signing-ca.pem").write_bytes(tls.authority.certificate)
    with ExitStack() as stack:
        real = [stack.enter_context(start_registry(folder / name)) for name in ("one", "two")]
        first, second = (replace(each, host_port=stack.enter_context(faults.before(each.host_port))) for each in real)
        service = stack.enter_context(SigningService.start(ServiceOptions(Protocol.V2, tls=tls.server_context)))
        world = World(job, first, second, service, job / "secret.json")
        world.postsubmit()
        _configure(world, case, buildkit)
        yield world, (real[0], real[1]), faults


def _configure(world: World, case: Case, buildkit: str) -> None:
    if case.signer == "cosign":
        keys = world.folder / "keys"
        keys.mkdir()
        pair = key_pair(keys)
        settings = {"key": pair.private, "public-key": pair.public, "transparency-log": False}
        signer = {"name": "local", "type": "cosign", "config": settings}
        world.config["sign-config"]["signers"] = [signer]
        world.environment["COSIGN_PASSWORD"] = PASSWORD
    world.config["reproducible"] = True
    world.environment["SOURCE_DATE_EPOCH"] = "1700000000"
    if case.engine == "buildkit":
        world.environment |= {"USE_BUILDKIT": "true", "BUILDKIT_HOST": buildkit}
    else:
        world.environment |= {"USE_BUILDKIT": "false", "KANIKO_EXECUTOR": require("executor")}
    world.variants(*VARIANTS)


@final
@dataclass
class _Trial:
    world: World
    registries: tuple[RunningRegistry, RunningRegistry]
    faults: Faults
    verdict: Verdict
    digests: dict[str, str] | None
    good: set[tuple[str, str]] = field(default_factory=set)

    def first_run(self) -> None:
        """The run whose request fails."""
        fault = self.verdict.case.fault
        deadline = ("--timeout", _DEADLINE) if fault is Fault.STALL else ()
        process = self._start(*deadline)
        self.faults.signal = lambda: _send(process, fault)
        done = self._finished(process)
        self.verdict.requests, self.verdict.hit = len(self.faults.requests), self.faults.hit
        self.verdict.problems += [f"first run: {problem}" for problem in self._judge(done)]

    def second_run(self) -> None:
        """The same without faults: it completes everything."""
        self.faults.over.set()  # a request that still waits ends
        self.faults.fault = Fault.NONE
        done = self._finished(self._start())
        found = list(self._judge(done))
        if done.code != 0:
            found.append(f"exit code {done.code}: {done.err[-600:]}")
        for tags in self._tags():
            if set(tags.digests) != EXPECTED:
                found.append(f"{tags.host} has the tags {sorted(tags.digests)}")
            self.verdict.digests = dict(tags.digests)
            if self.digests is not None and tags.digests != self.digests:
                found.append(f"{tags.host} has other digests than a run without faults")
        self.verdict.problems += [f"second run: {problem}" for problem in found]

    def _start(self, *more: str) -> Process:
        (self.world.artifacts / "report.json").unlink(missing_ok=True)
        return self.world.start("--tag", "latest", "--tag", "release=v1", *more)

    def _finished(self, process: Process) -> Finished:
        done = self.world.finished(process)
        wait_until(self.faults.is_quiet, 30)
        self.verdict.codes += (done.code,)
        return done

    def _tags(self) -> tuple[Tags, ...]:
        return tuple(tags_of(registry.host_port, PATH) for registry in self.registries)

    def _is_signed(self, tags: Tags, tag: str) -> bool:
        digest = tags.digests[tag]
        if self.verdict.case.signer == "notary":
            proxy = dict(zip((each.host_port for each in self.registries), self._proxies(), strict=True))[tags.host]
            received = {(image.gun, image.tag, str(image.digest)) for image in self.world.signing.received}
            return (f"{proxy}/{tags.path}", tag, f"sha256:{digest.removeprefix('sha256:')}") in received
        if (tags.host, digest) not in self.good:
            key = self.world.folder / "keys" / "cosign.pub"
            if not cosign_verifies(f"{tags.host}/{tags.path}@{digest}", key):
                return False
            self.good.add((tags.host, digest))
        return True

    def _proxies(self) -> tuple[str, str]:
        return self.world.registry.host_port, self.world.mirror.host_port

    def _judge(self, done: Finished) -> Iterator[str]:
        tags = self._tags()
        for each in tags:
            yield from each.problems(self._is_signed)
        if done.code == -signal.SIGKILL:
            return
        report = _report(done)
        if report is None:
            yield f"exit code {done.code} without a report: {done.err[-600:]}"
            return
        if (done.code == 0) != (report["outcome"] == "success"):
            yield f"exit code {done.code}, but the report says {report['outcome']}"
        if done.code == 0 and any(set(each.digests) != EXPECTED for each in tags):
            yield f"exit code 0, but the tags are {[sorted(each.digests) for each in tags]}"
        yield from self._wrong_code(done.code)
        yield from self._lies(report, tags)
        yield from self._lost(report)

    def _wrong_code(self, code: int) -> Iterator[str]:
        """No build fails in a trial, and only the question for the right to push leads to a refusal."""
        allowed = {ExitCode.DONE, ExitCode.PUSH_FAILED, ExitCode.SIGNING_FAILED, *_OF_FAULT.get(self.faults.fault, ())}
        if "POST " in self.faults.hit and "/uploads/" in self.faults.hit:
            allowed.add(ExitCode.REFUSED)
        if code not in allowed:
            yield f"exit code {code}"

    def _lost(self, report: dict[str, Any]) -> Iterator[str]:
        """Repositories of which the report says that they hold the image, but they do not."""
        real = dict(zip(self._proxies(), (each.host_port for each in self.registries), strict=True))
        for image in report["images"]:
            for place in image["repositories"]:
                host, _, path = place["repository"].partition("/")
                if place["holds_digest"] and not holds(real[host], path, image["digest"]):
                    yield f"the report says that {place['repository']} holds {image['digest']}, but it does not"

    def _lies(self, report: dict[str, Any], tags: tuple[Tags, ...]) -> Iterator[str]:
        """Where the report's fates differ from what the registries hold."""
        held = {
            f"{proxy}/{each.path}:{tag}": digest
            for proxy, each in zip(self._proxies(), tags, strict=True)
            for tag, digest in each.digests.items()
        }
        reported = {
            place["reference"]: (image["digest"], place)
            for image in report["images"]
            for place in image["destinations"]
        }
        for reference in held.keys() - reported.keys():
            yield f"{reference} exists, but the report does not name it"
        for reference, (digest, place) in reported.items():
            fate, there = place["fate"], held.get(reference)
            if fate in _NAMES_OURS and there != digest:
                yield f"the report calls {reference} {fate}, but it names {there}, not {digest}"
            if fate == "withheld" and there is not None:
                yield f"the report calls {reference} withheld, but it names {there}"
            if place["holds_digest"] and there != digest:
                yield f"the report says that {reference} holds {digest}, but it names {there}"
            if fate is None:
                yield f"the report names no fate of {reference}"


def _report(done: Finished) -> dict[str, Any] | None:
    try:
        return done.report
    except (OSError, json.JSONDecodeError):
        return None


def _send(process: Process, fault: Fault) -> None:
    number = {Fault.SIGTERM: signal.SIGTERM, Fault.SIGKILL: signal.SIGKILL}[fault]
    os.kill(process.pid, number)
