"""The console: what one of several builds says stays its own, line by line."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.ci_lines import lines_of
from image_builder.presenters.console import Console
from image_builder_adapters.console_text import harmless_json, neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.build_steps import SourceLine
from image_builder_domain.job.git_state import CiSystem


def console(*secrets: str, results_only: bool = False, silent: bool = False, system: CiSystem | None = None) -> Console:
    return Console(
        Redactor(secrets),
        neutralise,
        results_only=results_only,
        silent=silent,
        debug=False,
        ci=lines_of(system),
        workspace="/checkout",
    )


def test_engine_lines_begin_with_their_variant(capfd: pytest.CaptureFixture[str]) -> None:
    build = console().follow("app", "1.23")
    build.output(b"one\ntwo\n\n")
    build.error("three")
    build.failing_step(("four", "five"))
    out, err = capfd.readouterr()
    assert out == "[1.23] one\n[1.23] two\n[1.23] \n"
    assert err == "building app (1.23)\nerror: [1.23] three\n    [1.23] four\n    [1.23] five\n"


def test_the_only_build_has_nothing_in_front(capfd: pytest.CaptureFixture[str]) -> None:
    build = console().follow("app", None)
    build.output(b"one\n")
    build.failing_step(("two",))
    build.close()
    assert capfd.readouterr() == ("one\n", "building app\n    two\n")


def test_pieces_of_a_long_line_never_run_into_another_builds(capfd: pytest.CaptureFixture[str]) -> None:
    one, two = console(), console()
    first, second = one.follow("app", "a"), two.follow("app", "b")
    first.output(b"x" * 9)
    second.output(b"y\n")
    first.output(b"end\n")
    assert capfd.readouterr().out == "[a] xxxxxxxxx\n[b] y\n[a] end\n"


@pytest.mark.parametrize("variant", [None, "a"])
def test_foreign_commands_stay_harmless_and_secrets_hidden(
    capfd: pytest.CaptureFixture[str], variant: str | None
) -> None:
    build = console("hunter22").follow("app", variant)
    build.output(b"::error::x\n##vso[task]\n\x1b[2Jhunter22\n")
    out = capfd.readouterr().out
    assert "::error" not in out
    assert "##vso[" not in out
    assert "\x1b" not in out
    assert "hunter22" not in out


def test_a_secret_across_pieces_is_hidden_with_output_of_another_build_between(
    capfd: pytest.CaptureFixture[str],
) -> None:
    screen = console("hunter22")
    first, second = screen.follow("app", "a"), screen.follow("app", "b")
    first.output(b"hunt")
    second.output(b"y\n")
    first.output(b"er22\n")
    assert capfd.readouterr().out == "[b] y\n[a] ***\n"


def test_engine_output_leaves_standard_output_to_results(capfd: pytest.CaptureFixture[str]) -> None:
    console(results_only=True).follow("app", "a").output(b"one\n")
    console(silent=True).follow("app", "b").output(b"two\n")
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "building app (a)\n[a] one\nbuilding app (b)\n"


def all_of(terminal: int) -> bytes:
    """What its other end wrote before it was closed; Linux then tells the end by an error."""
    shown = b""
    with suppress(OSError):
        while piece := os.read(terminal, 65536):
            shown += piece
    return shown


def test_the_live_line_of_a_terminal_shows_no_secret() -> None:
    """A step's name holds its arguments, such as the address that ADD takes."""
    ours, theirs = os.openpty()
    before = os.dup(1), os.dup(2)
    try:
        os.dup2(theirs, 1)
        os.dup2(theirs, 2)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TERM", "xterm")
            screen = console("hunter22")
        build = screen.follow("app", None)
        build.at("[2/2] ADD https://me:hunter22@host/x /")
        screen.info("between")
        build.close()
    finally:
        for number, descriptor in enumerate(before, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(theirs)
    shown = all_of(ours).decode()
    os.close(ours)
    assert "me:***@host" in shown
    assert "hunter22" not in shown


@given(st.recursive(st.text("#[]vso:\n\\", max_size=8), lambda inner: st.lists(inner, max_size=3)))
def test_a_json_document_says_the_same_without_any_command(document: object) -> None:
    line = harmless_json(json.dumps(document))
    assert json.loads(line) == document
    assert "##" not in line


@pytest.mark.parametrize("results_only", [False, True])
def test_commands_stand_beside_a_json_result(capfd: pytest.CaptureFixture[str], results_only: bool) -> None:
    assert console(results_only=results_only).command("##vso[task.x]") == ""
    assert capfd.readouterr() == (("", "##vso[task.x]\n") if results_only else ("##vso[task.x]\n", ""))


@pytest.mark.parametrize("prefix", [b"", b"one: "])
def test_two_pieces_of_a_long_line_make_no_command_together(capfd: pytest.CaptureFixture[str], prefix: bytes) -> None:
    screen = console()
    for piece in (b"x" * 65_534 + b"##", b"vso[task.complete result=Failed]x", b"::error::x", b"\n"):
        screen.engine_lines(piece, prefix)
    shown = capfd.readouterr().out
    assert "##vso[" not in shown
    assert not any(line.startswith("::") for line in shown.splitlines())


def test_a_summary_for_people_holds_no_command(capfd: pytest.CaptureFixture[str]) -> None:
    console().summary("::error::x ##vso[y]")
    assert capfd.readouterr().err == ": :error::x ## vso[y]\n"


# --- in a CI system -----------------------------------------------------------------------------------------------


def test_github_shows_a_message_at_its_line_of_the_workspace(capfd: pytest.CaptureFixture[str]) -> None:
    shown = console("hunter22", system=CiSystem.GITHUB)
    shown.follow("app", "a").error("it failed\n::error::hunter22", SourceLine("/checkout/app/Dockerfile", 3))
    shown.warning("careful", SourceLine("/elsewhere/Dockerfile", 3))
    assert capfd.readouterr().err.splitlines() == [
        "building app (a)",
        "::error file=app/Dockerfile,line=3::[a] it failed%0A: :error::***",
        "::warning::careful",
    ]


@pytest.mark.parametrize(
    ("system", "begin", "end"),
    [
        (CiSystem.GITHUB, "::group::building app", "::endgroup::"),
        (CiSystem.AZURE_PIPELINES, "##[group]building app", "##[endgroup]"),
        (CiSystem.GITLAB, "\x1b[0Ksection_start:", "\x1b[0Ksection_end:"),
    ],
)
def test_the_output_of_the_only_build_is_folded_and_its_failure_is_not(
    capfd: pytest.CaptureFixture[str], system: CiSystem, begin: str, end: str
) -> None:
    build = console(system=system).follow("app", None)
    build.output(b"one\n::endgroup::\n##[endgroup]\n\x1b[0Ksection_end:1:image_builder_1\r\x1b[0K\n")
    build.close()
    build.close()
    build.error("it failed")
    out, err = capfd.readouterr()
    lines = out.split("\n")
    assert (lines[0].startswith(begin), lines[1]) == (True, "one")
    assert [line for line in lines[1:] if line.startswith(end)] == [lines[-2]]
    assert "it failed" in err


def test_output_that_is_not_shown_or_mixed_is_not_folded(capfd: pytest.CaptureFixture[str]) -> None:
    console(system=CiSystem.GITHUB, silent=True).follow("app", None).close()
    console(system=CiSystem.GITHUB).follow("app", "a").close()
    assert capfd.readouterr() == ("", "building app\nbuilding app (a)\n")


def test_a_log_in_json_stays_json_but_for_what_the_ci_system_must_show(capfd: pytest.CaptureFixture[str]) -> None:
    shown = console(system=CiSystem.GITHUB)
    shown.use_format("json")
    shown.error("one")
    shown.shown_warning("two")
    shown.follow("app", None).close()
    one, two, three = capfd.readouterr().err.splitlines()
    assert (json.loads(one)["msg"], two, json.loads(three)["msg"]) == ("one", "::warning::two", "building app")


@given(st.lists(st.sampled_from(["::error::x", "##vso[task.complete]", "##[error]", "\n", "\r", "%0A", " ", "a"])))
def test_a_message_with_foreign_text_is_one_command(pieces: list[str]) -> None:
    for system, start in (
        (CiSystem.GITHUB, "::error::"),
        (CiSystem.AZURE_PIPELINES, "##vso[task.logissue type=error]"),
    ):
        reading, writing = os.pipe()
        before = os.dup(2)
        os.dup2(writing, 2)
        try:
            console(system=system).error("".join(pieces))
        finally:
            os.dup2(before, 2)
            for descriptor in (before, writing):
                os.close(descriptor)
        with os.fdopen(reading) as written:
            (line,) = written.read().removesuffix("\n").split("\n")
        rest = line.removeprefix(start)
        assert rest != line
        assert "##[" not in rest
        assert "##vso[" not in rest


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [
        ({}, False),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({"CLICOLOR_FORCE": ""}, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": ""}, True),
    ],
)
def test_variables_decide_about_colour(
    variables: dict[str, str], is_coloured: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    console("nothing").warning("look")
    assert ("\x1b[33m" in capfd.readouterr().err) is is_coloured
