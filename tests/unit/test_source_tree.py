"""Finding the Dockerfile in a build context, and nowhere else."""

from pathlib import Path

import pytest
from image_builder_adapters.source_tree import find_dockerfile, has_variants
from image_builder_domain.problem import Problem, problems_of
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
        ("sub", "'sub' is no file"),
        ("", "'' is no file"),
        ("loop", "'loop' cannot be used: Too many levels of symbolic links"),
    ],
)
def test_a_dockerfile_that_is_no_file_is_refused(context: Path, given: str, what: str) -> None:
    (context / "loop").symlink_to("loop")
    assert problem(context, given).what == what


def test_a_context_that_is_no_directory_is_refused(context: Path) -> None:
    (context / "file").write_text("")
    missing, file = problem(context / "none"), problem(context / "file")
    assert (missing.where, file.where) == ("--context", "--context")
    assert missing.what.endswith("cannot be used: No such file or directory")
    assert file.what.endswith("is no directory")


def test_variants_lie_beside_the_dockerfile(context: Path) -> None:
    (context / "sub" / "variants.yaml").write_text("")
    assert has_variants(str(context), "sub/Dockerfile")
    assert not has_variants(str(context), "Dockerfile")


def test_a_dangling_variants_link_is_not_overlooked(context: Path) -> None:
    (context / "variants.yaml").symlink_to("none")
    assert has_variants(str(context), "Dockerfile")
