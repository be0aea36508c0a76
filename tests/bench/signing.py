"""How long it takes to sign many images over a slow network, and how much memory."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.bench.figure import Figure
from tests.bench.installed import Installed
from tests.bench.memory import peak_mebibytes
from tests.bench.pairs import Run
from tests.bench.slow_network import delayed
from tests.bench.workshop import job
from tests.oci_registry import push_image, start_registry

IMAGES = 100
FEW = 10
ROUND_TRIP_SECONDS = 0.020


def signing(folder: Path, installed: Installed) -> Iterator[Figure]:
    """``image-signer`` with a hundred images, and what they need of memory beyond ten."""
    folder.mkdir()
    with ExitStack() as stack:
        registry = stack.enter_context(start_registry(folder / "registry")).host_port
        for number in range(IMAGES):
            push_image(registry, "prod/app", f"v{number}", marker=str(number))
        service = stack.enter_context(SigningService.start(ServiceOptions(Protocol.V1, token="only for the benchmark")))
        near = service.url.removeprefix("http://").partition("/")
        slow_registry = stack.enter_context(delayed(registry, ROUND_TRIP_SECONDS))
        slow_service = stack.enter_context(delayed(near[0], ROUND_TRIP_SECONDS))
        config = _config(folder, f"http://{slow_service}/{near[2]}")

        def run(count: int) -> Run:
            images = ",".join(f"{slow_registry}/prod/app:v{number}" for number in range(count))
            command = (installed.signer, "--config", str(config), "--images-to-sign", images)
            return Run(command, job(folder))

        run(FEW).seconds()  # compiles what was not compiled yet
        fastest = min(run(IMAGES).seconds() for _ in range(3))
        yield Figure(f"{IMAGES} images resolved and signed, {ROUND_TRIP_SECONDS * 1000:g} ms away", fastest, 1.5, " s")
        more = peak_mebibytes(run(IMAGES)) / peak_mebibytes(run(FEW))
        yield Figure(f"memory for {IMAGES} images against {FEW}", more, 1.1, "x")


def _config(folder: Path, endpoint: str) -> Path:
    (folder / "token").write_text("only for the benchmark\n")
    (folder / "token").chmod(0o600)
    signer = {
        "name": "local",
        "type": "notary",
        "config": {"endpoint": endpoint, "secret": {"path": str(folder / "token"), "type": "token"}},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps({"sign-config": {"enabled-signers": {"*": ["local"]}, "signers": [signer]}}))
    return config
