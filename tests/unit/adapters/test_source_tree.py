"""Finding the Dockerfile in a build context, and nowhere else."""

from pathlib import Path

import pytest
from image_builder_adapters.source_tree import FolderSourceTree, find_dockerfile, read_source
from image_builder_domain.problem import Problem, problems_of
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.build_source import Source
from returns.result import Success


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "context"
    (folder / "sub").mkdir(parents=True)
    return folder


def problem(context: Path | str, dockerfile: str | None = None) -> Problem:
    (found,) = problems_of(find_dockerfile(str(context), dockerfile))
    assert found.remedy
    return found


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["Dockerfile"], "Dockerfile"), (["dockerfile"], "dockerfile"), (["Dockerfile", "dockerfile"], "Dockerfile")],
)
def test_the_default_prefers_the_capital(context: Path, names: list[str], expected: str) -> None:
    for name in names:
        (context / name).write_text("")
    assert find_dockerfile(str(context), None) == Success((str(context), expected))


def test_a_context_without_a_dockerfile_names_both(context: Path) -> None:
    found = problem(context)
    assert found.where == "--dockerfile"
    assert found.what == f"there is neither a Dockerfile nor a dockerfile in {str(context)!r}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sub/Containerfile", "sub/Containerfile"),
        ("./sub//Containerfile", "sub/Containerfile"),
        ("sub/../sub/Containerfile", "sub/Containerfile"),
        ("link/Containerfile", "sub/Containerfile"),
        ("Alias", "Alias"),
        ("../context/sub/Containerfile", "sub/Containerfile"),
    ],
)
def test_a_given_dockerfile_is_relative_to_the_context(context: Path, given: str, expected: str) -> None:
    (context / "sub" / "Containerfile").write_text("")
    (context / "link").symlink_to("sub")
    (context / "Alias").symlink_to("sub/Containerfile")
    assert find_dockerfile(str(context), given) == Success((str(context), expected))


def test_a_relative_context_becomes_absolute(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (context / "Dockerfile").write_text("")
    monkeypatch.chdir(context / "sub")
    assert find_dockerfile("..", None) == Success((str(context), "Dockerfile"))


def test_the_root_may_be_the_context(context: Path) -> None:
    (context / "Dockerfile").write_text("")
    relative = str(context / "Dockerfile").lstrip("/")
    assert find_dockerfile("/", relative) == Success(("/", relative))


@pytest.mark.parametrize(
    "given", ["../Dockerfile", "sub/../../Dockerfile", "escape", "out/Dockerfile", "../context-2/D"]
)
def test_a_dockerfile_outside_of_the_context_is_refused(context: Path, given: str) -> None:
    (context.parent / "Dockerfile").write_text("")
    (context.parent / "context-2").mkdir()
    (context.parent / "context-2" / "D").write_text("")
    (context / "escape").symlink_to("../Dockerfile")
    (context / "out").symlink_to("..")
    found = problem(context, given)
    assert found.where == "--dockerfile"
    assert "leads out of the context" in found.what


def test_a_default_that_links_out_of_the_context_is_refused(context: Path) -> None:
    (context / "Dockerfile").symlink_to("/etc/passwd")
    assert "leads out of the context" in problem(context).what


def test_an_absolute_dockerfile_is_refused(context: Path) -> None:
    (context / "Dockerfile").write_text("")
    assert "is absolute" in problem(context, str(context / "Dockerfile")).what


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("none", "'none' cannot be used: No such file or directory"),
        ("sub", "'sub' is not a regular file"),
        ("", "'' is not a regular file"),
        ("loop", "'loop' cannot be used: Too many levels of symbolic links"),
    ],
)
def test_a_dockerfile_that_is_not_a_regular_file_is_refused(context: Path, given: str, what: str) -> None:
    (context / "loop").symlink_to("loop")
    assert problem(context, given).what == what


def test_a_context_that_is_not_a_directory_is_refused(context: Path) -> None:
    (context / "file").write_text("")
    missing, file = problem(context / "none"), problem(context / "file")
    assert (missing.where, file.where) == ("--context", "--context")
    assert missing.what.endswith("cannot be used: No such file or directory")
    assert file.what.endswith("is not a directory")


def source(context: Path, dockerfile: str = "Dockerfile", env_file: str | None = None) -> Source:
    return read_source(str(context), dockerfile, env_file).unwrap()


def messages(context: Path, dockerfile: str = "Dockerfile", env_file: str | None = None) -> list[str]:
    problems = problems_of(read_source(str(context), dockerfile, env_file))
    return [str(found).replace(f"{context}/", "") for found in problems]


@pytest.fixture
def file(context: Path) -> Path:
    path = context / "sub" / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbfARG A\nFROM x\nARG B=\xff C\n")
    return path


@pytest.mark.usefixtures("file")
def test_a_source_knows_what_its_dockerfile_declares(context: Path) -> None:
    found = source(context, "sub/Dockerfile")
    assert (found.context, found.dockerfile) == (str(context), "sub/Dockerfile")
    assert (found.declared.before_from, found.declared.stages) == (("A",), (("B", "C"),))
    assert (found.variants, found.env_file) == ((), None)


def test_variants_lie_beside_the_dockerfile_and_nowhere_else(context: Path, file: Path) -> None:
    (context / "variants.yaml").write_text("far: {A: 1}")
    assert source(context, "sub/Dockerfile").variants == ()
    (file.parent / "variants.yaml").write_text("near: {A: 1.10}")
    (variant,) = source(context, "sub/Dockerfile").variants
    assert (variant.name, variant.arguments) == ("near", (BuildArgument("A", "1.10"),))
    assert variant.where == f"{file.parent}/variants.yaml:1:1"


@pytest.mark.parametrize(
    ("target", "what"),
    [
        pytest.param("none", "the file does not exist", id="dangling"),
        pytest.param("variants.yaml", "cannot be read", id="loop"),
        pytest.param("../../outside.yaml", "this link leads out of the context", id="outside"),
        pytest.param("/etc/hostname", "this link leads out of the context", id="absolute"),
        pytest.param(".", "the file is not a regular file", id="directory"),
    ],
)
def test_a_link_in_place_of_variants_is_never_overlooked(context: Path, file: Path, target: str, what: str) -> None:
    (context.parent / "outside.yaml").write_text("a: {A: 1}")
    (file.parent / "variants.yaml").symlink_to(target)
    (problem,) = messages(context, "sub/Dockerfile")
    assert problem.startswith("sub/variants.yaml: ")
    assert what in problem
    assert "--config" not in problem


def test_an_env_file_is_relative_to_the_dockerfile_and_keeps_its_bytes(context: Path, file: Path) -> None:
    (file.parent / "build.env").write_bytes(b"\xef\xbb\xbf# c\nA=1=2\r\n\nB=\xff \n")
    found = source(context, "sub/Dockerfile", "build.env")
    assert found.env_file == (BuildArgument("A", "1=2"), BuildArgument("B", "\udcff "))
    assert source(context, "sub/Dockerfile", "../sub/build.env").env_file == found.env_file


@pytest.mark.parametrize(
    ("given", "what"),
    [
        pytest.param("/etc/hostname", "--env-file: '/etc/hostname' is absolute", id="absolute"),
        pytest.param("../../outside.env", "--env-file: '../../outside.env' leads out of the context", id="outside"),
        pytest.param("link.env", "--env-file: 'link.env' leads out of the context", id="link"),
        pytest.param("none.env", "sub/none.env: the file does not exist", id="missing"),
        pytest.param(".", "the file is not a regular file", id="directory"),
    ],
)
def test_an_env_file_outside_of_the_context_is_refused(context: Path, file: Path, given: str, what: str) -> None:
    (context.parent / "outside.env").write_text("A=1")
    (file.parent / "link.env").symlink_to("../../outside.env")
    (problem,) = messages(context, "sub/Dockerfile", given)
    assert what in problem


def test_problems_of_variants_and_env_file_are_reported_together(context: Path, file: Path) -> None:
    (file.parent / "variants.yaml").write_text("a: {A: [1]}")
    (file.parent / "build.env").write_text("nonsense")
    assert len(messages(context, "sub/Dockerfile", "build.env")) == 2


def test_the_env_file_is_read_alone_for_tags(context: Path) -> None:
    (context / "sub" / "build.env").write_text("A=1\n")
    tree = FolderSourceTree(str(context))
    assert tree.env_file("sub/Dockerfile", "build.env") == Success((BuildArgument("A", "1"),))
    assert problems_of(tree.env_file(None, "nowhere"))
