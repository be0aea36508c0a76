"""Commits, history and configuration files of real working copies, some of them hostile."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.git.working_copy import GitWorkingCopy
from image_builder_domain.publish.descent import Descent
from image_builder_domain.trust.history import OnBranch

from tests.git_repository import GitRepository
from tests.unit.adapters.git.checkouts import NO_GIT, OTHER

TIME = 1_700_000_000


def working_copy(repository: GitRepository, environment: dict[str, str] | None = None) -> GitWorkingCopy:
    return GitWorkingCopy(str(repository.folder), environment or repository.environment)


# --- commits and their times --------------------------------------------------------------------------------------


@pytest.fixture
def dated(tmp_path: Path) -> GitRepository:
    """One commit, whose committer's date is known and another than the author's."""
    made = GitRepository.make(tmp_path / "dated")
    text = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    text += f"author kim <kim@example.org> 1600000000 +0000\ncommitter kim <kim@example.org> {TIME} +0200\n\none\n"
    made.git("hash-object", "-t", "tree", "-w", os.devnull)
    made.git("update-ref", "HEAD", made.git("hash-object", "-t", "commit", "-w", "--stdin", content=text.encode()))
    return made


def test_a_revision_names_its_commit_from_every_folder_of_the_working_copy(main: GitRepository) -> None:
    below = main.folder / "below"
    below.mkdir()
    for folder in (main.folder, below):
        copy = GitWorkingCopy(str(folder), main.environment)
        assert copy.commit() == main.head
        assert copy.commit(f"{main.head}^1") == main.git("rev-parse", "HEAD^")
        assert copy.commit(f"{main.head}~2") is None


def test_the_time_of_a_commit_is_its_committers_even_where_another_object_replaces_it(dated: GitRepository) -> None:
    dated.git("replace", dated.head, dated.git("commit-tree", "-m", "other", "HEAD^{tree}"))
    assert working_copy(dated).commit_time(dated.head) == TIME


@pytest.mark.parametrize("commit", ["HEAD", "--help", "", "1" * 40, "--output=stolen"])
def test_a_name_of_no_commit_has_no_time(dated: GitRepository, commit: str) -> None:
    assert working_copy(dated).commit_time(commit) is None
    assert [entry.name for entry in dated.folder.iterdir()] == [".git"]


def test_without_repository_commit_or_program_there_is_no_commit(main: GitRepository, tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken", GitRepository.make(tmp_path / "empty")
    broken.mkdir()
    (broken / ".git").write_text("no repository")
    for place in (str(broken), str(tmp_path / "none"), "a\0b", str(empty.folder)):
        assert GitWorkingCopy(place, main.environment).commit() is None
    assert working_copy(main, NO_GIT).commit() is None


@pytest.mark.timeout(20)
def test_a_program_that_prints_endlessly_is_stopped_and_answers_nothing(main: GitRepository, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nwhile :; do echo {main.head}{'x' * 1000}; done\n")
    program.chmod(0o755)
    assert working_copy(main, {"PATH": str(program.parent)}).commit() is None


def test_variables_of_another_repository_do_not_count(main: GitRepository, tmp_path: Path) -> None:
    assert working_copy(main, main.environment | {"GIT_DIR": str(tmp_path)}).commit() == main.head


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: nobody else can give a folder away")
def test_a_working_copy_of_another_user_is_read(main: GitRepository) -> None:
    head = main.head
    for path in (main.folder, main.folder / ".git"):
        os.chown(path, 12345, 12345)
    assert working_copy(main).commit() == head


def test_configuration_of_the_repository_starts_no_program(dated: GitRepository, tmp_path: Path) -> None:
    trap, mark = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\n")
    trap.chmod(0o755)
    signed = _signed_commit(dated)
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": "ssh://host.invalid/x",
        "remote.origin.promisor": "true",
        "core.sshCommand": str(trap),
        "core.fsmonitor": str(trap),
        "core.pager": str(trap),
        "pager.show": "true",
        "log.showSignature": "true",
        "gpg.program": str(trap),
        "protocol.allow": "always",
    }
    for name, value in settings.items():
        dated.git("config", name, value)
    # A plain git falls into the traps.
    subprocess.run(["git", "-C", str(dated.folder), "show", "-s", signed], env=dated.environment, capture_output=True)
    assert mark.exists()
    mark.unlink()
    copy = working_copy(dated)
    assert copy.commit() is not None
    assert copy.commit_time(signed) == TIME
    assert copy.commit_time("1" * 40) is None  # a missing object, which git would fetch from the promisor
    assert not mark.exists()


def _signed_commit(repository: GitRepository) -> str:
    """A commit with a broken signature, so that git would start the program that checks it."""
    header, _, message = repository.git("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----"
    content = f"{header}\n{signature}\n\n{message}\n".encode()
    return repository.git("hash-object", "-t", "commit", "-w", "--stdin", content=content)


# --- history ------------------------------------------------------------------------------------------------------


def on_branch(copy: GitWorkingCopy, commit: str, branch: str = "main") -> OnBranch:
    (answer,) = copy.history(commit, (branch,), None).items()
    assert answer[0] == branch
    return answer[1]


def test_a_commit_lies_on_a_branch_that_holds_it(main: GitRepository, tmp_path: Path) -> None:
    old, new = main.git("rev-parse", "HEAD^"), main.head
    proposed = main.proposal("fix/typo", fix="1")
    clone = main.clone(tmp_path / "clone")
    with_git, without = working_copy(clone), working_copy(clone, NO_GIT)
    for pack in (False, True):
        if pack:
            clone.git("pack-refs", "--all")
        assert with_git.history(old, ("main", "fix/typo", "none"), None) == {
            "main": OnBranch.YES,
            "fix/typo": OnBranch.YES,
            "none": OnBranch.NOT_FETCHED,
        }
        assert on_branch(with_git, proposed) is OnBranch.NO
        assert on_branch(with_git, OTHER) is OnBranch.NO
        assert on_branch(without, new) is OnBranch.YES  # the tip of the branch
        assert on_branch(without, old) is OnBranch.UNREADABLE


def test_a_local_branch_proves_nothing(main: GitRepository) -> None:
    assert on_branch(working_copy(main), main.head) is OnBranch.NOT_FETCHED


def test_a_branch_that_only_a_fork_has_proves_nothing(main: GitRepository, tmp_path: Path) -> None:
    clone, fork = main.clone(tmp_path / "clone"), main.clone(tmp_path / "fork")
    foreign = fork.commit(app="foreign")
    clone.git("remote", "add", "fork", f"file://{fork.folder}")
    clone.git("fetch", "--quiet", "fork")
    assert on_branch(working_copy(clone), foreign) is OnBranch.NO
    assert on_branch(working_copy(clone), main.head) is OnBranch.YES


def test_a_shallow_clone_does_not_say_that_a_commit_lies_elsewhere(main: GitRepository, tmp_path: Path) -> None:
    copy = working_copy(main.clone(tmp_path / "shallow", "--depth=1"))
    assert on_branch(copy, main.git("rev-parse", "HEAD^")) is OnBranch.SHALLOW
    assert on_branch(copy, main.head) is OnBranch.YES


@pytest.mark.parametrize("branch", ["../../../commit", "a b", "", "x\0", "*", "main.lock", "\ud800", "a" * 9000])
def test_the_name_of_a_branch_is_not_used_as_a_path(main: GitRepository, tmp_path: Path, branch: str) -> None:
    clone = main.clone(tmp_path / "clone")
    (tmp_path / "commit").write_text(main.head)
    assert on_branch(working_copy(clone, NO_GIT), main.head, branch) is OnBranch.NOT_FETCHED


def test_without_a_readable_checkout_history_is_unreadable(main: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text("no repository")
    for place in ("/", str(tmp_path / "broken")):
        assert on_branch(GitWorkingCopy(place, main.environment), main.head) is OnBranch.UNREADABLE


def test_the_checkout_of_the_workspace_answers_where_the_context_has_none(main: GitRepository, tmp_path: Path) -> None:
    copy = replace(working_copy(main), context=str(tmp_path))
    assert copy.history(main.head, ("main",), str(main.folder)) == {"main": OnBranch.NOT_FETCHED}


# --- which commit descends from which ------------------------------------------------------------------------------


@pytest.fixture
def rewritten(tmp_path: Path) -> dict[str, Any]:
    """``first`` and ``second`` on main, then main forced to ``other``, which is a sibling of ``second``."""
    made = GitRepository.make(tmp_path / "rewritten")
    first, second = made.commit(a="1"), made.commit(a="2")
    made.git("branch", "before", second)
    made.git("reset", "--quiet", "--hard", first)
    return {"at": made, "first": first, "second": second, "other": made.commit(a="3")}


@pytest.mark.parametrize(
    ("ours", "theirs", "descent"),
    [
        ("second", "first", Descent.FORWARD),
        ("second", "second", Descent.FORWARD),
        ("first", "second", Descent.BACKWARD),
        ("other", "second", Descent.APART),
        ("second", "1" * 40, Descent.UNKNOWN),
        ("1" * 40, "second", Descent.UNKNOWN),
        ("second", "HEAD", Descent.UNKNOWN),
        ("second", "--output=stolen", Descent.UNKNOWN),
    ],
)
def test_git_says_which_commit_descends_from_which(
    rewritten: dict[str, Any], ours: str, theirs: str, descent: Descent
) -> None:
    copy = working_copy(rewritten["at"])
    assert copy.descent(rewritten.get(ours, ours), rewritten.get(theirs, theirs), None) is descent


def test_a_shallow_clone_proves_a_descent_but_never_that_there_is_none(
    rewritten: dict[str, Any], tmp_path: Path
) -> None:
    at, first, second = rewritten["at"], rewritten["first"], rewritten["second"]
    whole = working_copy(at.clone(tmp_path / "whole", "--no-single-branch"))
    assert whole.descent(rewritten["other"], second, None) is Descent.APART
    shallow = working_copy(at.clone(tmp_path / "shallow", "--depth=1", "--no-single-branch"))
    assert shallow.descent(rewritten["other"], second, None) is Descent.UNKNOWN
    deeper = working_copy(at.clone(tmp_path / "deeper", "--depth=2", "--no-single-branch"))
    assert deeper.descent(second, first, None) is Descent.FORWARD
    assert deeper.descent(first, second, None) is Descent.BACKWARD


def test_the_remote_is_origin_as_it_was_written(main: GitRepository, tmp_path: Path) -> None:
    assert working_copy(main).remote() is None
    main.git("remote", "add", "origin", "https://git.example/acme/demo.git")
    assert working_copy(main).remote() == "https://git.example/acme/demo.git"
    assert working_copy(main, NO_GIT).remote() is None
    assert GitWorkingCopy(str(tmp_path / "none"), main.environment).remote() is None


def test_without_git_no_descent_is_known(main: GitRepository, tmp_path: Path) -> None:
    head, before = main.head, main.git("rev-parse", "HEAD^")
    assert working_copy(main, NO_GIT).descent(head, before, None) is Descent.UNKNOWN
    assert GitWorkingCopy(str(tmp_path / "none"), main.environment).descent(head, before, None) is Descent.UNKNOWN
    apart = GitWorkingCopy(str(tmp_path / "none"), main.environment)
    assert apart.descent(head, before, str(main.folder)) is Descent.FORWARD


# --- files in the checkout ----------------------------------------------------------------------------------------


def test_a_file_is_held_by_the_checkout_that_it_or_a_link_to_it_lies_in(superproject: GitRepository) -> None:
    top, outer = superproject.folder, superproject.folder.parent
    trusted = superproject.clone(top / "trusted")  # as actions/checkout with a path makes it
    (outer / "outside.yaml").write_text("")
    (top / "link.yaml").symlink_to(outer / "outside.yaml")
    (top / "config.yaml").write_text("")
    (outer / "alias.yaml").symlink_to(top / "config.yaml")
    (outer / "folder").symlink_to(top)
    (top / "away").symlink_to(outer)  # a link on the way that a commit chose
    (outer / "way").symlink_to(top / "away")
    (outer / "out").symlink_to(outer)
    held = [
        *(top / "config.yaml", top / "link.yaml", outer / "alias.yaml", outer / "folder" / "link.yaml"),
        *(top / "parts" / "sub" / "app", top / "away" / "outside.yaml", outer / "way" / "outside.yaml"),
    ]
    for file in held:
        assert working_copy(superproject).holds(str(file), None, is_built=True), file
    for file in (outer / "outside.yaml", trusted.folder / "config.yaml", outer / "out" / "outside.yaml"):
        assert not working_copy(superproject).holds(str(file), None, is_built=True), file


def test_a_mode_that_builds_nothing_asks_the_checkout_of_the_workspace_first(
    main: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(file: Path, workspace: Path | None) -> bool:
        return working_copy(main).holds(str(file), str(workspace) if workspace else None, is_built=False)

    trusted = main.clone(main.folder / "trusted")
    monkeypatch.chdir(trusted.folder)
    own, theirs = trusted.folder / "config.yaml", main.folder / "config.yaml"
    assert (held(theirs, main.folder), held(own, main.folder)) == (True, False)
    assert (held(own, None), held(theirs, None)) == (True, False)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    monkeypatch.chdir(nothing)
    file = nothing / "config.yaml"
    assert (held(file, nothing), held(file, None)) == (True, False)
    (nothing / ".git").write_text("nonsense")
    assert held(file, None)


def test_without_a_checkout_the_context_counts_as_one_except_the_root(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    copy = GitWorkingCopy(str(tmp_path / "context"), NO_GIT)
    assert copy.holds(str(tmp_path / "context" / "x.yaml"), None, is_built=True)
    assert not copy.holds(str(tmp_path / "x.yaml"), None, is_built=True)
    assert not GitWorkingCopy("/", NO_GIT).holds("/config/x.yaml", None, is_built=True)
