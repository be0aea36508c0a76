"""What the documentation quotes is what the program says, and every link in it leads somewhere."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from image_builder.flags import help_text, scan
from image_builder_adapters.plugins import engines, signers
from image_builder_adapters.yaml_reader import read_document
from image_builder_domain.configuration.keys import configuration, schema
from image_builder_domain.job import azure_pipelines, github, gitlab
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import JobType
from image_builder_domain.job.known_system import KNOWN_SYSTEMS
from returns.pipeline import is_successful

from tests.documented_job import DocumentedJob, documented_jobs
from tests.jobs import BASE, HEAD
from tests.programs import install_script, require

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_page_about_the_command_line_quotes_the_help_word_for_word() -> None:
    assert blocks("docs/command-line.md", "text") == [help_text()]


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md", "docs/signing.md"])
def test_the_first_yaml_example_is_a_valid_configuration_file(page: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(blocks(page, "yaml")[0])
    found = read_document(str(file)).bind(
        lambda document: configuration(document, str(file), engines=engines(), signers=signers())
    )
    assert is_successful(found), "\n".join(map(str, found.failure()))


def test_the_readmes_prow_job_is_yaml_that_runs_the_command() -> None:
    job = yaml.safe_load(blocks("README.md", "yaml")[2])
    container = job["postsubmits"]["acme/hello"][0]["spec"]["containers"][0]
    assert container["command"] == ["image-builder"]


@pytest.mark.parametrize("language", ["python", "toml"])
@pytest.mark.parametrize(
    ("page", "example"), [("write-a-signer.md", "journal-signer"), ("write-an-engine.md", "tar-engine")]
)
def test_the_pages_about_packages_quote_the_examples_that_tests_install_and_run(
    language: str, page: str, example: str
) -> None:
    folder = ROOT / "examples" / example
    files = [file.read_text() for file in folder.rglob(f"*.{'py' if language == 'python' else 'toml'}")]
    quoted = blocks(f"docs/{page}", language)
    assert quoted
    for block in quoted:
        assert any(block in file for file in files), block


@pytest.mark.parametrize(
    ("page", "jobs"), [("README.md", 4), ("docs/ci-systems.md", 4), ("docs/other-ci-systems.md", 4)]
)
def test_the_examples_of_ci_jobs_are_yaml_and_their_command_lines_have_no_problem(page: str, jobs: int) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)
    found = re.findall(r"image-builder (--config /config/.+?)['\"]?(?: \})?$", (ROOT / page).read_text(), re.MULTILINE)
    assert len(found) == jobs
    for line in found:
        scanned = scan(line.split())
        assert scanned.problems == []


def test_the_page_on_ci_systems_has_every_event_and_every_mark_that_the_code_knows() -> None:
    page = (ROOT / "docs/ci-systems.md").read_text()
    others = (ROOT / "docs/other-ci-systems.md").read_text()
    for word in (*github.READERS, *gitlab.SOURCES, *azure_pipelines.REASONS):
        assert f"`{word}`" in page, word
    for system in (found for found in KNOWN_SYSTEMS if found.own is None):
        (row,) = re.findall(rf"^\| {re.escape(system.name)} \| (.*) \|$", others, re.MULTILINE)
        shown = [mark.replace("…", ".*") for mark in re.findall("`(.+?)`", row)]
        assert shown == list(system.marks), system.name


JOBS = [pytest.param(job, id=job.system) for job in documented_jobs()]


@pytest.mark.parametrize("is_pull", [False, True], ids=["push", "pull-request"])
@pytest.mark.parametrize("job", JOBS)
def test_the_job_of_each_ci_system_tells_what_is_built(job: DocumentedJob, is_pull: bool, tmp_path: Path) -> None:
    """The script of the page runs with the variables of the system; git names the base of a pull request."""
    for name, command in {"git": f"echo {BASE}", "image-builder": 'env -0 > "$FOUND"'}.items():
        install_script(tmp_path, name, command)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **(job.pull if is_pull else job.push)}
    script = tmp_path / "script"
    script.write_text(job.script)
    shell = [require(job.shell[0]), *job.shell[1:], str(script)]
    subprocess.run(shell, env=environment | {"FOUND": str(tmp_path / "found")}, check=True)
    variables = dict(line.split("=", 1) for line in (tmp_path / "found").read_text().split("\0") if line)
    state = read_git_state(variables, BASE, None).unwrap()
    expected = JobType.PRESUBMIT if is_pull else JobType.POSTSUBMIT
    assert (state.job_type, state.repository, state.base_ref) == (expected, "acme/hello", "main")
    assert (state.commit, state.base_sha) == (HEAD if is_pull else BASE, BASE)


def test_every_key_of_the_configuration_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    for key, section in schema(engines(), signers())["properties"].items():
        assert f"| `{key}" in page
        for inner in section.get("properties", {}):
            assert f"| `{key}.{inner}`" in page or f"| `{inner}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


def test_every_file_that_the_page_on_architecture_names_exists() -> None:
    files = subprocess.run([require("git"), "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = re.findall(r"`([\w/]+(?:\.py|/))`", (ROOT / "docs/architecture.md").read_text())
    assert len(named) > 40
    missing = [name for name in named if f"/{name}" not in f"/{files}".replace("\n", "\n/")]
    assert missing == []
