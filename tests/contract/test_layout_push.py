"""A layout is pushed by digest: all of the image and nothing else, with retries and mounts, never through a link."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.publishing_registry import fetched
from image_builder_domain.failure import BadLayout, PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_stand_ins.registry import Registry, RegistryRules
from returns.methods import unwrap_or_failure

from tests.oci_layout import LAYER_TYPE, LayoutFolder, entry
from tests.oci_registry import BASIC, PASSWORD, USER, start_registry
from tests.raw_server import answer, raw_server, says
from tests.token_server import token_server

QUICK = RetryPolicy(attempts=3, pause_seconds=0.0)
LAYERS = (b"first layer", b"second layer" * 100)


@pytest.fixture
def layout(tmp_path: Path) -> LayoutFolder:
    return LayoutFolder(tmp_path / "layout")


@pytest.fixture
def running() -> Iterator[Registry]:
    with Registry.start() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Registry]:
    with Registry.start() as running:
        yield running


def push(
    layout: LayoutFolder,
    image: Descriptor,
    *repositories: Repository,
    sources: tuple[Repository, ...] = (),
    environment: dict[str, str] | None = None,
) -> object:
    with closing(HttpRegistry(environment or {}, Redactor(), policy=QUICK)) as registry:
        place = (str(layout.folder.parent), layout.folder.name)
        pushed = registry.push_layout(place, image.digest, repositories, ManualCancellation(), sources)
        return unwrap_or_failure(pushed)


def app(running: Registry, path: str = "team/app") -> Repository:
    return Repository(running.host_port, path)


def held(repository: Repository, image: Descriptor) -> Descriptor:
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        reference = ImageReference(repository, None, image.digest, str(repository))
        return fetched(registry, reference).descriptor


def sent(running: Registry, method: str, words: str = "") -> list[str]:
    return [request for request in running.requests if request.startswith(f"{method} ") and words in request]


# --- what is pushed ---------------------------------------------------------------------------------------------------


def test_an_image_is_pushed_by_digest_to_every_repository(
    layout: LayoutFolder, running: Registry, other: Registry
) -> None:
    image = layout.image(*LAYERS)
    places = (app(running), app(running, "team/copy"), app(other))
    assert push(layout, image, *places) == image
    assert [held(place, image) for place in places] == [image] * 3
    assert running.store.tags("team/app") == other.store.tags("team/app") == []


def test_an_index_is_pushed_after_its_images(layout: LayoutFolder, running: Registry) -> None:
    images = [layout.image(layer) for layer in LAYERS]
    index = layout.index(*images)
    assert push(layout, index, app(running)) == index
    assert [held(app(running), one) for one in (*images, index)] == [*images, index]


def test_what_the_digest_does_not_lead_to_stays(layout: LayoutFolder, running: Registry) -> None:
    image, cached = layout.image(*LAYERS), layout.image(b"a layer of the cache")
    push(layout, image, app(running))
    assert running.store.manifest("team/app", str(cached.digest)) is None
    assert len(sent(running, "PUT", "/blobs/")) == 3


def test_content_that_is_there_is_not_sent_again(layout: LayoutFolder, running: Registry) -> None:
    push(layout, layout.image(LAYERS[0]), app(running))
    before = len(sent(running, "PUT", "/blobs/"))
    push(layout, layout.image(*LAYERS), app(running))
    assert len(sent(running, "PUT", "/blobs/")) - before == 2  # the new layer and the new configuration


def test_a_real_registry_takes_it(layout: LayoutFolder, tmp_path: Path) -> None:
    index = layout.index(layout.image(*LAYERS), layout.image(os.urandom(5 << 20)))
    with start_registry(tmp_path / "one") as one, start_registry(tmp_path / "two") as two:
        places = (
            Repository(one.host_port, "a/app"),
            Repository(one.host_port, "b/app"),
            Repository(two.host_port, "c"),
        )
        assert push(layout, index, *places) == index
        assert [held(place, index) for place in places] == [index] * 3


# --- mounts -----------------------------------------------------------------------------------------------------------


def test_a_second_repository_of_the_registry_mounts_the_blobs(layout: LayoutFolder, running: Registry) -> None:
    push(layout, layout.image(*LAYERS), app(running), app(running, "team/copy"))
    assert sent(running, "PUT", "/team/copy/blobs/") == []
    assert len(sent(running, "POST", "from=team%2Fapp")) == 3


def test_blobs_are_mounted_from_a_source_that_has_them(layout: LayoutFolder, running: Registry) -> None:
    image = layout.image(*LAYERS)
    push(layout, image, app(running, "cache"))
    assert push(layout, image, app(running), sources=(app(running, "cache"),)) == image
    assert sent(running, "PUT", "/team/app/blobs/") == []


def test_a_registry_that_does_not_mount_gets_an_upload(layout: LayoutFolder, running: Registry) -> None:
    running.rules = RegistryRules(mounts=False)
    image = layout.image(*LAYERS)
    assert push(layout, image, app(running), app(running, "team/copy")) == image
    assert len(sent(running, "PUT", "/team/copy/blobs/")) == 3


@pytest.mark.parametrize("may_read", [True, False])
def test_a_token_for_the_source_is_asked_for_and_not_needed(
    layout: LayoutFolder, tmp_path: Path, may_read: bool
) -> None:
    image, config = layout.image(*LAYERS), tmp_path / "config.json"
    with token_server(tmp_path, USER, PASSWORD) as tokens:
        tokens.hidden.update(() if may_read else {"secret"})
        with start_registry(tmp_path / "registry", tokens.auth_section()) as running:
            config.write_text(json.dumps({"auths": {running.host_port: {"auth": BASIC}}}))
            place, source = Repository(running.host_port, "app"), Repository(running.host_port, "secret")
            assert push(layout, image, place, sources=(source,), environment={"DOCKER_CONFIG": str(tmp_path)}) == image
    assert any("repository%3Aapp%3Apull%2Cpush&scope=repository%3Asecret%3Apull" in one for one in tokens.requests)


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statuses", [(503,), (429, 500), (502, 504)])
def test_busy_answers_are_retried(layout: LayoutFolder, running: Registry, statuses: tuple[int, ...]) -> None:
    """One failure less than there are attempts: blobs are pushed side by side, and one may get all of them."""
    image = layout.image(*LAYERS)
    running.fail_next(*statuses)
    assert push(layout, image, app(running)) == image


def test_an_upload_without_a_place_is_a_failure(layout: LayoutFolder, running: Registry) -> None:
    running.fail_next(404, 202)
    assert "does not say where" in str(push(layout, layout.image(), app(running)))


def test_a_blob_whose_upload_fails_is_sent_again(layout: LayoutFolder, running: Registry) -> None:
    image = layout.image()
    with fails_once(running, "PUT", "/blobs/"):
        assert push(layout, image, app(running)) == image


@contextmanager
def fails_once(running: Registry, method: str, words: str) -> Iterator[None]:
    """Let the first such request fail with status 500."""
    good = running.refusal
    left = [500]

    def refusal(request: str, authorization: str | None) -> int | None:
        wanted = request.startswith(method) and words in request
        return left.pop() if wanted and left else good(request, authorization)

    running.refusal = refusal  # type: ignore[method-assign]
    yield
    assert not left


def test_each_repository_has_a_failure_of_its_own(layout: LayoutFolder, running: Registry, other: Registry) -> None:
    other.rules = RegistryRules(read_only=frozenset({"team/app"}))
    image = layout.image(*LAYERS)
    failures = push(layout, image, app(running), app(other))
    assert isinstance(failures, tuple)
    (refused,) = failures
    assert isinstance(refused, PushDenied)
    assert other.host_port in str(refused)
    assert held(app(running), image) == image


def test_a_registry_that_refuses_pushes_by_digest_is_told_so(layout: LayoutFolder, running: Registry) -> None:
    running.rules = RegistryRules(by_digest=False)
    failures = push(layout, layout.image(), app(running))
    assert isinstance(failures, tuple)
    assert "by digest" in str(failures[0])


def test_a_registry_that_is_not_there_is_unreachable(layout: LayoutFolder) -> None:
    with raw_server(says(answer("503 Busy"))) as server:
        failures = push(layout, layout.image(), Repository(server.host, "app"))
    assert isinstance(failures, tuple)
    assert isinstance(failures[0], RegistryUnreachable)


def test_a_stopped_push_sends_nothing(layout: LayoutFolder, running: Registry) -> None:
    cancellation = ManualCancellation()
    cancellation.cancel()
    image = layout.image()
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        registry.push_layout((str(layout.folder), ""), image.digest, (app(running),), cancellation)
    assert running.requests == ()


def test_another_host_gets_the_blob_and_no_credentials(layout: LayoutFolder, tmp_path: Path) -> None:
    image, secret = layout.image(), base64.b64encode(b"user:hunter22-hunter22").decode()
    with raw_server(says(answer("201 Created"))) as store:
        place = f"Location: http://localhost:{store.port}/upload?key=1"
        replies = [answer("401 No", 'WWW-Authenticate: Basic realm="x"'), answer("404 No"), answer("202 Go", place)]
        with raw_server(says(*replies, answer("201 Created"))) as server:
            (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": secret}}}))
            pushed = push(layout, image, Repository(server.host, "app"), environment={"DOCKER_CONFIG": str(tmp_path)})
    assert pushed == image
    (upload,) = store.requests
    assert b"PUT /upload?key=1&digest=sha256" in upload
    assert b"uthorization" not in upload
    assert all(b"uthorization" in request for request in server.requests[1:])


# --- layouts that cannot be pushed ------------------------------------------------------------------------------------


def link_a_blob(layout: LayoutFolder, layer: Descriptor) -> None:
    path = layout.path(layer)
    path.rename(layout.folder.parent / "elsewhere")
    path.symlink_to(layout.folder.parent / "elsewhere")


def link_the_folder(layout: LayoutFolder, _: Descriptor) -> None:
    layout.folder.rename(layout.folder.parent / "elsewhere")
    layout.folder.symlink_to(layout.folder.parent / "elsewhere")


def link_the_blobs(layout: LayoutFolder, _: Descriptor) -> None:
    layout.blobs.rename(layout.folder.parent / "elsewhere")
    layout.blobs.symlink_to(layout.folder.parent / "elsewhere")


def make_a_pipe(layout: LayoutFolder, layer: Descriptor) -> None:
    layout.path(layer).unlink()
    os.mkfifo(layout.path(layer))


def shorten(layout: LayoutFolder, layer: Descriptor) -> None:
    layout.path(layer).write_bytes(b"short")


def remove(layout: LayoutFolder, _: Descriptor) -> None:
    shutil.rmtree(layout.folder)


@pytest.mark.parametrize(
    "spoil", [link_a_blob, link_the_folder, link_the_blobs, make_a_pipe, shorten, remove], ids=lambda one: one.__name__
)
def test_a_layout_that_cannot_be_trusted_is_not_pushed(
    layout: LayoutFolder, running: Registry, spoil: Callable[[LayoutFolder, Descriptor], None]
) -> None:
    image = layout.image(*LAYERS)
    spoil(layout, layout.blob(LAYER_TYPE, LAYERS[1]))
    assert isinstance(push(layout, image, app(running)), BadLayout)
    assert running.requests == ()


def test_a_manifest_with_other_content_is_not_pushed(layout: LayoutFolder, running: Registry) -> None:
    image = layout.image(*LAYERS)
    layout.path(image).write_bytes(layout.path(layout.image()).read_bytes())
    assert isinstance(push(layout, image, app(running)), BadLayout)
    assert running.requests == ()


def test_a_blob_with_other_content_is_refused_by_the_registry(layout: LayoutFolder, running: Registry) -> None:
    image = layout.image(*LAYERS)
    layout.path(layout.blob(LAYER_TYPE, LAYERS[0])).write_bytes(b"FIRST LAYER")
    failures = push(layout, image, app(running))
    assert isinstance(failures, tuple)
    assert isinstance(failures[0], PushDenied)
    assert running.store.manifest("team/app", str(image.digest)) is None


def test_an_index_that_nests_too_deep_is_not_pushed(layout: LayoutFolder, running: Registry) -> None:
    index = layout.image()
    for _ in range(6):
        index = layout.index(index)
    assert isinstance(push(layout, index, app(running)), BadLayout)


def test_a_manifest_without_a_media_type_gets_that_of_its_content(layout: LayoutFolder, running: Registry) -> None:
    config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}")
    content = json.dumps({"schemaVersion": 2, "config": entry(config), "layers": []}).encode()
    image = layout.blob(OCI_MANIFEST, content)
    assert push(layout, image, app(running)) == image
    assert held(app(running), image) == image
