"""The tar engine keeps what every engine keeps, and says what it cannot do."""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.image_engine import Broken, EngineFactory, ImageEngineContract, attempt, built
from image_builder_domain.build import BuildRequest
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Repository
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_stand_ins.registry import Registry

from tar_engine.engine import TarEngine
from tar_engine.settings import TarSettings

LINUX = Platform("linux", "amd64")


class TestTarEngine(ImageEngineContract):
    @pytest.fixture
    def make_engine(self, tmp_path: Path) -> Iterator[EngineFactory]:
        made = list[TarEngine]()

        def make(name: str) -> TarEngine:
            made.append(TarEngine(TarSettings(str(tmp_path / "layouts" / name), LINUX), {}, Redactor()))
            return made[-1]

        yield make
        for engine in made:
            engine.close()

    @pytest.fixture
    def registry(self) -> Iterator[str]:
        with Registry.start() as registry:
            yield registry.host_port

    @pytest.fixture
    def image(self, tmp_path: Path, places: tuple[Repository, ...]) -> BuildRequest:
        context = tmp_path / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
        with tarfile.open(context / "rootfs.tar", "w") as archive:
            archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
        return BuildRequest("team/app", None, str(context), "Dockerfile", places)

    @pytest.fixture
    def broken(self, image: BuildRequest) -> Broken:
        Path(image.context, "Dockerfile").write_text("FROM scratch\nRUN true\n")
        return Broken(image, "RUN")

    def test_the_layout_holds_what_was_pushed(
        self, make_engine: EngineFactory, image: BuildRequest, tmp_path: Path
    ) -> None:
        descriptor = built(make_engine("one"), image).descriptor
        layout = tmp_path / "layouts" / "one" / "team-app"
        index = json.loads((layout / "index.json").read_text())
        assert {entry["digest"] for entry in index["manifests"]} == {str(descriptor.digest)}
        held = (layout / "blobs" / "sha256" / str(descriptor.digest).removeprefix("sha256:")).read_bytes()
        assert len(held) == descriptor.size

    def test_a_tar_file_outside_of_the_context_is_refused(
        self, image: BuildRequest, make_engine: EngineFactory
    ) -> None:
        Path(image.context, "rootfs.tar").unlink()
        Path(image.context, "rootfs.tar").symlink_to("/etc/hostname")
        failure = attempt(make_engine("one"), image).outcome
        assert "is not a file in the context" in str(failure)


@pytest.mark.parametrize(
    "asked",
    [
        {"arguments": (BuildArgument("A", "1"),)},
        {"target": "stage"},
        {"source_date_epoch": 0},
        {"platforms": (Platform("linux", "arm64"),)},
    ],
)
def test_what_it_cannot_honour_is_refused(asked: dict[str, object]) -> None:
    request = BuildRequest("app", None, "/src", "Dockerfile", ())
    assert TarSettings("/out", LINUX).refusal(request) is None
    assert TarSettings("/out", LINUX).refusal(replace(request, **asked))  # type: ignore[arg-type]  # a table of fields
