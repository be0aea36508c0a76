"""Reading what is checked out, from real repositories, with and without the git program."""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_adapters.git.checkout import copies_git, read_checkout, stored_credentials
from image_builder_adapters.git.directory import GitDirectory
from image_builder_domain.trust.checkout import Changes, Checkout, Claim, FoundCheckout, NoCheckout, UnreadableCheckout

from tests.git_repository import GitRepository

OTHER = "4" * 40
NOTHING = Claim()
NO_GIT = {"PATH": "/nowhere"}


@pytest.fixture
def main(tmp_path: Path) -> GitRepository:
    """A repository with two commits on main."""
    made = GitRepository.make(tmp_path / "main")
    made.commit(app="one", README="one")
    made.commit(app="two")
    return made


@pytest.fixture(params=["with git", "without git"])
def environment(request: pytest.FixtureRequest, main: GitRepository) -> dict[str, str]:
    return main.environment if request.param == "with git" else NO_GIT


def read(
    folder: Path, environment: dict[str, str], claim: Claim = NOTHING, workspace: Path | None = None
) -> FoundCheckout:
    place = str(workspace) if workspace is not None else None
    return read_checkout(str(folder), place, claim, environment)[0]


def checkout(folder: Path, environment: dict[str, str], claim: Claim = NOTHING) -> Checkout:
    found = read(folder, environment, claim)
    assert isinstance(found, Checkout), found
    return found


def unreadable(folder: Path, environment: dict[str, str]) -> str:
    found = read(folder, environment)
    assert isinstance(found, UnreadableCheckout), found
    assert found.where == str(folder / ".git")
    return found.reason


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


def _loop(git: Path) -> None:
    (git / "HEAD").write_text("ref: refs/heads/a\n")
    (git / "refs" / "heads" / "a").write_text("ref: refs/heads/b\n")
    (git / "refs" / "heads" / "b").write_text("ref: refs/heads/a\n")


def _outside(git: Path) -> None:
    (git.parent.parent / "commit").write_text(f"{OTHER}\n")
    (git / "HEAD").write_text("ref: refs/../../../commit\n")


def _linked_ref(git: Path) -> None:
    (git.parent.parent / "commit").write_text(f"{OTHER}\n")
    (git / "refs" / "heads" / "main").unlink()
    (git / "refs" / "heads" / "main").symlink_to(git.parent.parent / "commit")


def _no_commit(git: Path) -> None:
    (git / "HEAD").write_text("ref: refs/heads/none\n")


def _nonsense(git: Path) -> None:
    (git / "HEAD").write_bytes(b"\xff\0 sure")


def _short(git: Path) -> None:
    (git / "HEAD").write_text("abcdef12\n")


def _zeros(git: Path) -> None:
    (git / "HEAD").write_text("0" * 40)


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
        *(_pipe, _large, _link, _folder, _loop, _outside, _linked_ref, _no_commit, _nonsense, _short, _zeros, _empty),
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


# --- parents ------------------------------------------------------------------------------------------------------


def test_parents_of_a_merge_are_read_in_a_shallow_clone_with_one_commit(main: GitRepository, tmp_path: Path) -> None:
    base, head = main.head, main.proposal("fix", fix="1")
    merge = main.merge(head)
    main.git("branch", "merged", merge)
    shallow = main.clone(tmp_path / "shallow", "--depth=1", "--branch=merged")
    assert shallow.git("rev-list", "--parents", "HEAD") == merge  # git itself shows no parents
    found = checkout(shallow.folder, shallow.environment, Claim((head,), (head,)))
    assert (found.head, found.parents) == (merge, frozenset({base, head}))


def test_parents_of_a_packed_commit_are_unknown_without_the_git_program(main: GitRepository) -> None:
    assert checkout(main.folder, NO_GIT).parents == frozenset({main.git("rev-parse", "HEAD^")})
    main.git("gc", "--quiet")
    assert checkout(main.folder, NO_GIT).parents is None
    assert checkout(main.folder, main.environment).parents is not None


def test_a_batch_is_read_as_deep_as_it_has_pull_requests(main: GitRepository, environment: dict[str, str]) -> None:
    heads = tuple(main.proposal(name, **{name: "1"}) for name in ("a", "b", "c"))
    base = main.git("rev-parse", "main")
    main.merge(*heads)
    found = checkout(main.folder, environment, Claim((), heads))
    assert found.parents is not None
    assert found.parents >= {base, *heads}
    alone = checkout(main.folder, environment, Claim((), heads[:1])).parents
    assert alone is not None
    assert heads[2] in alone
    assert not alone & {heads[0], heads[1]}


def test_a_batch_may_hold_a_pull_request_on_top_of_another(main: GitRepository) -> None:
    first = main.proposal("first", first="1")
    main.git("checkout", "--quiet", "-b", "second", first)
    second = main.commit(second="1")
    main.git("checkout", "--quiet", "main")
    main.merge(second, first)  # git says that the first is merged already
    found = checkout(main.folder, main.environment, Claim((), (second, first)))
    assert found.parents is not None
    assert found.parents >= {first, second}


def test_a_first_commit_has_no_parents(tmp_path: Path, environment: dict[str, str]) -> None:
    made = GitRepository.make(tmp_path / "first")
    made.commit(app="one")
    assert checkout(made.folder, environment).parents == frozenset()


@pytest.mark.parametrize("damage", ["other", "garbage", "bomb", "pipe"])
@pytest.mark.timeout(20)
def test_a_commit_that_is_not_what_its_name_says_proves_nothing(main: GitRepository, damage: str) -> None:
    import zlib

    def place(commit: str) -> Path:
        return main.folder / ".git" / "objects" / commit[:2] / commit[2:]

    head, other = place(main.head), place(main.git("rev-parse", "HEAD^"))
    head.chmod(0o644)
    match damage:
        case "other":
            shutil.copy(other, head)
        case "garbage":
            head.write_bytes(b"garbage")
        case "bomb":
            head.write_bytes(zlib.compress(b"commit 1073741824\0" + bytes(64 << 20)))
        case _:
            head.unlink()
            os.mkfifo(head)
    assert checkout(main.folder, NO_GIT).parents is None


# --- what changed -------------------------------------------------------------------------------------------------


def test_changes_since_a_claimed_commit_are_listed(main: GitRepository) -> None:
    claimed = main.head
    main.commit(CHANGELOG__md="new", app="three")
    found = checkout(main.folder, main.environment, Claim((claimed, OTHER)))
    assert found.changes[claimed] == Changes(("CHANGELOG.md", "app"))
    assert found.changes[OTHER].reason == "HEAD does not descend from that commit"
    without = checkout(main.folder, NO_GIT, Claim((claimed,)))
    assert without.changes[claimed].reason.startswith("only the git program")


def test_a_tag_object_changes_nothing_since_its_commit(main: GitRepository) -> None:
    main.git("tag", "-a", "-m", "one", "v1")
    tag = main.git("rev-parse", "refs/tags/v1")
    assert tag != main.head
    assert checkout(main.folder, main.environment, Claim((tag,))).changes == {tag: Changes(is_same=True)}


def test_a_shallow_checkout_says_so_where_it_ends(main: GitRepository, tmp_path: Path) -> None:
    claimed = main.git("rev-parse", "HEAD^")
    shallow = main.clone(tmp_path / "shallow", "--depth=1")
    found = checkout(shallow.folder, shallow.environment, Claim((claimed,)))
    assert "the checkout is shallow" in found.changes[claimed].reason


def test_tracked_files_that_differ_from_head_are_listed(main: GitRepository) -> None:
    assert checkout(main.folder, main.environment).modified == ()
    (main.folder / "app").write_text("dirty")
    (main.folder / "README").unlink()
    (main.folder / "untracked").write_text("x")
    assert checkout(main.folder, main.environment).modified == ("README", "app")
    assert checkout(main.folder, NO_GIT).modified is None


def test_files_outside_of_the_build_context_do_not_matter(main: GitRepository) -> None:
    below = main.folder / "*"  # no pattern, but a name
    below.mkdir()
    (below / "file").write_text("1")
    main.commit()
    (main.folder / "app").write_text("dirty")
    assert checkout(below, main.environment).modified == ()
    (below / "file").write_text("2")
    assert checkout(below, main.environment).modified == ("*/file",)


def test_a_file_that_was_only_touched_does_not_differ(main: GitRepository) -> None:
    os.utime(main.folder / "app", (1, 1))
    assert checkout(main.folder, main.environment).modified == ()


def test_configuration_and_attributes_in_a_checkout_start_no_program(main: GitRepository, tmp_path: Path) -> None:
    trap, mark = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    trap.chmod(0o755)
    claimed = main.head
    main.commit(__gitattributes="app filter=a=b diff=d\nREADME filter=p\n")
    for name in ("filter.a=b.clean", "filter.a=b.smudge", "filter.p.process", "diff.d.textconv", "diff.d.command"):
        main.git("config", name, str(trap))
    main.git("config", "filter.a=b.required", "true")
    main.git("config", "diff.external", str(trap))
    for name in ("app", "README"):
        os.utime(main.folder / name, (1, 1))
    plain = ["git", "-C", str(main.folder), "-c", "core.fsmonitor=false", "status", "--porcelain"]
    shutil.copytree(main.folder, tmp_path / "shown")
    subprocess.run([*plain[:2], str(tmp_path / "shown"), *plain[3:]], env=main.environment, capture_output=True)
    assert mark.exists()  # the trap works
    mark.unlink()
    main.git("config", "core.fsmonitor", str(trap))
    found = checkout(main.folder, main.environment, Claim((claimed,)))
    assert found.changes[claimed].paths == (".gitattributes",)
    assert found.modified == ()
    assert not mark.exists()


# --- submodules ---------------------------------------------------------------------------------------------------


def test_a_submodule_is_compared_with_what_its_superproject_records(
    superproject: GitRepository, main: GitRepository
) -> None:
    sub = GitRepository(superproject.folder / "parts" / "sub", superproject.home)
    above = checkout(sub.folder, superproject.environment).superproject
    assert above is not None
    assert isinstance(above.found, Checkout)
    assert (above.found.head, above.recorded) == (superproject.head, main.head)
    sub.git("checkout", "--quiet", "HEAD^")
    moved = checkout(sub.folder, superproject.environment)
    assert moved.superproject is not None
    assert moved.superproject.recorded == main.head != moved.head
    without = checkout(sub.folder, NO_GIT).superproject
    assert without is not None
    assert (without.recorded, without.reason[:20]) == ("", "only the git program")


def test_a_clone_inside_of_a_checkout_is_recorded_nowhere(main: GitRepository) -> None:
    nested = main.clone(main.folder / "nested")
    above = checkout(nested.folder, main.environment).superproject
    assert above is not None
    assert (above.recorded, above.reason) == ("", "its HEAD does not record this folder as a submodule")


# --- what gets into an image --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ignore", "is_copied"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({".dockerignore": ".git\n"}, False, id="excluded"),
        pytest.param({".dockerignore": ".git/objects\n"}, True, id="in part"),
        pytest.param({".dockerignore": ".git\n", "Dockerfile.dockerignore": "x\n"}, True, id="own file first"),
        pytest.param({".dockerignore": "x\n", "Dockerfile.dockerignore": ".git\n"}, False, id="own file"),
    ],
)
def test_git_gets_into_an_image_unless_an_ignore_file_excludes_it(
    main: GitRepository, ignore: dict[str, str], is_copied: bool
) -> None:
    for name, content in ignore.items():
        (main.folder / name).write_text(content)
    assert copies_git(str(main.folder), "Dockerfile") is is_copied


def test_a_context_below_a_checkout_copies_no_git(main: GitRepository) -> None:
    (main.folder / "below").mkdir()
    assert not copies_git(str(main.folder / "below"), "Dockerfile")


BASIC = base64.b64encode(b"x-access-token:ghs_canary").decode()


def secrets(folder: Path, config: str) -> tuple[str, ...]:
    (folder / "config").write_text(config)
    return stored_credentials(GitDirectory(str(folder), str(folder), str(folder)))


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (f'[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic {BASIC}\n', (BASIC, "ghs_canary")),
        ("[http]extraHeader=Authorization: Bearer canary-1\n", ("canary-1",)),
        ('[http "x"]\n\textraheader = "AUTHORIZATION: bearer canary-2"\n', ("canary-2",)),
        ("[remote]\n\turl = https://gitlab-ci-token:canary-3@gitlab.example/a/b.git\n", ("canary-3",)),
        ("[remote]\n\turl = https://kim:can%2Fary@host/a\n", ("can%2Fary", "can/ary")),
        ("[remote]\n\turl = https://ghp_0123456789abcdefghij@github.com/a/b\n", ("ghp_0123456789abcdefghij",)),
        ("[remote]\n\turl = https://github.com/a/b.git\n", ()),
        ("[remote]\n\turl = https://acme@dev.azure.com/acme/_git/demo\n", ()),
        ("[remote]\n\turl = git@github.com:acme/demo.git\n", ()),
        ("[core]\n\tbare = false\n", ()),
        ("[http]\n\textraheader = X-Trace: 1\n", ()),
    ],
)
def test_a_configuration_holds(tmp_path: Path, config: str, found: tuple[str, ...]) -> None:
    assert secrets(tmp_path, config) == found


def test_a_missing_or_strange_configuration_holds_none(tmp_path: Path) -> None:
    assert stored_credentials(GitDirectory(str(tmp_path), str(tmp_path), str(tmp_path))) == ()
    assert secrets(tmp_path, "\0" * 100 + "extraheader = authorization: basic !!!") == ()
    assert secrets(tmp_path, "extraheader = authorization: basic !!!") == ("!!!",)


def test_no_thread_is_left_behind(main: GitRepository) -> None:
    before = threading.active_count()
    checkout(main.folder, main.environment)
    assert threading.active_count() <= before
