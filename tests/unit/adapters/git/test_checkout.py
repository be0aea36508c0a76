"""Facts about a checkout, from real repositories, with and without the git program."""

import base64
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from image_builder_adapters.git.checkout import copies_git, stored_credentials
from image_builder_adapters.git.directory import GitDirectory
from image_builder_domain.trust.checkout import Changes, Checkout, Claim

from tests.git_repository import GitRepository
from tests.unit.adapters.git.checkouts import NO_GIT, OTHER, checkout

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
