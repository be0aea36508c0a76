"""Engines from other packages: found by entry points when they are named, and kept from harming the run."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import distribution
from pathlib import Path

import pytest
from image_builder_adapters.engine_types import GROUP, engine_configurations, engine_type
from image_builder_adapters.guarded_engine import GuardedEngine, GuardedSettings
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.build import BuildFailed, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.configuration.file import Configuration, configuration, schema
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.build_inputs import Inputs, Source
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.ports import ImageEngine
from image_builder_domain.problem import Problems
from returns.result import Failure, Result, Success

from tests.foreign_package import Package
from tests.unit.checkouts import claimed_checkout
from tests.unit.yaml_document import document

MODULE = """
    from image_builder_domain.configuration import decoder as read
    from image_builder_domain.engine_type import EngineType

    class Settings:
        def __init__(self, values):
            self.folder = values["folder"]

        def refusal(self, request):
            return "a press knows no target" if request.target else None

    CONFIG = read.fields({"folder": read.text}, ("folder",)).into(Settings)
    PRESS = EngineType(CONFIG, lambda settings, around: None)
"""
FILE = """
registry: reg.example/prod
dev-registry: reg.example/dev
cache: {enabled: true, cache-repo: reg.example/cache, cache-copy-layers: true}
"""
REQUEST = BuildRequest("app", None, "/src", "Dockerfile", ())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    places = Package(tmp_path, re.sub(r"\W", "_", request.node.name), GROUP)

    def install(module: str = MODULE, name: str = "press", value: str = "PRESS", package: str = "presses") -> None:
        places.install(module, name, value, package)

    return install


def load(engines: str = "{press: {folder: /out}}", engine: str | None = None) -> Result[Configuration, Problems]:
    found = document(f"{FILE}engines: {engines}\n" if engines else FILE)
    return configuration(found, "config.yaml", engine_types=engine_configurations, engine=engine)


def problems(engines: str, engine: str | None = None) -> str:
    return "\n".join(map(str, load(engines, engine).failure()))


def planned(job_type: JobType = JobType.POSTSUBMIT, **asked: str) -> Result[Plan, Problems]:
    pull = 7 if job_type is JobType.PRESUBMIT else None
    state = GitState(CiSystem.PROW, job_type, "1" * 40, "acme", "demo", pull)
    tags = TagInputs(
        replace(Asked("app", backend="press"), **asked),  # type: ignore[arg-type]  # texts alone
        load(engine="press"),
        Success(state),
        datetime(2026, 1, 2, tzinfo=UTC),
        {},
    )
    source = Success(Source("/src", "Dockerfile"))
    return decide(Inputs(tags, source, 1700000000, checkout=claimed_checkout(state)))


# --- found ------------------------------------------------------------------------------------------------------------


def test_ours_are_registered_as_anybody_elses() -> None:
    ours = [entry for entry in distribution("oci-image-builder").entry_points if entry.group == GROUP]
    assert {entry.name: entry.load() for entry in ours} == {name: engine_type(name) for name in ("kaniko", "buildkit")}


def test_a_package_adds_an_engine_with_settings_of_its_own(package: Callable[..., None]) -> None:
    package()
    settings = load().unwrap().engines["press"]
    assert isinstance(settings, GuardedSettings)
    assert vars(settings.settings) == {"folder": "/out"}
    assert list(engine_configurations()) == ["kaniko", "buildkit", "press"]


def test_its_settings_are_in_the_schema(package: Callable[..., None]) -> None:
    package()
    found = schema(engine_types=engine_configurations)["properties"]["engines"]["properties"]
    assert found["press"]["required"] == ["folder"]


def test_its_settings_are_as_strict_as_ours(package: Callable[..., None]) -> None:
    package()
    assert "unknown key 'engines.press.foldr'" in problems("{press: {foldr: 1}}")
    assert "engines.press.folder is missing" in problems("{press: {foldr: 1}}")


def test_settings_that_are_needed_are_missed_even_if_the_file_says_nothing(package: Callable[..., None]) -> None:
    package()
    assert problems("", "press") == "config.yaml: engines.press.folder is missing; add it"


def test_what_is_wrong_in_the_file_is_told_once(package: Callable[..., None]) -> None:
    package()
    assert len(load("{press: {folder: []}}", "press").failure()) == 1


@pytest.mark.parametrize(("name", "near"), [("pres", "press"), ("buildkid", "buildkit"), ("adoo", "ado")])
def test_an_engine_that_nobody_brings_is_refused_with_the_nearest(
    name: str, near: str, package: Callable[..., None]
) -> None:
    package()
    assert problems("", name) == f"--backend: there is no engine {name!r}; did you mean {near!r}?"


def test_settings_of_an_engine_that_nobody_brings_are_refused(package: Callable[..., None]) -> None:
    package()
    assert "unknown key 'engines.pres'; did you mean 'press'?" in problems("{pres: {}}")


@pytest.mark.parametrize("name", ["kaniko", "buildkit", "ado"])
def test_ours_cannot_be_replaced(name: str, package: Callable[..., None]) -> None:
    package(name=name)
    assert f"unknown key 'engines.{name}" in problems(f"{{{name}: {{folder: x}}}}")


@pytest.mark.parametrize(
    ("module", "value", "told"),
    [
        pytest.param("raise RuntimeError('hunter2')", "PRESS", "cannot be loaded: RuntimeError", id="raises"),
        pytest.param("PRESS = 7", "PRESS", "the engine 'press' of presses 1.2 is no EngineType", id="other-object"),
    ],
)
def test_a_package_that_cannot_be_used_is_told_where_it_is_named(
    module: str, value: str, told: str, package: Callable[..., None]
) -> None:
    package(module, value=value)
    for found in (problems("{press: {}}"), problems("", "press")):
        assert told in found
        assert "hunter2" not in found


def test_two_packages_with_the_same_engine_are_refused(package: Callable[..., None]) -> None:
    package()
    package(package="printers")
    assert "several packages bring an engine 'press': presses 1.2, printers 1.2; mend or" in problems("", "press")


def test_settings_that_cannot_refuse_are_no_settings(package: Callable[..., None]) -> None:
    package(MODULE.replace("def refusal", "def refuse"))
    assert "reading the configuration of the engine 'press' failed: AttributeError" in problems("{press: {folder: x}}")


# --- the plan stays ours ----------------------------------------------------------------------------------------------


def test_the_plan_decides_where_its_images_go_and_which_cache_it_may_write(package: Callable[..., None]) -> None:
    package()
    (build,) = planned(JobType.PRESUBMIT).unwrap().builds
    assert [str(place) for place in build.destinations] == ["reg.example/dev/app:PR-7"]
    assert [str(place) for place in build.cache.imports] == ["reg.example/cache/app:buildcache"]
    assert build.cache.exports == ()
    assert build.cache.copy_layers is True


def test_what_the_engine_cannot_honour_is_refused_in_the_plan(package: Callable[..., None]) -> None:
    package()
    assert planned().unwrap().backend.title == "press"
    (refused,) = planned(target="stage").failure()
    assert str(refused) == "--backend press: a press knows no target; leave that out, or choose another"


def test_a_question_that_it_cannot_answer_is_a_refusal(package: Callable[..., None]) -> None:
    package(MODULE.replace('"a press knows no target" if request.target else None', 'request.secret_hunter2 or ""'))
    (refused,) = planned().failure()
    assert "a bug in the package of the engine 'press': AttributeError" in str(refused)
    assert "hunter2" not in str(refused)


# --- kept from harming the run ----------------------------------------------------------------------------------------


class Broken:
    """Raises, whatever it is asked."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("hunter2")


def broken() -> ImageEngine:
    return Broken()  # type: ignore[return-value]  # that is the point


@pytest.mark.parametrize("make", [broken, lambda: Broken().engine])
def test_an_engine_that_raises_is_a_failure_of_the_kind_that_is_expected(make: Callable[[], ImageEngine]) -> None:
    engine = GuardedEngine("press", make)
    missing = engine.check().failure()
    failed = engine.build(REQUEST, lambda _: None, ManualCancellation()).failure()
    shown = engine.command(REQUEST)
    assert str(missing) == "the engine 'press' has a bug: RuntimeError; mend or remove the package that brings it"
    assert isinstance(failed, BuildFailed)
    assert failed.reason == "the engine 'press' has a bug: RuntimeError"
    assert shown == ("press", "(a bug: RuntimeError)")
    assert engine.at_once() == 1
    engine.close()


@pytest.mark.parametrize("answer", [Success(None), Failure("it failed"), Success("sha256:0")])
def test_an_answer_of_another_kind_is_not_believed(answer: Result[object, object]) -> None:
    class Odd:
        def build(self, *_: object) -> Result[object, object]:
            return answer

    failed = GuardedEngine("press", lambda: Odd()).build(REQUEST, lambda _: None, ManualCancellation())  # type: ignore[arg-type,return-value]  # that is the point
    assert isinstance(failed.failure(), BuildFailed)


def test_what_a_good_engine_says_is_passed_on() -> None:
    failure: Result[BuiltImage, PushFailed] = Failure(PushFailed("no room"))

    class Good:
        def build(self, *_: object) -> Result[BuiltImage, PushFailed]:
            return failure

    engine = GuardedEngine("press", lambda: Good())  # type: ignore[arg-type,return-value]  # asked to build alone
    assert engine.build(REQUEST, lambda _: None, ManualCancellation()) == failure
