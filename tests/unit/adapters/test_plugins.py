"""The tables of engines and signers: ours, and types that other packages register as entry points."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from image_builder_adapters.plugin_guard import GuardedSettings
from image_builder_adapters.plugins import engines, signers
from image_builder_domain.configuration.keys import schema
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.backend import known_backend
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.problem import Problems, problems_of, refuse
from returns.result import Result, Success

from tests.foreign_package import Package
from tests.given import TIME, build_inputs, loaded

ENGINE = """
    from image_builder_domain.configuration import decoder as read
    from image_builder_domain.engine_type import EngineType

    class Settings:
        def __init__(self, values):
            self.folder = values["folder"]

        def refusal(self, request):
            return "a press knows no target" if request.target else None

    CONFIG = read.fields({"folder": read.text}, ("folder",)).into(Settings)
    MADE = EngineType(CONFIG, lambda settings, around: None)
"""
SIGNER = """
    from typing import NamedTuple
    from image_builder_domain.configuration import decoder as read
    from image_builder_domain.signer_type import SignerType

    class Settings(NamedTuple):
        folder: str
        signs_indexes: bool = True
        needs_tags: bool = False

    CONFIG = read.fields({"folder": read.text}, ("folder",)).into(lambda values: Settings(values["folder"]))
    MADE = SignerType(CONFIG, lambda name, settings, around: None)
"""
FILE = """
registry: reg.example/prod
dev-registry: reg.example/dev
cache: {enabled: true, cache-repo: reg.example/cache, cache-copy-layers: true}
"""
GROUPS = {"engine": "image_builder.engines", "signer": "image_builder.signers"}
TABLES: dict[str, Callable[[], Mapping[str, Any]]] = {"engine": engines, "signer": signers}
MODULES = {"engine": ENGINE, "signer": SIGNER}
OURS = {"engine": ["kaniko", "buildkit"], "signer": ["notary", "cosign"]}

each_kind = pytest.mark.parametrize("kind", GROUPS)


class Packages:
    """Packages with one module each, in a folder where Python finds them."""

    def __init__(self, folder: Path, unique: str) -> None:
        self._folder, self._unique = folder, unique

    def install(self, kind: str, module: str | None = None, name: str = "press", package: str = "presses") -> None:
        text = MODULES[kind] if module is None else module
        Package(self._folder, self._unique, GROUPS[kind]).install(text, name, "MADE", package)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Packages:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Packages(tmp_path, re.sub(r"\W", "_", request.node.name))


def written(kind: str, name: str = "press", config: str = "{folder: /out}") -> str:
    """A configuration with this engine or signer."""
    if kind == "engine":
        return f"{FILE}engines: {{{name}: {config}}}\n"
    return f"{FILE}sign-config: {{signers: [{{name: f, type: {name}, config: {config}}}]}}"


def problems(kind: str, name: str = "press", config: str = "{folder: /out}") -> str:
    return "\n".join(map(str, loaded(written(kind, name, config)).failure()))


# --- the tables -------------------------------------------------------------------------------------------------------


@each_kind
def test_our_types_are_registered_as_those_of_other_packages(kind: str) -> None:
    ours = [entry for entry in distribution("oci-image-builder").entry_points if entry.group == GROUPS[kind]]
    assert {entry.name: entry.load() for entry in ours} == {name: TABLES[kind]()[name] for name in OURS[kind]}


LOOK_UP = """
import sys
from image_builder_adapters.plugins import engines, signers
for table in (engines(), signers()):
    assert all(name in table for name in {ours})
heavy = ("importlib.metadata", "image_builder_adapters.plugin_guard", "image_builder_adapters.process", "httpx")
print([name for name in heavy if name in sys.modules])
"""


@each_kind
def test_looking_up_our_types_searches_no_packages_and_loads_no_adapter(kind: str) -> None:
    table = f"for table in ({kind}s(),)"
    program = LOOK_UP.replace("for table in (engines(), signers())", table).format(ours=OURS[kind])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@each_kind
def test_a_package_adds_a_type_with_settings_of_its_own(kind: str, packages: Packages) -> None:
    packages.install(kind)
    found = loaded(written(kind)).unwrap()
    settings: Any = found.engines["press"] if kind == "engine" else found.signers[0].settings
    own: Any = settings.settings if isinstance(settings, GuardedSettings) else settings
    assert own.folder == "/out"
    assert list(TABLES[kind]()) == [*OURS[kind], "press"]
    assert "'folder'" in str(schema(engines(), signers()))


@each_kind
def test_its_settings_are_as_strict_as_ours(kind: str, packages: Packages) -> None:
    packages.install(kind)
    found = problems(kind, config="{foldr: 1}")
    assert re.search(r"unknown key '\S+\.foldr'", found)
    assert "folder is missing" in found


@each_kind
def test_a_name_that_no_package_brings_is_refused_with_the_nearest(kind: str, packages: Packages) -> None:
    packages.install(kind)
    assert "did you mean 'press'?" in problems(kind, "pres")


@pytest.mark.parametrize(("name", "near"), [("pres", "press"), ("buildkid", "buildkit"), ("adoo", "ado")])
def test_an_unknown_backend_is_refused_with_the_nearest(name: str, near: str, packages: Packages) -> None:
    packages.install("engine")
    (problem,) = problems_of(known_backend(name, engines()))
    assert str(problem) == f"--backend: there is no engine {name!r}; did you mean {near!r}?"


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in OURS.items() for name in names] + [("engine", "ado")]
)
def test_no_package_replaces_one_of_ours(kind: str, name: str, packages: Packages) -> None:
    packages.install(kind, name=name)
    assert "unknown key" in problems(kind, name)


@each_kind
@pytest.mark.parametrize(
    ("module", "reason"),
    [
        pytest.param("raise RuntimeError('hunter2')", "cannot be loaded: RuntimeError", id="raises"),
        pytest.param("", "cannot be loaded: AttributeError", id="no-such-name"),
        pytest.param("import no_such_module_here", "cannot be loaded: ModuleNotFoundError", id="no-module"),
        pytest.param("MADE = 7", "is not of the type", id="other-object"),
    ],
)
def test_a_package_that_cannot_be_used_is_a_problem_where_it_is_named(
    kind: str, module: str, reason: str, packages: Packages
) -> None:
    packages.install(kind, module)
    found = problems(kind)
    assert f"of presses 1.2 {reason}" in found
    assert found.startswith("config.yaml:")
    assert "hunter2" not in found


@each_kind
def test_two_packages_with_the_same_name_are_refused(kind: str, packages: Packages) -> None:
    packages.install(kind)
    packages.install(kind, package="printers")
    assert "'press': presses 1.2, printers 1.2; fix or remove the package" in problems(kind)


@pytest.mark.parametrize(
    ("kind", "module", "error"),
    [
        pytest.param("engine", ENGINE.replace("def refusal", "def refuse"), "AttributeError", id="cannot-refuse"),
        pytest.param("engine", f"{dedent(ENGINE)}\nMADE = EngineType(read.text, None)", "AttributeError", id="a-text"),
        pytest.param("signer", f"{dedent(SIGNER)}\nMADE = SignerType(read.text, None)", "AttributeError", id="text"),
        pytest.param(
            "signer",
            f"{dedent(SIGNER)}\nMADE = SignerType(read.text.into(lambda _: 1 / 0), None)",
            "ZeroDivisionError",
            id="raises",
        ),
    ],
)
def test_settings_of_another_kind_are_a_problem(kind: str, module: str, error: str, packages: Packages) -> None:
    packages.install(kind, module)
    config = "x" if "read.text" in module.rpartition("MADE")[2] else "{folder: x}"
    assert re.search(f"reading the configuration of .*'press'.* failed: {error}", problems(kind, config=config))


# --- the plan decides -------------------------------------------------------------------------------------------------


def planned(
    text: str = FILE + "engines: {press: {folder: /out}}", job: JobType = JobType.POSTSUBMIT, target: str | None = None
) -> Result[Plan, Problems]:
    state = GitState(CiSystem.PROW, job, "1" * 40, "acme", "demo", 7 if job is JobType.PRESUBMIT else None)
    asked = Asked("app", backend="press", target=target)
    return decide(build_inputs(TagInputs(asked, loaded(text), Success(state), TIME, {})))


def test_the_plan_decides_where_images_go_and_which_cache_an_engine_may_write(packages: Packages) -> None:
    packages.install("engine")
    plan = planned(job=JobType.PRESUBMIT).unwrap()
    (build,) = plan.builds
    assert (plan.backend, plan.title) == ("press", "press")
    assert [str(place) for place in build.destinations] == ["reg.example/dev/app:PR-7"]
    assert [str(place) for place in build.request.cache.imports] == ["reg.example/cache/app:buildcache"]
    assert (build.request.cache.exports, build.request.cache.copy_layers) == ((), True)


def test_settings_that_an_engine_requires_are_missing_without_its_key(packages: Packages) -> None:
    packages.install("engine")
    (problem,) = planned(FILE).failure()
    assert str(problem) == "config.yaml: engines.press.folder is missing; add it"


def test_missing_settings_are_reported_together_with_a_refused_job(packages: Packages) -> None:
    packages.install("engine")
    inputs = TagInputs(Asked("app", backend="press"), loaded(FILE), refuse("JOB_TYPE", "unknown"), TIME, {})
    found = [str(problem) for problem in decide(build_inputs(inputs)).failure()]
    assert found == ["JOB_TYPE: unknown", "config.yaml: engines.press.folder is missing; add it"]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ("'a press knows no target'", "a press knows no target"),
        ("request.secret_hunter2 or ''", "the engine 'press' has a bug: AttributeError; fix or remove the package"),
    ],
)
def test_what_an_engine_cannot_carry_out_is_refused_in_the_plan(answer: str, refusal: str, packages: Packages) -> None:
    packages.install("engine", ENGINE.replace('"a press knows no target" if request.target else None', answer))
    (problem,) = planned(target="stage").failure()
    assert str(problem).startswith(f"--backend press: {refusal}")
    assert "hunter2" not in str(problem)


DECIDES = "\nMADE = EngineType(CONFIG, None, paths={paths}, decide={decide})"


def test_a_decision_that_raises_is_a_problem(packages: Packages) -> None:
    made = DECIDES.format(paths="lambda *_: 1 / 0", decide="lambda *_: 1 / 0")
    packages.install("engine", dedent(ENGINE) + made)
    (problem,) = planned().failure()
    assert str(problem).startswith("--backend press: the engine has a bug: ZeroDivisionError")


def test_paths_and_warnings_that_are_not_text_do_not_break_the_run(packages: Packages) -> None:
    answer = "lambda own, around: Success(EngineDecision(own, (7,)))"
    imports = "\nfrom returns.result import Success\nfrom image_builder_domain.engine_type import EngineDecision"
    packages.install(
        "engine", dedent(ENGINE) + imports + DECIDES.format(paths="lambda *_: [7, '/run/x']", decide=answer)
    )
    paths = engines()["press"].paths
    assert paths is not None
    assert list(paths(None, {})) == ["/run/x"]
    assert planned().unwrap().warnings == ("7",)


def test_an_engine_decides_its_settings_for_the_job(packages: Packages) -> None:
    decide = "lambda own, around: Success(EngineDecision(own, (around.side.value,), True, 'here'))"
    imports = "\nfrom returns.result import Success\nfrom image_builder_domain.engine_type import EngineDecision"
    packages.install("engine", dedent(ENGINE) + imports + DECIDES.format(paths="None", decide=decide))
    plan = planned().unwrap()
    assert (plan.engine.summary, plan.warnings, plan.builds[0].request.cache.imports) == ("here", ("production",), ())
    (refused,) = planned(target="stage").failure()
    assert "a press knows no target" in str(refused)
