"""What people see of one image's steps."""

from dataclasses import replace

import pytest
from image_builder.workflows.image import build_image
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.redaction import Redactor
from image_builder_domain.build import BuildFailed, BuildFailure, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.build_steps import BuildSteps, BuildWarning, ExcerptLine, FailurePlace, SourceLine, Step
from image_builder_domain.ports import Cancellation
from image_builder_stand_ins.registry_in_memory import MemoryRegistry
from returns.result import Failure, Result, Success

from tests.unit.engine import Engine, described
from tests.unit.listener import Heard
from tests.unit.reports import BUILD

STEPS = BuildSteps(
    (Step("RUN make", 2, 2, is_cached=False),),
    (BuildWarning("old format", "Dockerfile", 7),),
    FailurePlace("Dockerfile", 4, (ExcerptLine(4, "RUN make", is_marked=True),)),
    is_clipped=True,
)


class Ports:
    def __init__(self, engine: Engine, artifacts: FileArtifacts) -> None:
        self.engine, self.artifacts = engine, artifacts


@pytest.mark.parametrize(
    ("result", "steps"),
    [
        (Success(BuiltImage(described("f"), steps=STEPS)), []),
        (Failure(BuildFailed("no", ("last",), steps=STEPS)), ["last", "   4 | >>> RUN make"]),
        (Failure(PushFailed("no", steps=STEPS)), ["   4 | >>> RUN make"]),
    ],
    ids=["built", "failed", "not pushed"],
)
def test_steps_reach_people_and_the_outcome(
    result: Result[BuiltImage, BuildFailure], steps: list[str], tmp_path: pytest.TempPathFactory
) -> None:
    def build(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        return result

    heard = Heard()
    ports = Ports(Engine(MemoryRegistry(), {"f": build}), FileArtifacts(str(tmp_path), Redactor()))
    outcome = build_image(BUILD, ports, heard, ScopedCancellation(), [])
    assert outcome.steps == STEPS
    assert heard.steps == steps
    assert heard.warnings[0] == "Dockerfile:7: old format"
    assert heard.warnings[1].startswith("the log is not complete")
    failed_at = SourceLine(f"{BUILD.request.context}/{BUILD.request.dockerfile}", 4)
    assert heard.lines == [replace(failed_at, number=7), *([failed_at] if steps else [])]
    assert len(heard.errors) == bool(steps)
