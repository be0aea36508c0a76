"""Builds, pushes and signs examples/hello as a Prow postsubmit job would, and proves the result from outside.

A second act builds it in an Azure DevOps pipeline, see :mod:`azure_act`.

Run it by ``scripts/demo``, which brings the tools. Everything it starts listens on loopback alone and is stopped again;
the evidence of the last run stays in the user's state folder.
"""

import fcntl
import gzip
import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import azure_act  # noqa: E402 (the repository must be on the path first)
from tests import guard  # noqa: E402
from tests.git_repository import GitRepository  # noqa: E402
from tests.oci_registry import start_registry  # noqa: E402

COMMIT = "5d1c7e0b9a3f4c2d8e6f1a0b7c9d3e5f2a4b6c8d"
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
HELLO, AZURE = "examples/hello", "examples/azure-hello"
SIGNING_SERVICE = "image_builder_stand_ins.signing_service"


class UnprovenError(Exception):
    """Something that the demo promises is not so."""


def main() -> int:
    """Exit code: 0 when everything was proven, 1 otherwise, 130 and 143 when interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    guard.install()
    started = time.monotonic()
    try:
        with ExitStack() as running:
            folder = _fresh_folder(running)
            _demonstrate(folder, running)
        commands = _own_image(folder.parent / "first-image")
    except (UnprovenError, RuntimeError, urllib.error.URLError) as reason:
        print(f"\ndemo: NOT PROVEN: {reason}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\ndemo: {error}; make room there, or set XDG_STATE_HOME to another folder", file=sys.stderr)
        return 1
    print(f"  Took         {time.monotonic() - started:.1f} s. Everything that the demo started is stopped.")
    print("\nBuild your own image. In a git working copy with a Dockerfile, run:\n")
    print("\n".join(f"  {command}" for command in commands))
    return 0


def _stop(number: int, _frame: object) -> NoReturn:
    for other in (signal.SIGINT, signal.SIGTERM):  # stopping all that was started must not be interrupted in turn
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _fresh_folder(running: ExitStack) -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    (state / "image-builder").mkdir(parents=True, exist_ok=True)
    for old in sorted((state / "image-builder").glob("demo-*")):
        with suppress(OSError):  # another demo holds it, or removed it
            running.enter_context(_held(old))
            shutil.rmtree(old, ignore_errors=True)
    # Not named by the process number, which is the same in every container.
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=state / "image-builder"))
    running.enter_context(_held(folder))
    return folder


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with this process. Raises OSError where another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _own_image(folder: Path) -> list[str]:
    """Commands for a POSIX shell that build an image and push it to a registry of the user's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    folder.mkdir(exist_ok=True)
    registry, config = folder / "registry.json", folder / "config.yaml"
    storage = {"filesystem": {"rootdirectory": str(folder / "registry")}}
    registry.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    config.write_text(f"registry: {address}/mine\n")
    path = os.pathsep.join((f"{sys.prefix}/bin", os.environ.get(guard.FOLDER, "")))
    words = f"--config {shlex.quote(str(config))} --name hello --tag latest --context ."
    return [
        f'export USE_BUILDKIT=true PATH={shlex.quote(path)}:"$PATH"',
        f"registry serve {shlex.quote(str(registry))} >/dev/null 2>&1 &  # or write your registry into config.yaml",
        f"image-builder plan {words}",
        f"image-builder {words}",
    ]


def _demonstrate(folder: Path, running: ExitStack) -> None:
    _say("Starting two registries and a signing service on loopback")
    registry = running.enter_context(start_registry(folder / "registry")).host_port
    mirror = running.enter_context(start_registry(folder / "mirror")).host_port
    signer = running.enter_context(_service(SIGNING_SERVICE, ["--protocol", "v2"], folder / "signer", {}))

    _say("Building a base image from a static busybox, as on a laptop")
    base = _build_base(folder, registry)

    _say("Building examples/hello as a Prow postsubmit job")
    source = GitRepository.make(folder / "source")  # a job builds what is checked out, not what lies beside it
    shutil.copytree(REPOSITORY / "examples" / "hello", source.folder, dirs_exist_ok=True)
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    config = folder / "image-builder-config.yaml"
    config.write_text(_config(registry, mirror, signer))
    report_path = artifacts / "build-report.json"
    greeting = f"good morning number {time.time_ns()}"  # new each time, so that the RUN step runs and is not remembered
    _image_builder(
        [
            *("--config", str(config), "--name", "examples/hello"),
            *("--context", str(source.folder)),
            *("--tag", "latest", "--tag", "release=v1.0-{{ .ShortSHA }}"),
            *("--build-arg", f"BASE={base}", "--build-arg", f"GREETING={greeting}"),
            *("--build-report-path", str(report_path), "--silent"),
        ],
        {**_prow(artifacts, source.commit()), "SSL_CERT_FILE": signer["ca"]},
    )
    report = json.loads(report_path.read_text())
    registries = [f"{registry}/prod", f"{mirror}/prod"]
    _prove(report, registries, Path(signer["received"]))
    _prove_content(registries, report["tags"][0], artifacts, f"{greeting} from image-builder")
    _summarise(report, report_path)

    _say("Second act: the same image in an Azure DevOps pipeline, started by a GitHub job; a push, then a pull request")
    arguments, out_of_sight = {"BASE": base, "GREETING": greeting}, partial(_image_builder, log=folder / "azure.log")
    act = azure_act.Act(folder, REPOSITORY, config.read_text(), signer["ca"], arguments, _service, out_of_sight)
    before = len(_signed(signer))
    reports = azure_act.play(act)
    _prove_azure(reports, [f"{registry}/prod", f"{mirror}/prod"], f"{registry}/dev", _signed(signer)[before:])


def _build_base(folder: Path, registry: str) -> str:
    context, busybox = folder / "base", shutil.which("busybox")
    if busybox is None:
        raise UnprovenError("busybox is not on PATH; run scripts/demo, which brings it")
    context.mkdir()
    shutil.copy(REPOSITORY / "examples" / "base" / "Dockerfile", context)
    shutil.copy(busybox, context / "busybox")
    config = folder / "base.yaml"
    config.write_text(f"registry: {registry}/base\n")
    _image_builder(
        ["--config", str(config), "--name", "busybox", "--context", str(context), "--tag", "demo"],
        {"CI": "false", "PULL_BASE_SHA": COMMIT, "ARTIFACTS": str(context)},
        log=folder / "base.log",
    )
    return f"{registry}/base/busybox:demo"


def _config(registry: str, mirror: str, signer: dict[str, str]) -> str:
    text = (REPOSITORY / "examples" / "hello" / "image-builder-config.yaml").read_text()
    places = {"REGISTRY": registry, "MIRROR": mirror, "SIGNER": signer["url"], "SECRET": signer["secret"]}
    body = text.split("\n", 1)[1]
    for name, value in places.items():
        body = body.replace(name, value)
    return body


def _prow(artifacts: Path, commit: str) -> dict[str, str]:
    """The environment that Prow's pod utilities give a postsubmit job."""
    spec = {
        "type": "postsubmit",
        "job": "post-hello-build",
        "buildid": "1812",
        "prowjobid": "6d1f0c1e",
        "refs": {"org": "acme", "repo": "hello", "base_ref": "main", "base_sha": commit},
    }
    return {
        "CI": "true",
        "JOB_TYPE": "postsubmit",
        "JOB_NAME": "post-hello-build",
        "PROW_JOB_ID": "6d1f0c1e",
        "BUILD_ID": "1812",
        "BUILD_NUMBER": "1812",
        "ARTIFACTS": str(artifacts),
        "REPO_OWNER": "acme",
        "REPO_NAME": "hello",
        "PULL_BASE_REF": "main",
        "PULL_BASE_SHA": commit,
        "PULL_REFS": f"main:{commit}",
        "JOB_SPEC": json.dumps(spec),
    }


def _image_builder(arguments: list[str], environment: Mapping[str, str], log: Path | None = None) -> None:
    """Run the command. With ``log`` its output goes to that file, and is shown only if the command fails."""
    kept = ("PATH", "HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "BUILDKIT_HOST")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    sys.stdout.flush()
    command = [sys.executable, "-m", "image_builder", *arguments]
    variables = {**own, "USE_BUILDKIT": "true", **environment}
    with open(log, "ab") if log else nullcontext() as output:
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            code = process.wait()
        finally:
            _end(process)  # asked, not killed: it has an engine to stop
    if code != 0:
        if log:
            print(log.read_text(errors="replace"), file=sys.stderr)
        raise UnprovenError(f"image-builder ended with exit code {code}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _service(module: str, arguments: list[str], folder: Path, more: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Start a stand-in service; gives what it says of itself once it listens."""
    command = [sys.executable, "-m", module, *arguments, "--folder", str(folder)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ | dict(more)
    )
    try:
        ready, end = folder / "ready.json", time.monotonic() + 20
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise UnprovenError(f"{module} did not start")
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        _end(process)


# --- proof, with nothing of the tool's own --------------------------------------------------------------------------


def _prove(report: dict[str, Any], registries: list[str], received: Path) -> None:
    digest, image = report["digest"], report["images"][0]
    tags = report["tags"]
    _must(len(tags) == 3, f"three tags were asked for, not {tags}")
    for registry in registries:
        for tag in tags:
            found = hashlib.sha256(_manifest(registry, tag)).hexdigest()
            _must(f"sha256:{found}" == digest, f"{registry}/examples/hello:{tag} holds sha256:{found}, not {digest}")
    signed = _signed({"received": str(received)})
    _must(len(signed) == len(tags) * len(registries), f"{len(signed)} signatures were asked for")
    for entry in signed:
        _must((entry["digest"], entry["size"]) == (digest, image["size"]), f"something else was signed: {entry}")


def _signed(signer: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the signing service was asked to sign, in order."""
    lines = Path(signer["received"]).read_text().splitlines()
    return [entry for line in lines for entry in json.loads(line)["images"]]


def _prove_azure(
    reports: Mapping[str, dict[str, Any]], production: list[str], development: str, signed: list[dict[str, Any]]
) -> None:
    """The push is in every production registry and signed; the pull request is in the other one alone, unsigned."""
    push, pull = reports["postsubmit"], reports["presubmit"]
    found = {
        registry: f"sha256:{hashlib.sha256(_manifest(registry, 'azure', AZURE)).hexdigest()}" for registry in production
    }
    _must(set(found.values()) == {push["digest"]}, f"the pipeline pushed {push['digest']}, the registries hold {found}")
    _must(push["signed"] is True, "the push is not signed")
    _must(len(signed) == len(push["images_list"]), f"{len(signed)} signatures for {push['images_list']}")
    _must({entry["digest"] for entry in signed} == {push["digest"]}, f"something else was signed: {signed}")
    _must(pull["signed"] is False, "the pull request is signed")
    elsewhere = [place for place in pull["images_list"] if not place.startswith(f"{development}/")]
    _must(bool(pull["images_list"]) and not elsewhere, f"the pull request was published to {elsewhere or 'nowhere'}")
    _must(
        hashlib.sha256(_manifest(development, "PR-7", AZURE)).hexdigest() in pull["digest"], "another image is in dev"
    )
    print("Proven from outside:")
    for kind, report in (("Push", push), ("Pull request", pull)):
        signed_or_not = "signed" if report["signed"] else "not signed"
        print(f"  {kind:12} {report['digest']}, {signed_or_not}")
        print(f"  {'':12} {', '.join(report['images_list'])}")


def _prove_content(registries: list[str], tag: str, artifacts: Path, printed: str) -> None:
    """The log and the image hold what this run's RUN step printed."""
    log = (artifacts / "build_examples-hello.log").read_text().splitlines()
    said = any(line.endswith(f" {printed}") for line in log)  # the step's own echo of its command ends otherwise
    _must(said, "the log file does not hold the engine's output")
    for registry in registries:
        files = _files(registry, tag)
        _must(
            files.get("greeting.txt") == f"{printed}\n".encode(), f"{registry}: the RUN step's file is not in the image"
        )
        _must(
            b"Prints a greeting" in files.get("usr/bin/greet", b""), f"{registry}: the copied file is not in the image"
        )


def _get(registry: str, path: str, accept: str = "*/*", name: str = HELLO) -> bytes:
    host, _, prefix = registry.partition("/")
    url = f"http://{host}/v2/{prefix}/{name}/{path}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to loopback
    with direct.open(urllib.request.Request(url, headers={"Accept": accept}), timeout=10) as answer:
        body: bytes = answer.read()
    return body


def _manifest(registry: str, tag: str, name: str = HELLO) -> bytes:
    return _get(registry, f"manifests/{tag}", MANIFESTS, name)


def _files(registry: str, tag: str) -> dict[str, bytes]:
    """Every regular file of the image's layers, later layers over earlier ones."""
    files: dict[str, bytes] = {}
    for layer in json.loads(_manifest(registry, tag))["layers"]:
        content = gzip.decompress(_get(registry, f"blobs/{layer['digest']}"))
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    files[member.name.removeprefix("./")] = file.read()
    return files


def _must(holds: bool, reason: str) -> None:
    if not holds:
        raise UnprovenError(reason)


def _say(what: str) -> None:
    print(f"\n==> {what}", flush=True)


def _summarise(report: dict[str, Any], report_path: Path) -> None:
    image = report["images"][0]
    print("Proven from outside:")
    print(f"  Built        {report['image_name']}, {image['size']} byte manifest")
    print(f"  Digest       {report['digest']}, which all {len(report['images_list'])} references resolve to")
    print(f"  Signed       {len(image['signatures'])} times, each time this digest")
    print(f"  Report       {report_path}")


if __name__ == "__main__":
    sys.exit(main())
