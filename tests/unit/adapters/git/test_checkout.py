"""Reading what is checked out, from real repositories, with and without the git program."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_adapters.git.checkout import copies_git, read_checkout, read_history
from image_builder_adapters.git.checkout_place import holds, lies_in_checkout
from image_builder_adapters.git.directory import GitDirectory
from image_builder_domain.trust.checkout import Changes, Checkout, Claim, FoundCheckout, NoCheckout, UnreadableCheckout
from image_builder_domain.trust.history import OnBranch

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


def directory(repository: GitRepository) -> GitDirectory | None:
    return read_checkout(str(repository.folder), None, Claim(), NO_GIT)[1]


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


def test_a_bare_repository_that_was_committed_is_no_checkout(main: GitRepository, environment: dict[str, str]) -> None:
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


@pytest.fixture
def superproject(main: GitRepository, tmp_path: Path) -> GitRepository:
    made = GitRepository.make(tmp_path / "super")
    made.git("submodule", "--quiet", "add", f"file://{main.folder}", "parts/sub")
    made.commit()
    return made


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


# --- branches -----------------------------------------------------------------------------------------------------


def test_a_commit_lies_on_a_branch_that_holds_it(main: GitRepository, tmp_path: Path) -> None:
    old, new = main.git("rev-parse", "HEAD^"), main.head
    proposed = main.proposal("fix/typo", fix="1")
    clone = main.clone(tmp_path / "clone")
    for pack in (False, True):
        if pack:
            clone.git("pack-refs", "--all")
        place, env = directory(clone), clone.environment
        assert read_history(place, old, ("main", "fix/typo", "none"), env) == {
            "main": OnBranch.YES,
            "fix/typo": OnBranch.YES,
            "none": OnBranch.NOT_FETCHED,
        }
        assert read_history(place, proposed, ("main",), env) == {"main": OnBranch.NO}
        assert read_history(place, OTHER, ("main",), env) == {"main": OnBranch.NO}
        assert read_history(place, new, ("main",), NO_GIT) == {"main": OnBranch.YES}  # its tip
        assert read_history(place, old, ("main",), NO_GIT) == {"main": OnBranch.UNREADABLE}


def test_a_local_branch_proves_nothing(main: GitRepository) -> None:
    assert read_history(directory(main), main.head, ("main",), main.environment) == {"main": OnBranch.NOT_FETCHED}


def test_a_branch_of_a_fork_alone_proves_nothing(main: GitRepository, tmp_path: Path) -> None:
    clone = main.clone(tmp_path / "clone")
    fork = main.clone(tmp_path / "fork")
    foreign = fork.commit(app="foreign")
    clone.git("remote", "add", "fork", f"file://{fork.folder}")
    clone.git("fetch", "--quiet", "fork")
    assert read_history(directory(clone), foreign, ("main",), clone.environment) == {"main": OnBranch.NO}
    assert read_history(directory(clone), main.head, ("main",), clone.environment) == {"main": OnBranch.YES}


def test_a_shallow_clone_cannot_say_that_a_commit_does_not_lie_on_a_branch(main: GitRepository, tmp_path: Path) -> None:
    shallow = main.clone(tmp_path / "shallow", "--depth=1")
    old = main.git("rev-parse", "HEAD^")
    assert read_history(directory(shallow), old, ("main",), shallow.environment) == {"main": OnBranch.SHALLOW}
    assert read_history(directory(shallow), main.head, ("main",), shallow.environment) == {"main": OnBranch.YES}


@pytest.mark.parametrize("branch", ["../../../commit", "a b", "", "x\0", "*", "main.lock", "\ud800", "a" * 9000])
def test_a_branch_is_no_path(main: GitRepository, tmp_path: Path, branch: str) -> None:
    clone = main.clone(tmp_path / "clone")
    (tmp_path / "commit").write_text(main.head)
    assert read_history(directory(clone), main.head, (branch,), NO_GIT) == {branch: OnBranch.NOT_FETCHED}


def test_history_of_no_checkout_is_unreadable(main: GitRepository) -> None:
    assert read_history(None, main.head, ("main",), main.environment) == {"main": OnBranch.UNREADABLE}


# --- files in the checkout ----------------------------------------------------------------------------------------


def test_a_file_is_held_by_the_checkout_that_it_lies_in(superproject: GitRepository, tmp_path: Path) -> None:
    trusted = superproject.clone(superproject.folder / "trusted")  # as actions/checkout with a path makes it
    outside = tmp_path / "outside.yaml"
    outside.write_text("")
    (superproject.folder / "link.yaml").symlink_to(outside)
    (superproject.folder / "config.yaml").write_text("")
    (tmp_path / "alias.yaml").symlink_to(superproject.folder / "config.yaml")
    (tmp_path / "folder").symlink_to(superproject.folder)
    (superproject.folder / "away").symlink_to(tmp_path)  # a link on the way that a commit chose
    (tmp_path / "way").symlink_to(superproject.folder / "away")
    (tmp_path / "out").symlink_to(tmp_path)
    place = directory(superproject)
    held = [
        *(superproject.folder / "config.yaml", superproject.folder / "link.yaml", tmp_path / "alias.yaml"),
        *(tmp_path / "folder" / "link.yaml", superproject.folder / "parts" / "sub" / "app"),
        *(superproject.folder / "away" / "outside.yaml", tmp_path / "way" / "outside.yaml"),
    ]
    for file in held:
        assert holds(str(file), place, ()), file
    for file in (outside, trusted.folder / "config.yaml", tmp_path / "out" / "outside.yaml"):
        assert not holds(str(file), place, ()), file


def test_what_builds_nothing_looks_at_the_workspace_first(
    main: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = main.clone(main.folder / "trusted")
    monkeypatch.chdir(trusted.folder)
    own, theirs = str(trusted.folder / "config.yaml"), str(main.folder / "config.yaml")
    assert lies_in_checkout(theirs, str(main.folder))
    assert not lies_in_checkout(own, str(main.folder))
    assert lies_in_checkout(own, None)
    assert not lies_in_checkout(theirs, None)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    monkeypatch.chdir(nothing)
    file = str(nothing / "config.yaml")
    assert lies_in_checkout(file, str(nothing))
    assert not lies_in_checkout(file, None)
    (nothing / ".git").write_text("nonsense")
    assert lies_in_checkout(file, None)


def test_without_a_checkout_the_context_counts_as_one(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    assert holds(str(tmp_path / "context" / "x.yaml"), None, (str(tmp_path / "context"),))
    assert not holds(str(tmp_path / "x.yaml"), None, (str(tmp_path / "context"),))
    assert not holds("/config/x.yaml", None, ("/",))


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


def test_no_thread_is_left_behind(main: GitRepository) -> None:
    before = threading.active_count()
    checkout(main.folder, main.environment)
    assert threading.active_count() <= before
