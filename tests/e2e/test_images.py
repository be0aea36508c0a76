"""Our two images, built with this tool: each builds, pushes and signs in a container."""

import json
import os
import shutil
import statistics
import time
from pathlib import Path

import pytest
from image_builder_stand_ins.fixtures import SecuredService

from tests.cosign import PASSWORD, key_pair
from tests.e2e.image_world import Images, Job, prepare_job
from tests.programs import require
from tests.small_debian import Container, tell

# The first run makes the small Debian and the images, which takes minutes.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

BUILD = ("--name=app", "--tag=latest", "--context=/workspace", "--build-report-path=/logs/artifacts/report.json")
# Fails if the root has more than the files of every container.
LOOK = (
    "$b ls -A / | $b grep -v -x -E "
    "'busybox|image-(builder|signer)|dev|etc|proc|sys|kaniko|logs|config|secret|workspace' && exit 9"
)


def test_kaniko_image_survives_its_own_builds_and_signs_what_it_pushed(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    container = images.kaniko(container_folder / "container")
    assert {path.name for path in container.root.iterdir()} == {"image-builder", "image-signer", "kaniko"}
    measure_start_up("image-builder", container)
    assert_builds_and_signs(images, container, mtls_signing_service, container_folder)


def test_buildkit_image_builds_and_signs_without_being_root(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    container = images.buildkit(container_folder / "container")
    assert container.user == (1000, 1000)
    measure_start_up("buildkit-image-builder", container)
    assert_builds_and_signs(images, container, mtls_signing_service, container_folder)


def test_cosign_must_be_in_a_folder_that_survives_a_kaniko_build(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    """In any other folder it would be gone after the push, or be a file of the image that was built."""
    container = images.kaniko(container_folder / "container")
    job = mounted_job(images, container, mtls_signing_service, container_folder)
    key_pair(job.secret)
    config = json.loads((job.config / "image-builder-config.yaml").read_text())
    keys = {"key": "/secret/cosign.key", "public-key": "/secret/cosign.pub", "transparency-log": False}
    config["sign-config"]["signers"] = [{"name": "local", "type": "cosign", "config": keys}]
    (job.config / "image-builder-config.yaml").write_text(json.dumps(config))
    environment = job.environment | {"COSIGN_PASSWORD": PASSWORD}
    removed = container.root / "usr/local/bin/cosign"
    removed.parent.mkdir(parents=True)
    shutil.copy(require("cosign"), removed)
    code, out = container.run(*BUILD, environment=environment)
    assert (code, "program not found on PATH, which is /kaniko/ib/bin" in out) == (2, True), out
    removed.rename(container.root / "kaniko/ib/bin/cosign")
    code, out = container.run(*BUILD, environment=environment)
    assert code == 0, out[-4000:]
    report = json.loads((job.artifacts / "report.json").read_text())
    assert [found["status"] for found in report["images"][0]["signatures"]] == ["signed", "signed"]


def test_variants_in_the_one_root_of_our_container_never_see_each_others_files(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    """They are built one after another, and the first one fails.

    It leaves a file, a process that makes folders, and a program that the tool would use outside a container.
    """
    container = images.kaniko(container_folder / "container")
    job = mounted_job(images, container, mtls_signing_service, container_folder)
    setpriv = "$b mkdir -p /usr/bin; printf '#!/busybox true' > /usr/bin/setpriv; $b chmod +x /usr/bin/setpriv"
    daemon = "(while true; do $b mkdir -p /d/$((i=i+1)); done) >/dev/null 2>&1 &"
    script = f"{setpriv}; echo x > /mark; $b setsid $b sh -c '{daemon}'; echo alone; test $WHO != first"
    write_variants(job, f"{LOOK}; {script}")
    code, out = container.run("plan", *BUILD, environment=job.environment)
    assert (code, "one after another" in out) == (0, True), out
    code, out = container.run(*BUILD, "--max-parallel=2", environment=job.environment)
    report = json.loads((job.artifacts / "report.json").read_text())
    assert [(image["variant"], image["failure"] is None) for image in report["images"]] == [
        ("first", False),
        ("second", True),
    ], out
    for name in ("first", "second"):
        assert "\nalone\n" in (job.artifacts / f"build_app_{name}.log").read_text()
    assert code == 3


def test_variant_fails_if_the_previous_one_could_not_be_removed(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    container = images.kaniko(container_folder / "container")
    job = mounted_job(images, container, mtls_signing_service, container_folder)
    never = "#!/busybox sh\\ncase $* in *--cleanup*) exit 1;; esac; exec /kaniko/real $@\\n"
    replace = f"$b mv /kaniko/executor /kaniko/real; printf '{never}' > /kaniko/executor"
    write_variants(job, f"{replace}; $b chmod +x /kaniko/executor")
    code, out = container.run(*BUILD, environment=job.environment)
    report = json.loads((job.artifacts / "report.json").read_text())
    assert (code, [image["failure"] is None for image in report["images"]]) == (3, [True, False]), out
    assert "the previous build left files in this container that could not be removed" in out


def test_certificate_authorities_of_the_built_image_are_not_trusted(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path
) -> None:
    container = images.kaniko(container_folder / "container")
    job = mounted_job(images, container, mtls_signing_service, container_folder)
    shutil.copy(job.secret / "ca.pem", job.context / "ca.pem")
    steps = f"FROM {images.base}\nCOPY ca.pem /etc/ssl/certs/\nRUN openssl rehash /etc/ssl/certs\n"
    (job.context / "Dockerfile").write_text(steps)
    del job.environment["SSL_CERT_FILE"]
    code, out = container.run(*BUILD, environment=job.environment)
    assert (code, "certificate problem" in out) == (5, True), out[-4000:]
    assert mtls_signing_service.service.received == ()


def assert_builds_and_signs(images: Images, container: Container, signing: SecuredService, folder: Path) -> None:
    """A postsubmit job of several stages succeeds, and what is signed is what was pushed."""
    job = mounted_job(images, container, signing, folder)
    code, out = container.run(*BUILD, environment=job.environment)
    assert code == 0, out[-4000:]
    report = json.loads((job.artifacts / "report.json").read_text())
    assert (report["pushed"], report["signed"]) == (True, True)
    assert {str(image.digest) for image in signing.service.received} == {report["digest"]}


def write_variants(job: Job, script: str) -> None:
    """Write an image that runs a script in busybox (``$b``), with two variants whose argument WHO is their name."""
    shutil.copy(require("busybox"), job.context / "busybox")
    step = json.dumps(["/busybox", "sh", "-c", f"b=/busybox; {script}"])
    (job.context / "Dockerfile").write_text(f"FROM scratch\nARG WHO\nCOPY busybox /busybox\nRUN {step}\n")
    (job.context / "variants.yaml").write_text("".join(f"{name}: {{WHO: {name}}}\n" for name in ("first", "second")))


def mounted_job(images: Images, container: Container, signing: SecuredService, folder: Path) -> Job:
    """A postsubmit job, with its folders as mounts of the container."""
    job = prepare_job(images, signing, folder, container.user, merged=True)
    folders = {"/workspace": job.context, "/secret": job.secret, "/config": job.config, "/logs": job.logs}
    container.mounts = {target: (source, target == "/logs") for target, source in folders.items()}
    return job


def measure_start_up(name: str, container: Container) -> None:
    """Print how long the image takes for ``--version``, and a container whose Python does nothing."""
    programs = {"--version": (*container.entrypoint, "--version"), "nothing": (*_python(container), "-S", "-c", "pass")}
    taken: dict[str, list[float]] = {what: [] for what in programs}
    for _ in range(5):
        for what, program in programs.items():
            started = time.monotonic()
            code, out = container.run(program=program)
            taken[what].append(time.monotonic() - started)
            assert code == 0, out
    ours, bare = (statistics.median(values) * 1000 for values in taken.values())
    tell(f"{name}: prints its version after {ours:.0f} ms; a container whose Python does nothing: {bare:.0f} ms")


def _python(container: Container) -> list[str]:
    """The words of the entry script's first line."""
    script = os.readlink(container.root / container.entrypoint[0].lstrip("/")).lstrip("/")
    return (container.root / script).read_text().split("\n", 1)[0].removeprefix("#!").split()
