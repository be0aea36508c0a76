"""Command lines of existing jobs: each is planned, or refused for a reason that its user can act on.

The table here is our own. With ``IMAGE_BUILDER_RECORDINGS``, the command lines of real jobs that lie beside the
recordings run, too.
"""

import json
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.command_lines import CommandLines
from tests.git_repository import GitRepository
from tests.programs import require

PROW = {"CI": "true", "PROW_JOB_ID": "1", "REPO_OWNER": "acme", "REPO_NAME": "demo", "PULL_BASE_REF": "main"}
SETTINGS: dict[str, Any] = {"registry": "reg.example/prod", "dev-registry": "reg.example/dev"}
ADO = {"ado-organization-url": "https://dev.azure.example/acme", "ado-project-name": "demo", "ado-pipeline-id": 12}
NOTARY = {
    "name": "n",
    "type": "notary",
    "config": {"endpoint": "https://sign.example", "secret": {"path": "/nowhere", "type": "token"}},
}
RETIRED = ("--azure-access-token", "--oidc-token", "--build-engine", "--run-as-gh-action")


def given(folder: Path, places: Iterable[tuple[str, str]], variables: Iterable[str] = ("VERSION",)) -> GitRepository:
    """A working copy with these contexts and Dockerfiles; each folder of a Dockerfile has env files."""
    for context, dockerfile in places:
        path = folder / context / dockerfile
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ARG VERSION\nFROM scratch AS test\nFROM scratch AS production\n")
        for name in ("envs", ".env"):
            path.with_name(name).write_text("".join(f"{name}=1.2.3\n" for name in variables))
    made = GitRepository.make(folder)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=all")
    return made


def configuration(folder: Path, settings: dict[str, Any]) -> str:
    (folder.parent / "config.yaml").write_text(json.dumps(settings))
    return str(folder.parent / "config.yaml")


def job(made: GitRepository, kind: str) -> dict[str, str]:
    """The environment of a job of this class at the commit that is checked out."""
    numbers = {"PULL_NUMBER": "7", "PULL_PULL_SHA": made.head} if kind == "presubmit" else {}
    programs = os.pathsep.join({str(Path(require(name)).parent) for name in ("git",)})
    return {**PROW, **numbers, "JOB_TYPE": kind, "PULL_BASE_SHA": made.head, "PATH": programs}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLines:
    return CommandLines(monkeypatch, capfd)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    return given(tmp_path_factory.mktemp("jobs") / "demo", [(".", "Dockerfile"), ("app", "docker/Dockerfile.debug")])


ACCEPTED = (
    "--name=app --context=. --dockerfile=Dockerfile",
    "--name=tools/app --context=app --dockerfile=docker/Dockerfile.debug --tag=latest",
    "-name=app -context . -dockerfile Dockerfile -tag latest -tag 1.2.3",
    "--name=app --target= --env-file= --variant= --repo= --tag-base64= --platform=",
    "--name=other --name=app",
    "--name=app --export-tags=false --build-arg=PURPOSE=release --build-arg VERSION=main",
    "--name=app --env-file=envs --tag='v{{ .Env \"VERSION\" }}-{{ .ShortSHA }}'",
    "--name=app --tag='{{.Env \"PULL_BASE_REF\" }}' --tag=main",
    "--name=app --target=production --platform=linux/amd64",
    "--name=app --build-in-ado=false --use-go-internal-sap-modules=false --use-restricted-registry=false",
    "--name=app --build-in-ado=true --use-restricted-registry=false --export-tags=false",
)


@pytest.mark.parametrize("kind", ["postsubmit", "presubmit"])
@pytest.mark.parametrize("line", ACCEPTED)
def test_a_line_is_planned_and_has_tags(lines: CommandLines, repository: GitRepository, line: str, kind: str) -> None:
    words = [f"--config={configuration(repository.folder, SETTINGS | {'ado-config': ADO})}", *shlex.split(line)]
    environment = job(repository, kind)
    planned = lines.run(repository.folder, environment, "plan", *words, *here(words))
    tags = lines.run(repository.folder, environment, "--parse-tags-only", *words)
    assert (planned.code, tags.code) == (0, 0), planned.err + tags.err
    assert json.loads(tags.out)


def test_a_tag_by_a_variable_of_the_env_file_is_the_same_everywhere(
    lines: CommandLines, repository: GitRepository
) -> None:
    words = [f"--config={configuration(repository.folder, SETTINGS)}", *shlex.split(ACCEPTED[6])]
    environment = job(repository, "postsubmit")
    tag = f"v1.2.3-{repository.head[:8]}"
    assert f'"{tag}"' in lines.run(repository.folder, environment, "tags", *words).out
    assert f"reg.example/prod/app:{tag}" in lines.run(repository.folder, environment, "plan", *words, *here(words)).out


def test_tags_miss_an_env_file_that_is_not_there(lines: CommandLines, repository: GitRepository) -> None:
    words = [f"--config={configuration(repository.folder, SETTINGS)}", "--env-file=nowhere"]
    ended = lines.run(repository.folder, job(repository, "postsubmit"), "tags", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "--env-file" in ended.err


def test_the_last_of_two_values_counts_with_a_warning(lines: CommandLines, repository: GitRepository) -> None:
    words = [f"--config={configuration(repository.folder, SETTINGS)}", "--name=other", "--name=app"]
    ended = lines.run(repository.folder, job(repository, "postsubmit"), "plan", *words, *here(words))
    assert "reg.example/prod/app:" in ended.out
    assert "warning: --name: it is given twice, and the last value, 'app', replaces 'other'" in ended.err


def here(words: list[str]) -> list[str]:
    """What chooses an engine that needs nothing on this machine to be planned."""
    return [] if "--build-in-ado=true" in words else ["--backend=kaniko"]


# --- real jobs --------------------------------------------------------------------------------------------------------


def recorded_jobs() -> list[dict[str, Any]]:
    root = os.environ.get("IMAGE_BUILDER_RECORDINGS")
    file = Path(root).parent / "corpus" / "jobs.jsonl" if root else None
    if file is None or not file.is_file():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return list({shape(row): row for row in rows if not has_nameless_argument(row)}.values())


def shape(row: dict[str, Any]) -> str:
    """What is the same in jobs that differ only in names of images, folders and plain tags."""
    same = re.compile(r"--(name|context|dockerfile|tag)=[^{]*$")
    words = [same.sub(r"--\1=", word) for word in row["arguments"]]
    return json.dumps([row["job"], row["expect"], row["environment"], words])


def has_nameless_argument(row: dict[str, Any]) -> bool:
    """Whether the replacement of tokens left a build argument without its name, which every tool refuses."""
    return any(re.match(r"--build-arg=[^=]*[.-][^=]*$|--build-arg=[0-9a-f]{40}$", word) for word in row["arguments"])


JOBS = recorded_jobs()


def looked_up(row: dict[str, Any]) -> list[str]:
    """The variables of the job that its tags use."""
    return re.findall(r'\.Env "(\w+)"', " ".join(row["arguments"]))


def value(words: list[str], flag: str, default: str) -> str:
    return next((word.partition("=")[2] for word in words if word.startswith(f"--{flag}=")), default)


@pytest.mark.skipif(not JOBS, reason="IMAGE_BUILDER_RECORDINGS does not name a folder beside the command lines of jobs")
def test_lines_of_real_jobs_end_as_they_should(lines: CommandLines, tmp_path_factory: pytest.TempPathFactory) -> None:
    places = {(value(row["arguments"], "context", "."), value(row["arguments"], "dockerfile", "")) for row in JOBS}
    variables = sorted({name for row in JOBS for name in looked_up(row)} - set(PROW))
    made = given(tmp_path_factory.mktemp("real") / "demo", sorted(places), variables)
    wrong = [f"{row}: {found}" for row in JOBS if (found := mistake(lines, made, row))]
    assert not wrong, f"{len(wrong)} of {len(JOBS)}: " + "\n".join(wrong[:10])


def mistake(lines: CommandLines, made: GitRepository, row: dict[str, Any]) -> str:
    """How a line ended otherwise than expected, or nothing.

    A job of GitHub runs as one of Prow of the same side: its command line is what counts here.
    """
    kind = "presubmit" if row["job"] in ("presubmit", "pull_request_target", "merge_group") else "postsubmit"
    environment = {**job(made, kind), **row["environment"]}
    if not any(word.startswith("--env-file=") for word in row["arguments"]):
        environment = dict.fromkeys(looked_up(row), "1.2.3") | environment
    reason = row["expect"].removeprefix("refuse: ").partition(" ")[0].rstrip(",")
    config = configuration(made.folder, settings_for(reason, row["arguments"]))
    words = [f"--config={config}" if word.startswith("--config=") else word for word in row["arguments"]]
    if reason == "retired":
        return retired_mistake(lines, made, environment, words)
    planned = lines.run(made.folder, environment, "plan", *words, *here_or_there(words, environment))
    if reason in REASONS:
        is_told = planned.code == 2 and any(text in planned.err for text in REASONS[reason])
        return "" if is_told else planned.err or "it was accepted"
    if planned.code != 0 or not any("{{" in word for word in words):
        return planned.err if planned.code else ""
    tags = lines.run(made.folder, environment, "tags", *words)
    return tags.err if tags.code else ""


ASKED = ("--use-restricted-registry=true", "--use-go-internal-sap-modules=true")
REASONS = {
    "ado-v1": ("parameters v1", "the pipeline renders the template"),
    "registry-overlap": ("pr-tags-in-registry",),
    "unknown-config-key": ("did you mean 'registry'?",),
    "signify-v1-multiplatform": ("cannot sign an image of several platforms",),
}


def settings_for(reason: str, words: list[str]) -> dict[str, Any]:
    """The configuration of a line's job."""
    signing = {"enabled-signers": {"*": ["n"]}, "signers": [NOTARY]}
    parameters = "v1" if reason == "ado-v1" else "v3" if any(word in ASKED for word in words) else "v2"
    every = SETTINGS | {"ado-config": ADO | {"parameters": parameters}}
    own: dict[str, dict[str, Any]] = {
        "registry-overlap": {"dev-registry": "reg.example/prod/dev"},
        "unknown-config-key": {"regsitry": "reg.example/prod"},
        "signify-v1-multiplatform": {"sign-config": signing},
    }
    return every | own.get(reason, {})


def here_or_there(words: list[str], environment: dict[str, str]) -> list[str]:
    return [] if "USE_BUILDKIT" in environment else here(words)


def retired_mistake(lines: CommandLines, made: GitRepository, environment: dict[str, str], words: list[str]) -> str:
    """Each retired flag is named, and without them the line is planned."""
    planned = lines.run(made.folder, environment, "plan", *words)
    named = {word.partition("=")[0] for word in words} & set(RETIRED)
    if planned.code != 2 or not named or any(f"{name}: this flag is retired" not in planned.err for name in named):
        return planned.err or "it was accepted"
    kept = [word for place, word in enumerate(words) if not is_retired(words, place)]
    ended = lines.run(made.folder, environment | {"USE_BUILDKIT": "true"}, "plan", *kept)
    return "" if ended.code == 0 else ended.err


def is_retired(words: list[str], place: int) -> bool:
    """Whether a word is a retired flag or its value, or asks for something that only the pipeline has."""
    is_asked = words[place] in ASKED and "--build-in-ado=true" not in words
    is_value = place > 0 and words[place - 1] == "--build-engine"
    return is_asked or is_value or words[place].partition("=")[0] in RETIRED
