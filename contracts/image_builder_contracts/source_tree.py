"""What every reader of a build context keeps (sections 1, 4 and 6): the Dockerfile, and what lies beside it.

Subclass :class:`SourceTreeContract` and override ``read``. A context may come from a stranger: a link in it that leads
outside of it is refused.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.build_source import Source
from returns.result import Failure, Result

from image_builder_contracts.clause import contract_of

ReadSource: TypeAlias = Callable[[str, str | None, str | None], Result[Source, Problems]]
"""Reads ``--context``, ``--dockerfile`` and ``--env-file``."""

_FROM = "FROM scratch\nARG VERSION\n"


@contract_of("SourceTree")
class SourceTreeContract:
    """Clauses of the source tree."""

    @pytest.fixture
    def read(self) -> ReadSource:
        """The reader under test."""
        pytest.fail("override the 'read' fixture so that it returns your reader")

    @pytest.fixture
    def context(self, tmp_path: Path) -> Path:
        """A context with a Dockerfile; ``outside`` lies beside it, with files of a stranger."""
        folder, outside = tmp_path / "context", tmp_path / "outside"
        for made in (folder, outside):
            made.mkdir()
        (folder / "Dockerfile").write_text(_FROM)
        theirs = {"Dockerfile": _FROM, "variants.yaml": "'a': {VERSION: 1}\n", "x.env": "VERSION=1\n"}
        for name, content in theirs.items():
            (outside / name).write_text(content)
        return folder

    def test_the_dockerfile_is_found_without_being_named(self, read: ReadSource, context: Path) -> None:
        """The context comes back absolute, the path below it (section 1)."""
        found = read(str(context), None, None).unwrap()
        assert (found.context, found.dockerfile) == (str(context.resolve()), "Dockerfile")

    def test_the_lower_case_name_counts_only_without_the_other(self, read: ReadSource, context: Path) -> None:
        """``Dockerfile``, else ``dockerfile`` when only that exists (section 1)."""
        (context / "dockerfile").write_text("FROM scratch\nARG OTHER\n")
        assert read(str(context), None, None).unwrap().dockerfile == "Dockerfile"
        (context / "Dockerfile").unlink()
        assert read(str(context), None, None).unwrap().dockerfile == "dockerfile"

    def test_a_dockerfile_is_named_relative_to_the_context(self, read: ReadSource, context: Path) -> None:
        """Wherever the command was started (section 1)."""
        (context / "docker").mkdir()
        (context / "docker" / "app").write_text(_FROM)
        assert read(str(context), "docker/../docker/app", None).unwrap().dockerfile == "docker/app"

    @pytest.mark.parametrize("path", ["../outside/Dockerfile", "link", "folder/Dockerfile"])
    def test_a_dockerfile_outside_of_the_context_is_refused(
        self, read: ReadSource, context: Path, path: str, tmp_path: Path
    ) -> None:
        """By dots or by links."""
        (context / "link").symlink_to(tmp_path / "outside" / "Dockerfile")
        (context / "folder").symlink_to(tmp_path / "outside")
        assert "--dockerfile" in _refused(read(str(context), path, None))

    def test_an_absolute_dockerfile_is_refused(self, read: ReadSource, context: Path) -> None:
        """Even if it lies in the context: it is relative to it (section 1)."""
        assert "--dockerfile" in _refused(read(str(context), str(context / "Dockerfile"), None))

    def test_what_is_not_there_is_refused_with_a_remedy(self, read: ReadSource, context: Path) -> None:
        """Context, Dockerfile and env file; values, never exceptions (section 10)."""
        assert "--context" in _refused(read(str(context / "nowhere"), None, None))
        assert "--dockerfile" in _refused(read(str(context), "nowhere", None))
        assert "--env-file" in _refused(read(str(context), None, "nowhere"))
        assert "--context" in _refused(read(str(context / "Dockerfile"), None, None))

    def test_declared_arguments_are_known(self, read: ReadSource, context: Path) -> None:
        """What ``ARG`` declares decides which keys of variants there may be (section 6)."""
        (context / "Dockerfile").write_text("FROM scratch\nARG ONE=1\n  arg TWO\n")
        (context / "variants.yaml").write_text("'a': {ONE: 1, TWO: 2}\n")
        assert read(str(context), None, None).unwrap().variants[0].name == "a"
        (context / "variants.yaml").write_text("'a': {THREE: 3}\n")
        assert "THREE" in _refused(read(str(context), None, None))

    def test_values_of_variants_are_taken_as_written(self, read: ReadSource, context: Path) -> None:
        """``1.10`` stays ``1.10``, in the order of the file (section 6)."""
        (context / "variants.yaml").write_text("'b': {VERSION: 1.10}\n'a': {VERSION: yes}\n")
        found = read(str(context), None, None).unwrap().variants
        assert [(one.name, one.arguments) for one in found] == [
            ("b", (BuildArgument("VERSION", "1.10"),)),
            ("a", (BuildArgument("VERSION", "yes"),)),
        ]

    def test_variants_lie_beside_the_dockerfile(self, read: ReadSource, context: Path) -> None:
        """Not in the context's own folder, when the Dockerfile is elsewhere (section 6)."""
        (context / "docker").mkdir()
        (context / "docker" / "Dockerfile").write_text(_FROM)
        (context / "variants.yaml").write_text("'wrong': {VERSION: 1}\n")
        (context / "docker" / "variants.yaml").write_text("'right': {VERSION: 1}\n")
        assert [one.name for one in read(str(context), "docker/Dockerfile", None).unwrap().variants] == ["right"]

    def test_variants_outside_of_the_context_are_refused(self, read: ReadSource, context: Path, tmp_path: Path) -> None:
        """Nothing is taken from there in silence, and nothing is left out in silence."""
        (context / "variants.yaml").symlink_to(tmp_path / "outside" / "variants.yaml")
        assert "variants.yaml" in _refused(read(str(context), None, None))

    def test_the_env_file_lies_beside_the_dockerfile_byte_for_byte(self, read: ReadSource, context: Path) -> None:
        """Relative to the Dockerfile's directory (section 1); bytes that are not UTF-8 are kept."""
        (context / "docker").mkdir()
        (context / "docker" / "Dockerfile").write_text(_FROM)
        (context / "docker" / "x.env").write_bytes(b"VERSION=a=b \xff\n")
        found = read(str(context), "docker/Dockerfile", "x.env").unwrap().env_file
        assert found is not None
        assert [(one.name, one.value.encode("utf-8", "surrogateescape")) for one in found] == [("VERSION", b"a=b \xff")]

    @pytest.mark.parametrize("path", ["../outside/x.env", "link.env"])
    def test_an_env_file_outside_of_the_context_is_refused(
        self, read: ReadSource, context: Path, path: str, tmp_path: Path
    ) -> None:
        """By dots or by links."""
        (context / "link.env").symlink_to(tmp_path / "outside" / "x.env")
        assert "--env-file" in _refused(read(str(context), None, path))


def _refused(found: Result[Source, Problems]) -> str:
    """All problems in words; each says where and what to do."""
    assert isinstance(found, Failure)
    problems = found.failure()
    assert problems
    assert all(isinstance(one, Problem) and one.where and one.what and one.remedy for one in problems)
    return "\n".join(map(str, problems))
