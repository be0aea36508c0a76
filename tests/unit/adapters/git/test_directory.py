"""Git's own files: HEAD is read with and without the git program, and hostile files are not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_domain.trust.checkout import Checkout, NoCheckout

from tests.git_repository import GitRepository
from tests.unit.adapters.git.checkouts import NO_GIT, OTHER, checkout, read, unreadable

# --- HEAD ---------------------------------------------------------------------------------------------------------


def _on_a_branch(repository: GitRepository) -> None:
    pass


def _detached(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--detach", "HEAD")


def _packed(repository: GitRepository) -> None:
    repository.git("pack-refs", "--all")
    assert not (repository.folder / ".git" / "refs" / "heads" / "main").exists()


def _packed_and_moved(repository: GitRepository) -> None:
    _packed(repository)
    repository.commit(app="three")


def _through_a_symbolic_ref(repository: GitRepository) -> None:
    repository.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    repository.git("symbolic-ref", "HEAD", "refs/heads/alias")


def _on_a_branch_with_folders(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "-b", "release/v1.2_ü")


@pytest.mark.parametrize(
    "change",
    [_on_a_branch, _detached, _packed, _packed_and_moved, _through_a_symbolic_ref, _on_a_branch_with_folders],
)
def test_head_is_the_commit_that_git_names(
    main: GitRepository, environment: dict[str, str], change: Callable[[GitRepository], None]
) -> None:
    change(main)
    below = main.folder / "below"
    below.mkdir()
    for folder in (main.folder, below):
        found = checkout(folder, environment)
        assert (found.folder, found.head, found.holds_context) == (str(main.folder), main.head, True)


def test_head_of_a_sha256_repository_is_read_with_its_parents(tmp_path: Path, environment: dict[str, str]) -> None:
    made = GitRepository.make(tmp_path / "long", "--object-format=sha256")
    first = made.commit(app="one")
    second = made.commit(app="two")
    found = checkout(made.folder, environment)
    assert (len(second), found.head, found.parents) == (64, second, frozenset({first}))


def test_a_linked_worktree_has_a_head_of_its_own(
    main: GitRepository, environment: dict[str, str], tmp_path: Path
) -> None:
    main.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "HEAD^")
    found = checkout(tmp_path / "linked", environment)
    assert found.head == main.git("rev-parse", "HEAD^")
    shutil.rmtree(main.folder)
    assert "is not there; mount the whole repository" in unreadable(tmp_path / "linked", environment)


def test_a_folder_without_git_has_no_checkout_and_its_workspace_may_have_one(
    main: GitRepository, environment: dict[str, str], tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(main.folder, copied, ignore=shutil.ignore_patterns(".git"))
    assert read(copied, environment) == NoCheckout((str(copied),))
    assert read(copied, environment, workspace=tmp_path) == NoCheckout((str(copied), str(tmp_path)))
    found = read(copied, environment, workspace=main.folder)
    assert isinstance(found, Checkout)
    assert (found.head, found.holds_context) == (main.head, False)


def test_a_bare_repository_that_was_committed_is_not_a_checkout(
    main: GitRepository, environment: dict[str, str]
) -> None:
    bare = main.folder / "bare"
    shutil.copytree(main.folder / ".git", bare)
    (bare / "HEAD").write_text(f"{OTHER}\n")
    assert checkout(bare, environment).head == main.head


# --- hostile files ------------------------------------------------------------------------------------------------


def _pipe(git: Path) -> None:
    (git / "HEAD").unlink()
    os.mkfifo(git / "HEAD")


def _large(git: Path) -> None:
    os.truncate(git / "HEAD", 1 << 30)


def _link(git: Path) -> None:
    (git / "HEAD").rename(git / "FIRST")
    (git / "HEAD").symlink_to("FIRST")


def _folder(git: Path) -> None:
    (git / "HEAD").unlink()
    (git / "HEAD").mkdir()


def _linked_ref(git: Path) -> None:
    (git.parent.parent / "commit").write_text(f"{OTHER}\n")
    (git / "refs" / "heads" / "main").unlink()
    (git / "refs" / "heads" / "main").symlink_to(git.parent.parent / "commit")


def _empty(git: Path) -> None:
    shutil.rmtree(git)
    git.mkdir()


def _file(git: Path) -> None:
    shutil.rmtree(git)
    git.write_text("no repository")


def _pipe_in_place(git: Path) -> None:
    shutil.rmtree(git)
    os.mkfifo(git)


def _dangling(git: Path) -> None:
    shutil.rmtree(git)
    git.symlink_to("nowhere")


def _nul(git: Path) -> None:
    shutil.rmtree(git)
    git.write_bytes(b"gitdir: a\0b\n")


def _no_common(git: Path) -> None:
    (git / "commondir").write_text("../nowhere\n")


def _packed_pipe(git: Path) -> None:
    (git / "refs" / "heads" / "main").unlink()
    os.mkfifo(git / "packed-refs")


@pytest.mark.parametrize(
    "damage",
    [
        *(_pipe, _large, _link, _folder, _linked_ref, _empty),
        *(_file, _pipe_in_place, _dangling, _nul, _no_common, _packed_pipe),
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_repository_is_unreadable_at_once(
    main: GitRepository, environment: dict[str, str], damage: Callable[[Path], None]
) -> None:
    damage(main.folder / ".git")
    assert unreadable(main.folder, environment)
    assert OTHER not in repr(read(main.folder, environment))


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"ref: refs/heads/loop\n", id="loop"),
        pytest.param(b"ref: refs/../../../commit\n", id="outside"),
        pytest.param(b"ref: refs/heads/none\n", id="no commit"),
        pytest.param(b"\xff\0 sure", id="nonsense"),
        pytest.param(b"abcdef12\n", id="short"),
        pytest.param(b"0" * 40, id="zeros"),
    ],
)
def test_a_head_that_leads_to_no_commit_is_unreadable(
    main: GitRepository, environment: dict[str, str], head: bytes
) -> None:
    heads = main.folder / ".git" / "refs" / "heads"
    (heads / "loop").write_text("ref: refs/heads/back\n")
    (heads / "back").write_text("ref: refs/heads/loop\n")
    (main.folder.parent / "commit").write_text(f"{OTHER}\n")
    (main.folder / ".git" / "HEAD").write_bytes(head)
    assert unreadable(main.folder, environment)
    assert OTHER not in repr(read(main.folder, environment))


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_repository_of_somebody_else_is_unreadable(main: GitRepository, environment: dict[str, str]) -> None:
    (main.folder / ".git" / "HEAD").chmod(0)
    assert "cannot be read: Permission denied" in unreadable(main.folder, environment)


def test_refs_in_the_reftable_format_are_read_by_the_git_program_alone(main: GitRepository, tmp_path: Path) -> None:
    head = main.head
    (main.folder / ".git" / "reftable").mkdir()
    (main.folder / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    assert "only the git program can read" in unreadable(main.folder, NO_GIT)
    assert "and this git program cannot" in unreadable(main.folder, main.environment)
    newer = tmp_path / "bin" / "git"
    newer.parent.mkdir()
    newer.write_text(f'#!/bin/sh\ncase "$*" in *"rev-parse --verify --quiet HEAD"*) echo {head};; *) exit 128;; esac\n')
    newer.chmod(0o755)
    assert checkout(main.folder, {"PATH": str(newer.parent)}).head == head
