"""The cost of publishing with tags last, against the same engine that pushes tags by hand; pushes of large layers.

The network between engines, tool and registries is slow in some of these figures: see ``tests.bench.slow_network``.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

from image_builder_adapters.kaniko.own_root import CONTEXT, run_in_own_root
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.image.descriptor import OCI_MANIFEST
from image_builder_domain.image.reference import Digest, Repository

from tests.bench.figure import Figure
from tests.bench.pairs import Pair, Run, median_difference, median_ratio
from tests.bench.slow_network import delayed, limited
from tests.bench.workshop import Workshop
from tests.oci_registry import start_registry
from tests.programs import require

PAIRS = 7
ROUND_TRIP = 0.05
_RATE = 50e6
_LARGE = 100 * 1000 * 1000
_LAYER = 200 * 1000 * 1000
_TAGS = ("c", "a", "m")
"""Each round has tags of its own: one of the configuration, one of ``--tag``, and a moving one."""


def publishing(workshop: Workshop) -> Iterator[Figure]:
    """Ratios and differences of whole runs, then megabytes in a second and the memory of our own push."""
    folder = workshop.folder / "publishing"
    with ExitStack() as stack:
        hosts = [stack.enter_context(start_registry(folder / name)).host_port for name in ("one", "two")]
        slow = [stack.enter_context(delayed(host, ROUND_TRIP)) for host in hosts]
        for engine in ("buildkit", "kaniko"):
            name = f"{engine}, 2 registries x 3 tags against tags by hand"
            yield Figure(
                f"{name}, 50 ms a request", median_ratio(_publication(workshop, engine, slow), PAIRS), 1.0, "x"
            )
            more = median_difference(_publication(workshop, engine, hosts), PAIRS)
            yield Figure(f"{name}: more", more, 0.35, " s")
        narrow = [stack.enter_context(limited(host, _RATE)) for host in hosts]
        ratio = median_ratio(_large_pushes(workshop, narrow), PAIRS)
        yield Figure("100 MB to 2 registries at 50 MB/s against one output", ratio, 0.85, "x")
        yield from _layout_push(folder, hosts[0])


# --- whole runs -------------------------------------------------------------------------------------------------------


def _publication(workshop: Workshop, engine: str, hosts: list[str]) -> Pair:
    """The tool and the engine by hand, each round with new tags of one cached image."""
    name = f"{engine}-{hosts[0].rpartition(':')[2]}"
    steps = ('RUN ["/bin/busybox", "echo", "hello"]',) if engine == "buildkit" else ()
    context = workshop.context(name, *steps)
    config = workshop.folder / f"{name}.yaml"
    settings = {
        "registry": [f"{host}/prod" for host in hosts],
        "default-commit-tag": '{{ .Env "ROUND" }}c',
        "moving-tags": ["*m"],
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    environment = {**workshop.environment, "USE_BUILDKIT": "true" if engine == "buildkit" else "false"}
    environment |= {"KANIKO_EXECUTOR": require("executor"), "TMPDIR": str(workshop.folder)}
    made = Publication(workshop, name, context, str(config), environment, tuple(hosts))
    by_hand = made.buildkit_by_hand if engine == "buildkit" else made.kaniko_by_hand
    made.tool("warm").seconds()  # fills the daemon's cache and the registries
    return lambda number: (made.tool(f"t{number}"), by_hand(f"h{number}"))


@final
@dataclass(frozen=True, slots=True)
class Publication:
    """One image that goes to several registries."""

    workshop: Workshop
    name: str
    context: Path
    config: str
    environment: dict[str, str]
    hosts: tuple[str, ...]

    def tool(self, tags: str) -> Run:
        """The whole run of image-builder, without signers."""
        words = (
            *("--config", self.config, "--name", self.name, "--context", str(self.context)),
            *("--tag", f"{tags}a", "--tag", f"{tags}m", "--log-dir", str(self.workshop.folder / "logs")),
            *("--build-report-path", str(self.workshop.folder / "report.json")),
        )
        return Run((self.workshop.installed.command, *words), {**self.environment, "ROUND": tags})

    def references(self, tags: str) -> list[str]:
        return [f"{host}/prod/{self.name}:{tags}{tag}" for tag in _TAGS for host in self.hosts]

    def buildkit_by_hand(self, tags: str) -> Run:
        """One call of buildctl that pushes every tag."""
        command = (
            *(require("buildctl"), "build", "--frontend=dockerfile.v0"),
            *("--local", f"context={self.context}", "--local", f"dockerfile={self.context}"),
            *("--output", f'type=image,"name={",".join(self.references(tags))}",push=true'),
            *("--metadata-file", str(self.workshop.folder / "by-hand.json")),
        )
        return Run(command, self.environment)

    def kaniko_by_hand(self, tags: str) -> Run:
        """The executor with all destinations, in the same kind of root as the tool's."""
        registries = [f"--insecure-registry={host}" for host in self.hosts]
        places = [f"--destination={reference}" for reference in self.references(tags)]
        words = ("--force", f"--context={CONTEXT}", f"--dockerfile={CONTEXT}/Dockerfile", *places, *registries)
        script = (sys.executable, "-m", "tests.bench.publishing", "kaniko", str(self.context), *words)
        return Run(script, {**self.environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


def _kaniko(context: str, *words: str) -> None:
    """Run the executor once; raises unless it succeeds."""
    environment, executor = dict(os.environ), os.path.realpath(require("executor"))

    def show(lines: bytes) -> None:
        sys.stderr.buffer.write(lines)

    running = run_in_own_root(executor, words, context, environment, os.geteuid(), show, ManualCancellation())
    with running as ran:
        if not getattr(ran, "digest", ""):
            raise RuntimeError(f"kaniko ended with {ran}")


# --- large pushes -----------------------------------------------------------------------------------------------------


def _large_pushes(workshop: Workshop, hosts: list[str]) -> Pair:
    """Two outputs as the tool's own command has them, against one with two names; the layers are made before."""
    random = f"/bin/busybox head -c {_LARGE} /dev/urandom > /large; echo $FRESH"
    context = workshop.context("large", f'RUN ["/bin/busybox", "sh", "-c", "{random}"]')
    names = [f"{host}/large/app" for host in hosts]
    by_digest = "push=true,push-by-digest=true,name-canonical=true"
    two = [word for name in names for word in ("--output", f"type=image,name={name},{by_digest}")]
    one = ["--output", f'type=image,"name={",".join(names)}",{by_digest}']

    def pushed(fresh: str, outputs: list[str]) -> Run:
        command = (
            *(require("buildctl"), "build", "--frontend=dockerfile.v0", "--opt", f"build-arg:FRESH={fresh}"),
            *("--local", f"context={context}", "--local", f"dockerfile={context}"),
        )
        # Compressed without a push first: what is measured is the network.
        Run((*command, "--output", "type=image,name=local/large"), workshop.environment).seconds()
        return Run((*command, *outputs), workshop.environment)

    return lambda number: (pushed(f"two-{number}", two), pushed(f"one-{number}", one))


# --- our push of a layout ---------------------------------------------------------------------------------------------


def _layout_push(folder: Path, host: str) -> Iterator[Figure]:
    command = (sys.executable, "-m", "tests.bench.publishing", "layout", str(folder / "layout"), host)
    measured = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    yield Figure("our push of a 200 MB layer", measured["speed"], 250.0, " MB/s", is_minimum=True)
    yield Figure("memory while it is pushed", measured["peak"], 60.0, " MiB")


def _push(folder: str, host: str) -> None:
    """Make a layout with one large layer, push it, and print what that took as JSON."""
    digest = _layout(Path(folder))
    registry = HttpRegistry(dict(os.environ), Redactor(()))
    place = Repository.parse(f"{host}/layout/app").unwrap()
    started = time.perf_counter()
    registry.push_layout((folder, ""), digest, (place,), ManualCancellation()).unwrap()
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(json.dumps({"speed": _LAYER / 1e6 / seconds, "peak": peak / 1024}))


def _layout(folder: Path) -> Digest:
    """The manifest's digest. The layer is written in pieces, so that it does not count as memory of the push."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    hashed = hashlib.sha256()
    with (blobs / "layer").open("wb") as file:
        for _ in range(_LAYER // 1_000_000):
            piece = os.urandom(1_000_000)
            hashed.update(piece)
            file.write(piece)
    (blobs / "layer").rename(blobs / hashed.hexdigest())
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{hashed.hexdigest()}"}
    config = _blob(blobs, b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}')
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{**layer, "size": _LAYER}],
    }
    found = _blob(blobs, json.dumps(manifest).encode())
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(
        json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": OCI_MANIFEST, **found}]})
    )
    return Digest(str(found["digest"]))


def _blob(blobs: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


if __name__ == "__main__":
    if sys.argv[1] == "kaniko":
        _kaniko(*sys.argv[2:])
    else:
        _push(*sys.argv[2:])
