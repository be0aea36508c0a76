"""The command line: what Go accepts, and all mistakes reported together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.flag_table import (
    CHOICE,
    DURATION,
    FLAGS,
    LIST,
    NUMBER,
    REPEATED,
    SWITCH,
    TEXT,
    VERBS,
    help_text,
    verb_flags,
)
from image_builder.flags import Scan, scan

SPECIFIED = [
    "config",
    "name",
    "context",
    "dockerfile",
    "tag",
    "tag-base64",
    "build-arg",
    "env-file",
    "platform",
    "variant",
    "target",
    "move-back",
    "export-tags",
    "repo",
    "require-production",
    "sign-only",
    "images-to-sign",
    "parse-tags-only",
    "tags-output-file",
    "build-in-ado",
    "ado-preview-run",
    "ado-preview-run-yaml-path",
    "ado-preview-output",
    "test-kaniko-build-config",
    "use-go-internal-sap-modules",
    "use-restricted-registry",
    "registry",
    "dry-run",
    "output",
    "log-dir",
    "silent",
    "report",
    "build-report-path",
    "tekton-results",
    "ado-state-output",
    "debug",
    "backend",
    "max-parallel",
    "keep-going",
    "timeout",
    "help",
    "version",
]


def named(*kinds: str) -> list[str]:
    return sorted(name for name, flag in FLAGS.items() if flag[1] in kinds)


def facts(found: Scan) -> tuple[object, ...]:
    return found.verb, found.values, found.given, found.problems, found.rest


flag_words = st.builds(
    "{}{}{}".format,
    st.sampled_from(["-", "--", "---", ""]),
    st.sampled_from([*FLAGS, "h", "nmae", ""]),
    st.sampled_from(["", "=", "=true", "=x", "=1", "=5m", "=json", "=a,,b"]),
)
words = st.one_of(st.text(max_size=8), st.sampled_from([verb for verb, _ in VERBS]), flag_words)


@given(st.lists(words, max_size=12))
def test_no_command_line_raises(arguments: list[str]) -> None:
    before = list(arguments)
    found = scan(arguments)
    assert arguments == before
    assert set(found.values) == set(FLAGS)
    assert found.given <= set(FLAGS)


@given(st.lists(words, max_size=8), st.sampled_from(["--nmae=x", "---name", "--debug=maybe", "stray", "-"]))
def test_a_mistake_is_found_after_any_other_words(before: list[str], mistake: str) -> None:
    before = [word for word in before if word != "--"]
    found = scan(["build", *before, "--silent", mistake])
    assert len(found.problems) > len(scan(["build", *before, "--silent"]).problems)


def choices(name: str) -> tuple[str, ...]:
    words = FLAGS[name][2]
    assert isinstance(words, tuple)
    return words


good_values = st.one_of(
    st.tuples(st.sampled_from(named(TEXT, REPEATED, LIST)), st.text(min_size=1, max_size=20)),
    st.tuples(st.sampled_from(named(NUMBER)), st.integers(1, 999_999).map(str)),
    st.tuples(st.sampled_from(named(DURATION)), st.sampled_from(["1s", "5m", "1h30m", "1.5h", "100ms"])),
    st.sampled_from([(name, word) for name in named(CHOICE) for word in choices(name)]),
)


@given(good_values)
def test_four_spellings_are_one(flag: tuple[str, str]) -> None:
    name, value = flag
    spellings = [[f"-{name}", value], [f"--{name}", value], [f"-{name}={value}"], [f"--{name}={value}"]]
    found = [scan(spelling) for spelling in spellings]
    assert found[0].problems == []
    assert found[0].given == {name}
    assert all(facts(other) == facts(found[0]) for other in found)


@pytest.mark.parametrize("name", named(TEXT))
def test_a_text_is_kept_as_written(name: str) -> None:
    assert scan([f"--{name}", "--x = y"]).values[name] == "--x = y"


@pytest.mark.parametrize("name", named(SWITCH))
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", True),
        *((f"={text}", True) for text in ("1", "t", "T", "TRUE", "true", "True")),
        *((f"={text}", False) for text in ("0", "f", "F", "FALSE", "false", "False")),
    ],
)
def test_a_switch_takes_what_go_takes(name: str, written: str, expected: bool) -> None:
    found = scan([f"-{name}{written}"])
    assert (found.values[name], found.problems) == (expected, [])


def test_a_switch_never_takes_the_next_word() -> None:
    found = scan(["--debug", "false"])
    assert found.values["debug"] is True
    assert found.rest == ["false"]
    assert len(found.problems) == 1


@pytest.mark.parametrize("name", named(REPEATED))
def test_repeated_flags_add_up_and_keep_commas(name: str) -> None:
    assert scan([f"--{name}=a,b", f"-{name}", "c", f"--{name}=a,b"]).values[name] == ["a,b", "c", "a,b"]


@pytest.mark.parametrize("name", named(LIST))
def test_lists_add_up_and_split_at_commas(name: str) -> None:
    assert scan([f"--{name}=a,b", f"-{name}", "c"]).values[name] == ["a", "b", "c"]


@pytest.mark.parametrize("name", named(REPEATED))
def test_an_empty_element_is_left_for_the_domain_to_refuse(name: str) -> None:
    found = scan([f"--{name}="])
    assert (found.values[name], found.problems) == ([""], [])


@pytest.mark.parametrize("name", named(SWITCH, NUMBER, DURATION))
def test_an_empty_value_is_one_problem(name: str) -> None:
    assert [(where, what) for where, what, _ in scan([f"--{name}="]).problems] == [(f"--{name}", "its value is empty")]


@pytest.mark.parametrize("name", named(TEXT, LIST, CHOICE))
def test_an_empty_text_counts_as_unset_as_in_go(name: str) -> None:
    assert facts(scan([f"--{name}="])) == facts(scan([f"--{name}", ""])) == facts(scan([]))


def test_an_empty_element_adds_nothing_to_a_list() -> None:
    assert scan(["--platform=linux/amd64", "--platform="]).values["platform"] == ["linux/amd64"]


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--timeout=1h30m", "timeout", 5400.0),
        ("--timeout=250ms", "timeout", 0.25),
        ("--max-parallel=1", "max-parallel", 1),
        ("--max-parallel=16", "max-parallel", 16),
        ("--output=json", "output", "json"),
        ("--backend=ado", "backend", "ado"),
        ("--keep-going=false", "keep-going", False),
        ("-h", "help", True),
        ("--h", "help", True),
        ("--name=a=b", "name", "a=b"),
    ],
)
def test_a_value_is_converted(argument: str, name: str, value: object) -> None:
    found = scan([argument])
    assert (found.values[name], found.problems) == (value, [])


@pytest.mark.parametrize(
    "argument",
    [
        *(f"--timeout={text}" for text in ("0", "0s", "-1s", "10", "1d", "1" * 5000)),
        *(f"--max-parallel={text}" for text in ("0", "-1", "1.5", "many", "\u0661", "9" * 5000)),
        *("--output=xml", "--output=JSON", "--debug=yes", "--debug=tRUE"),
    ],
)
def test_a_bad_value_is_one_problem_at_its_flag(argument: str) -> None:
    found = scan([argument])
    assert [where for where, _, _ in found.problems] == [argument.partition("=")[0]]


@pytest.mark.parametrize("name", named(TEXT, REPEATED, LIST, NUMBER, DURATION))
def test_a_missing_value_is_a_problem(name: str) -> None:
    found = scan([f"-{name}"])
    assert found.problems == [(f"--{name}", "its value is missing", f"write --{name} VALUE")]
    assert found.given == {name}


@pytest.mark.parametrize(
    "arguments", [["--name=a", "-name", "a"], ["--debug", "--debug=1"], ["--timeout=60s", "--timeout=1m"]]
)
def test_the_same_value_twice_is_fine(arguments: list[str]) -> None:
    assert (scan(arguments).problems, scan(arguments).warnings) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--name=a", "--name=b"], "'b', replaces 'a'"),
        (["--name=a", "--name="], "'', replaces 'a'"),
        (["--debug", "--debug=false"], "false, replaces true"),
        (["--output=human", "--output=json"], "'json', replaces 'human'"),
    ],
)
def test_the_last_of_two_values_counts_and_a_warning_names_both(arguments: list[str], what: str) -> None:
    found, name = scan(arguments), arguments[0].strip("-").partition("=")[0]
    assert found.values[name] == scan(arguments[1:]).values[name]
    assert (found.problems, found.warnings) == ([], [f"--{name}: it is given twice, and the last value, {what}"])


def test_a_refused_value_is_reported_also_before_a_good_one() -> None:
    found = scan(["--output=xml", "--output=json"])
    assert (len(found.problems), found.warnings) == (1, [])


@pytest.mark.parametrize("word", ["---name", "---name=x", "-=x", "--=x", "----"])
def test_bad_flag_syntax_is_refused_without_its_value(word: str) -> None:
    problems = scan([word]).problems
    assert [what for _, what, _ in problems] == ["invalid flag"]
    assert "x" not in problems[0][0]


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("--nmae", "did you mean --name?"),
        ("--Config=x", "did you mean --config?"),
        ("-build_arg", "did you mean --build-arg?"),
        ("--qqqqqq", "see --help"),
    ],
)
def test_an_unknown_flag_names_the_nearest(word: str, remedy: str) -> None:
    assert scan([word]).problems == [(f"--{word.strip('-').partition('=')[0]}", "unknown flag", remedy)]


def test_the_value_of_an_unknown_flag_is_no_second_mistake() -> None:
    found = scan(["--nmae", "app", "--debug"])
    assert (len(found.problems), found.rest, found.given) == (1, [], {"debug"})


def test_what_follows_an_unknown_flag_with_a_value_is_stray() -> None:
    assert scan(["--nmae=app", "other"]).rest == ["other"]


@pytest.mark.parametrize("verb", [verb for verb, _ in VERBS])
def test_the_first_word_may_be_a_verb(verb: str) -> None:
    found = scan([verb, "--debug"])
    assert (found.verb, found.problems, found.rest) == (verb, [], [])


@pytest.mark.parametrize("arguments", [["build", "tags"], ["--debug", "tags"], ["--", "tags"]])
def test_a_verb_elsewhere_is_a_problem(arguments: list[str]) -> None:
    found = scan(arguments)
    assert found.verb == "build"
    assert [problem[0] for problem in found.problems] == ["'tags'"]
    assert "verb" in found.problems[0][1]


@pytest.mark.parametrize(("word", "meant"), [("verfiy", "verify"), ("dry-run", "--dry-run"), ("name=app", "--name")])
def test_a_stray_word_names_what_was_meant(word: str, meant: str) -> None:
    assert f"did you mean {meant}?" in scan([word]).problems[0][2]


@pytest.mark.parametrize("arguments", [["-"], ["build", "-"], ["--", "--name=x"], [""]])
def test_a_stray_word_is_a_problem(arguments: list[str]) -> None:
    found = scan(arguments)
    assert found.rest == arguments[-1:]
    assert len(found.problems) == 1


@pytest.mark.parametrize("verb", ["verify", "sign"])
def test_verify_and_sign_take_images(verb: str) -> None:
    found = scan([verb, "a/b:c", "--output=json", "--", "-d"])
    assert (found.rest, found.problems) == (["a/b:c", "-d"], [])


def test_every_mistake_is_reported_at_once() -> None:
    found = scan(["--nmae=x", "stray", "--debug=maybe", "--timeout", "soon", "---x", "--name"])
    assert [where for where, _, _ in found.problems[:-1]] == ["--nmae", "--debug", "--timeout", "---x", "--name"]
    assert found.problems[-1][0] == "'stray'"


def test_nothing_given_is_all_defaults() -> None:
    found = scan([])
    assert (found.verb, found.given, found.problems, found.rest) == ("build", set(), [], [])
    given_defaults = {name: value for name, value in found.values.items() if value not in (None, False, [])}
    assert given_defaults == {
        "config": "/config/image-builder-config.yaml",
        "context": ".",
        "keep-going": True,
        "output": "human",
    }


def test_two_scans_share_nothing() -> None:
    scan(["--tag=a"])
    assert scan(["--tag=b"]).values["tag"] == ["b"]


def test_the_table_is_the_specification() -> None:
    assert sorted(FLAGS) == sorted(SPECIFIED)


def test_help_names_every_flag_and_verb_in_80_columns() -> None:
    lines = help_text().splitlines()
    first_words = [line.split()[0] for line in lines if line.startswith("  ")]
    assert {f"--{name}" for name in SPECIFIED} | {verb for verb, _ in VERBS} <= set(first_words)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("verb", [verb for verb, _ in VERBS])
def test_help_of_a_verb_names_its_flags_in_80_columns(verb: str) -> None:
    lines = help_text(verb).splitlines()
    named = {line.split()[0].strip("-") for line in lines if line.startswith("  --")}
    assert named == set(verb_flags(verb))
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("words", "topic", "flag"),
    [
        (["help"], "help", "help"),
        (["help", "sign"], "sign", "help"),
        (["sign", "--help"], "sign", "help"),
        (["--help"], "", "help"),
        (["version"], "version", "version"),
    ],
)
def test_help_and_version_are_verbs_too(words: list[str], topic: str, flag: str) -> None:
    found = scan(words)
    assert (found.topic, found.values[flag], found.problems) == (topic, True, [])


@pytest.mark.parametrize(("words", "shell"), [(["completion", "fish"], "fish"), (["completion", "tcsh"], "")])
def test_completion_takes_a_shell(words: list[str], shell: str) -> None:
    found = scan(words)
    assert (found.shell, len(found.problems)) == (shell, 0 if shell else 1)
