"""Templates: the text that Go gives, or a refusal; never another text."""

import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.go.template import TemplateData, is_template, render, unset_variables
from image_builder_domain.go.template.calendar import format_time, from_datetime
from image_builder_domain.go.template.functions import BUILTINS
from image_builder_domain.go.template.interpreter import interpret
from image_builder_domain.go.template.parser import FUNCTIONS

SHA = "abcdef1234567890abcdef1234567890abcdef12"
DATA = TemplateData(
    commit_sha=SHA, pr_number="7", time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), env={}, nanosecond=67800900
)


@given(st.text(max_size=128).filter(lambda text: "{{" not in text))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert render(text, DATA).unwrap() == text
    assert not is_template(text)


actions = st.sampled_from([("{{ .Date }}", "20260102"), ("{{.PRNumber}}", "7"), ("{{\n.ShortSHA\t}}", "abcdef12")])
texts = st.text(alphabet="ab}.-\n", max_size=4).map(lambda text: (text, text))


@given(st.lists(st.one_of(actions, texts), max_size=16))
def test_each_action_becomes_its_value_and_the_rest_stays(parts: list[tuple[str, str]]) -> None:
    source, text = ("".join(part[side] for part in parts) for side in (0, 1))
    assert render(source, DATA).unwrap() == text


pieces = st.text(alphabet='{}-. Date"`/*=|\n', max_size=12)


@given(pieces, pieces)
def test_braces_never_reach_the_text(before: str, after: str) -> None:
    assert render(before + "{{" + after, DATA).map(lambda text: "{{" not in text).value_or(True)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .CommitSHA }}", SHA),
        ("{{ .ShortSHA }}", "abcdef12"),
        ("{{ .Date }}", "20260102"),
        ("PR-{{ .PRNumber }}", "PR-7"),
        ("{{.Date}}", "20260102"),
        ("{{\n\t.Date\r\n}}", "20260102"),
        ("v{{ .Date }}-{{ .ShortSHA }}", "v20260102-abcdef12"),
        ("{{.Date}}{{.Date}}", "2026010220260102"),
        ("a}}b {{ .PRNumber }} c", "a}}b 7 c"),
        ('{{ .Time.Format "2006-01-02" }}', "2026-01-02"),
        ("{{ .Time.Format `15\r04` }}", "0304"),
        ('{{.Time.Format "{{15"}}', "{{03"),
        ('{{ .Time.Format "a}}" }}', "a}}"),
        ('{{ .Time.Format "20\\x30\\x36" }}', "2026"),
        ('{{ .Time.Format "" }}', ""),
        ("", ""),
    ],
)
def test_a_template_gives_its_text(source: str, text: str) -> None:
    assert render(source, DATA).unwrap() == text


def test_a_short_commit_is_not_padded() -> None:
    data = TemplateData(commit_sha="abc", pr_number="", time=DATA.time, env={})
    assert render("{{ .ShortSHA }}{{ .PRNumber }}", data).unwrap() == "abc"


def test_time_is_rendered_in_utc() -> None:
    moment = datetime(2026, 1, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    data = TemplateData(commit_sha="", pr_number="", time=moment, env={})
    assert render('{{ .Date }} {{ .Time.Format "15:04 MST -07:00" }}', data).unwrap() == "20260101 22:30 UTC +00:00"


@pytest.mark.parametrize(
    ("source", "reason", "under"),
    [
        pytest.param("{{ .Unknown }}", "unknown field .Unknown", ".Unknown", id="unknown field"),
        pytest.param("{{ .date }}", "unknown field .date", ".date", id="case of a field"),
        pytest.param("a{{ .Date", "'{{' is never closed", "{{ .Date", id="not closed"),
        pytest.param("{{ .Date-x }}", "unexpected '-' after '.Date'", "-x", id="bad character"),
        pytest.param('{{ "a }}', "never closed on its line", '"a', id="text not closed"),
        pytest.param("{{}}", "a value is missing in the action", "}}", id="empty action"),
        pytest.param("{{ nope }}", "unknown function 'nope'", "nope", id="unknown function"),
        pytest.param("{{ $x }}", "unknown variable $x", "$x", id="unknown variable"),
        pytest.param("{{ .Date.Year }}", "string has no .Year", ".Date.Year", id="field of a text"),
        pytest.param("{{ .Time.Yaer }}", "time.Time has no .Yaer", ".Time.Yaer", id="unknown method"),
        pytest.param("{{ .Date 1 }}", ".Date is a field, and takes no arguments", ".Date", id="argument to a field"),
        pytest.param("{{ (.Date) 1 }}", "only functions and methods take arguments", "(", id="argument to a value"),
        pytest.param("{{ if 1 }}x", "an {{end}} is missing", "", id="no end"),
        pytest.param("{{ end }}", "{{end}} closes nothing", "end }}", id="an end too many"),
        pytest.param('{{ template "a" }}', "unknown template 'a'", "template", id="unknown template"),
        pytest.param("{{ .Time.Format 1 }}", "an argument of the type string", "1 }}", id="type of an argument"),
        pytest.param("{{ .Time.Format }}", ".Format takes 1 argument, not 0", ".Time.Format", id="number of arguments"),
        pytest.param('{{ lt 1 "a" }}', "int and string cannot be compared", "lt", id="comparison"),
        pytest.param('{{ slice "ab" 9 }}', "position 9 is outside a text of 2 bytes", "slice", id="slice"),
        pytest.param("{{ 1i }}", "complex numbers are not supported", "1i", id="complex number"),
        pytest.param("{{ . }}", "printing the whole of '.' is not supported", ".", id="the root"),
        pytest.param("{{ .Time.MarshalText }}", "bytes are not supported", ".Time.MarshalText", id="bytes"),
        pytest.param("{{ .Time.Date }}", "gives several values", ".Time.Date", id="several values"),
        pytest.param('{{ .Env "ADO_PAT" }}', "'ADO_PAT' may hold a secret", '"ADO_PAT"', id="secret"),
        pytest.param(
            '{{ .Env "my_api_key" }}', "'my_api_key' may hold a secret", '"my_api_key"', id="secret by its name"
        ),
        pytest.param(
            '{{ .Env (print "ADO" "_PAT") }}', "may hold a secret", "print", id="name of a secret put together"
        ),
        pytest.param("{{\u00a0.Date }}", "unexpected '\\xa0'", "\u00a0", id="a blank that Go does not know"),
    ],
)
def test_what_is_wrong_is_named_and_shown(source: str, reason: str, under: str) -> None:
    failure = render(source, DATA).failure()
    assert failure.source == source
    assert reason in failure.reason
    assert source[failure.position :].startswith(under)
    _, line, mark = str(failure).splitlines()
    assert len(mark) - 5 == failure.position
    assert line[4:] == source.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ .Dat }}", ".CommitSHA, .Date, .Env, .PRNumber, .ShortSHA, .Time"),
        ("{{ nope }}", "and, call, eq, ge, gt, html, index, js, le, len, lt, ne, not, or, print"),
        ("{{ $x := 1 }}{{ $y }}", "$, $x"),
        ("{{ .Time.Nope }}", ".Year, .Month, .Day"),
        ("{{ .Date.Nope }}", "no fields or methods here"),
        ('{{ define "a" }}{{ end }}{{ template "b" }}', "'a', 'tag'"),
    ],
)
def test_an_error_tells_the_names_that_exist(source: str, names: str) -> None:
    assert f"; available: {names}" in str(render(source, DATA).failure())


def test_an_error_in_a_long_template_shows_what_is_around_it() -> None:
    text = str(render("\u202e" * 99 + "{{ .Nope }}" + "z" * 99, DATA).failure())
    _, line, mark = text.splitlines()
    assert line == "    ..." + " " * 57 + "{{ .Nope }}" + "z" * 52 + "..."
    assert line[mark.index("^") :].startswith(".Nope")


# --- limits -----------------------------------------------------------------------------------------------------


def test_a_template_is_at_most_4_kib_long() -> None:
    assert render("{{/*" + "é" * 2044 + "*/}}", DATA).unwrap() == ""
    assert render("{{/*" + "x" * 4088 + "*/}}", DATA).unwrap() == ""
    assert "4096 bytes" in render("{{/*" + "é" * 2044 + "x*/}}", DATA).failure().reason


def test_a_text_has_at_most_128_characters() -> None:
    assert render("é" * 128, DATA).unwrap() == "é" * 128
    assert "longer than 128" in render("é" * 129, DATA).failure().reason
    assert render("a" * 128, DATA).unwrap() == "a" * 128
    assert "longer than 128" in render("a" * 129, DATA).failure().reason
    assert "longer than 128" in render("{{ .CommitSHA }}" * 4, DATA).failure().reason


def test_characters_that_came_byte_by_byte_count_once() -> None:
    halves = '{{ slice "é" 0 1 }}{{ slice "é" 1 }}'
    assert render(halves * 100, DATA).unwrap() == "é" * 100


def test_nesting_is_allowed_up_to_100_levels() -> None:
    assert render("{{" + "(" * 99 + "1" + ")" * 99 + "}}", DATA).unwrap() == "1"
    assert "100 levels" in render("{{" + "(" * 101 + "1" + ")" * 101 + "}}", DATA).failure().reason
    assert "100 levels" in render("{{if 1}}" * 101 + "{{end}}" * 101, DATA).failure().reason


def test_a_template_takes_at_most_10000_steps() -> None:
    assert render("{{ range 9990 }}{{ end }}", DATA).unwrap() == ""
    assert "10000 steps" in render("{{ range 10001 }}{{ end }}", DATA).failure().reason


HOSTILE = {
    "endless loop": "{{ range 9223372036854775807 }}{{ end }}",
    "loops in loops": "{{ range 9999 }}{{ range 9999 }}{{ range 9999 }}{{ end }}{{ end }}{{ end }}",
    "endless recursion": '{{ define "a" }}{{ template "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
    "recursion of the whole": '{{ template "tag" }}',
    "text that doubles": '{{ $x := "abcdefgh" }}{{ range 9999 }}{{ $x = print $x $x }}{{ end }}',
    "width": '{{ printf "%999999d" 1 }}',
    "width as a value": '{{ printf "%*d" 1000000 1 }}',
    "width of 4,000 digits": '{{ printf "%' + "9" * 4000 + 'd" 1 }}',
    "escaping of long texts": '{{ $x := printf "%1000s" "<" }}{{ range 9999 }}{{ $y := js $x $x $x $x }}{{ end }}',
    "comparing of long texts": '{{ $x := printf "%1000s" "é" }}{{ range 9999 }}{{ $y := lt $x (print $x) }}{{ end }}',
    "many parentheses": "{{" + "(" * 2000 + ")" * 2000 + "}}",
    "many blocks": "{{if 1}}" * 500,
    "many openings": "{{" * 2000,
    "many blanks": "{{" + " \n" * 2000,
    "many quotes": "{{" + '"' * 4001,
    "many backslashes": '{{"' + "\\" * 4000,
    "many digits": "{{" + "1_" * 2000 + "}}",
    "a large exponent": "{{ 1e" + "9" * 4000 + " }}",
    "years": "{{ .Time.AddDate 9000000000000000000 9000000000000000000 9000000000000000000 }}",
    "a large environment": '{{ .Env "LARGE" | len }}',
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_templates_are_refused_soon(source: str) -> None:
    data = TemplateData(commit_sha=SHA, pr_number="7", time=DATA.time, env={"LARGE": "x" * 1_000_000})
    before = time.process_time()
    failure = render(source, data).failure()
    assert time.process_time() - before < 2
    assert len(failure.reason) < 200


@pytest.mark.parametrize(
    "receiver", [".", "$", ".Date", ".Time", ".Time.Month", "(len .Date)", "(print 1)", ".Time.Location"]
)
@pytest.mark.parametrize(
    "name", ["__class__", "__init__", "__dict__", "seconds", "moment", "real", "upper", "data", "env"]
)
def test_no_attribute_of_python_can_be_reached(receiver: str, name: str) -> None:
    dotted = f"{receiver if receiver != '.' else ''}.{name}"
    assert "no" in render(f"{{{{ {dotted} }}}}", DATA).failure().reason


def test_a_text_that_is_not_unicode_is_refused() -> None:
    for source in ("\ud800", '{{ "\ud800" }}'):
        assert "half a character" in render(source, DATA).failure().reason


@given(st.text(alphabet="{}-. Date$x\"`'/*=|():,\n01ei+_é\udcff", max_size=40))
def test_any_template_gives_a_text_or_a_failure(inside: str) -> None:
    for source in (inside, "{{" + inside + "}}", "{{ print " + inside + " }}"):
        result = render(source, DATA)
        assert isinstance(result.map(len).value_or(0), int)


# --- the environment --------------------------------------------------------------------------------------------


def test_a_variable_gives_its_value_and_the_empty_text_when_it_is_not_set() -> None:
    data = TemplateData(commit_sha=SHA, pr_number="7", time=DATA.time, env={"BRANCH": "main", "EMPTY": ""})
    assert render('{{ .Env "BRANCH" }}-{{ .Env "EMPTY" }}-{{ .Env "UNSET" }}', data).unwrap() == "main--"
    assert render('{{ or (.Env "UNSET") "dev" }}', data).unwrap() == "dev"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('{{ .Env "A" }}{{ .Env "SET" }}{{ .Env "B" }}{{ .Env "A" }}', ("A", "B")),
        ('{{ if .Env "A" }}{{ .Env "B" }}{{ end }}', ("A",)),
        ('{{ .Env (print "A" "B") }}', ("AB",)),
        ("{{ .Date }}", ()),
        ('{{ .Env "A" }}{{ .Nope }}', ()),
        ('{{ .Env "EMPTY" }}', ()),
    ],
)
def test_variables_that_are_not_set_are_named(source: str, names: tuple[str, ...]) -> None:
    data = TemplateData(commit_sha=SHA, pr_number="7", time=DATA.time, env={"SET": "x", "EMPTY": ""})
    assert unset_variables(source, data) == names


# --- two ways, one language -------------------------------------------------------------------------------------


def test_simple_templates_do_without_the_interpreter() -> None:
    code = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from image_builder_domain.go.template import TemplateData, render\n"
        "data = TemplateData(commit_sha='abcdef1234', pr_number='', time=datetime(2026, 1, 2, tzinfo=UTC), env={})\n"
        "print(render('v{{ .Date }}-{{ .ShortSHA }}', data).unwrap())\n"
        "print(*sorted(name for name in sys.modules if name.startswith('image_builder_domain.')))\n"
    )
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "v20260102-abcdef12",
        "image_builder_domain.go image_builder_domain.go.template image_builder_domain.go.template.data",
    ]


@given(
    st.lists(
        st.sampled_from(["{{", "}}", " ", "\n", "-", ".Date", ".PRNumber", "{", "}", "a", ".", "{{ .Date }}", "\v"])
    )
)
def test_the_short_way_agrees_with_the_interpreter(parts: list[str]) -> None:
    source = "".join(parts)
    whole = interpret(source, DATA).map(lambda rendered: rendered.text)
    assert render(source, DATA).value_or(None) == whole.value_or(None)


def test_the_functions_that_are_known_are_those_that_there_are() -> None:
    assert set(FUNCTIONS) == set(BUILTINS) | {"and", "or"}


# --- the documentation ------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[4] / "docs" / "templates.md").read_text()
EXAMPLES, ERROR = PAGE.split("```\n")[1:4:2]


@pytest.mark.parametrize("line", EXAMPLES.splitlines())
def test_examples_of_the_documentation_give_what_it_says(line: str) -> None:
    source, text = re.split(" {2,}", line)
    data = TemplateData(commit_sha=SHA, pr_number="7", time=DATA.time, env={"BRANCH": "main"})
    assert render(source, data).unwrap() == text


def test_the_error_of_the_documentation_is_what_is_shown() -> None:
    assert f"--tag: {render('v{{ .Date }}-{{ .Sha }}', DATA).failure()}\n" == ERROR


# What Go 1.26 prints for each layout at the three times below.
TIMES = [
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 67800900),
    (datetime(2024, 12, 31, 15, 9, 8, tzinfo=UTC), 0),
    (datetime(2026, 3, 9, 0, 30, 59, tzinfo=UTC), 500000000),
]
LAYOUTS = [
    ("20060102", "20260102", "20241231", "20260309"),
    ("2006-01-02", "2026-01-02", "2024-12-31", "2026-03-09"),
    ("06-1-2", "26-1-2", "24-12-31", "26-3-9"),
    ("January Jan Janet 01 1", "January Jan Janet 01 1", "December Dec Janet 12 12", "March Mar Janet 03 3"),
    (
        "Monday Mon Month Mond MonDay",
        "Friday Fri Month Mond FriDay",
        "Tuesday Tue Month Mond TueDay",
        "Monday Mon Month Mond MonDay",
    ),
    ("02 2 _2|", "02 2  2|", "31 31 31|", "09 9  9|"),
    ("002 __2 ___2|", "002   2 _  2|", "366 366 _366|", "068  68 _ 68|"),
    ("2002 20 _2006 _20", "2002 20 _2026  20", "31366 310 _2024 310", "9068 90 _2026  90"),
    ("15:04:05", "03:04:05", "15:09:08", "00:30:59"),
    ("3:4:5", "3:4:5", "3:9:8", "12:30:59"),
    ("03PM 3pm 15AM", "03AM 3am 03AM", "03PM 3pm 15AM", "12AM 12am 00AM"),
    ("MST UTC GMT", "UTC UTC GMT", "UTC UTC GMT", "UTC UTC GMT"),
    (
        "-0700 -07:00 -07 -070000 -07:00:00",
        "+0000 +00:00 +00 +000000 +00:00:00",
        "+0000 +00:00 +00 +000000 +00:00:00",
        "+0000 +00:00 +00 +000000 +00:00:00",
    ),
    ("Z0700 Z07:00 Z07 Z070000 Z07:00:00 Z", "Z Z Z Z Z Z", "Z Z Z Z Z Z", "Z Z Z Z Z Z"),
    ("05.000 05.999 05,000 05,999", "05.067 05.067 05,067 05,067", "08.000 08 08,000 08", "59.500 59.5 59,500 59,5"),
    (
        "05.0 05.9 05.000000000 05.999999999",
        "05.0 05 05.067800900 05.0678009",
        "08.0 08 08.000000000 08",
        "59.5 59.5 59.500000000 59.5",
    ),
    ("05.0000000000000 05.99999999999999", "05.067800900 05.0678009", "08.000000000 08", "59.500000000 59.5"),
    (
        "05.0001 05.99a 05.9990 .x ,",
        "05.0001 05.06a 05.9990 .x ,",
        "08.0012 08a 08.9990 .x ,",
        "59.0003 59.5a 59.9990 .x ,",
    ),
    ("%Y-%m-%d yyyy", "%Y-%m-%d yyyy", "%Y-%m-%d yyyy", "%Y-%m-%d yyyy"),
    ("0000 07 08 0 00 000", "0000 07 08 0 00 000", "0000 07 08 0 00 000", "0000 07 08 0 00 000"),
    (
        "15150 1515 115 1 11 12 13",
        "03030 0303 103 1 11 12 13",
        "15150 1515 1215 12 1212 1231 123",
        "00000 0000 300 3 33 39 312",
    ),
    ("200620062 22006 2 20061", "202620262 22026 2 20261", "2024202431 312024 31 202412", "202620269 92026 9 20263"),
    ("Jan2Mon3MST4", "Jan2Fri3UTC4", "Dec31Tue3UTC9", "Mar9Mon12UTC30"),
    (
        "JanuaryFebruary januaryJANUARY jan JAN",
        "JanuaryFebruary januaryJANUARY jan JAN",
        "DecemberFebruary januaryJANUARY jan JAN",
        "MarchFebruary januaryJANUARY jan JAN",
    ),
    ("-07000 -0 -07:0 -7 Z7 Z0", "+00000 -0 +00:0 -7 Z7 Z0", "+00000 -0 +00:0 -7 Z7 Z0", "+00000 -0 +00:0 -7 Z7 Z0"),
    ("", "", "", ""),
    ("v20060102T150405Z0700", "v20260102T030405Z", "v20241231T150908Z", "v20260309T003059Z"),
    ("-01-02", "-01-02", "-12-31", "-03-09"),
    ("2006年01月02日", "2026年01月02日", "2024年12月31日", "2026年03月09日"),
    ("_1 _3 __ _", "_1 _3 __ _", "_12 _3 __ _", "_3 _12 __ _"),
    ("PMpm PmP p", "AMam PmP p", "PMpm PmP p", "AMam PmP p"),
    ("1.2.3 .000.000 .9.9.9", "1.2.3 .067.067 ", "12.31.3 .000.000 ", "3.9.12 .500.500 .5.5.5"),
]


@pytest.mark.parametrize("row", LAYOUTS, ids=lambda row: row[0] or "empty")
def test_a_layout_gives_what_go_gives(row: tuple[str, ...]) -> None:
    layout, *expected = row
    assert [format_time(layout, from_datetime(*moment)) for moment in TIMES] == expected


# What Go 1.26 gives.
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ range 2 }}{{ range 0 }}{{ else }}{{ break }}{{ end }}-{{ end }}", "--"),
        ("{{ range 2 }}{{ range 0 }}{{ else }}{{ continue }}{{ end }}-{{ end }}", ""),
        ("{{ range 2 }}{{ range 0 }}{{ else }}a{{ if true }}{{ break }}{{ end }}b{{ end }}-{{ end }}", "a-a-"),
    ],
)
def test_a_break_in_the_else_of_a_range_ends_that_range_alone(source: str, text: str) -> None:
    assert render(source, DATA).unwrap() == text
