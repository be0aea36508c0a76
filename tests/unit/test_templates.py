"""Templates: the text that Go gives, or a refusal; never another text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.templates import TemplateData, is_template, render
from image_builder_domain.templates.time_layout import format_time

SHA = "abcdef1234567890abcdef1234567890abcdef12"
DATA = TemplateData(
    commit_sha=SHA, pr_number="7", time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), env={}, nanosecond=67800900
)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert render(text, DATA).unwrap() == text
    assert not is_template(text)


actions = st.sampled_from([("{{ .Date }}", "20260102"), ("{{.PRNumber}}", "7"), ("{{\n.ShortSHA\t}}", "abcdef12")])
texts = st.text(alphabet="ab}.-\n", max_size=4).map(lambda text: (text, text))


@given(st.lists(st.one_of(actions, texts)))
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
    time = datetime(2026, 1, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    data = TemplateData(commit_sha="", pr_number="", time=time, env={})
    assert render('{{ .Date }} {{ .Time.Format "15:04 MST -07:00" }}', data).unwrap() == "20260101 22:30 UTC +00:00"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("{{ .Unknown }}", "there is no field .Unknown", id="unknown field"),
        pytest.param("{{ .date }}", "there is no field .date", id="case of a field"),
        pytest.param("{{ .Time }}", "a time needs a format", id="time without format"),
        pytest.param("{{ .Date", "never closed", id="not closed"),
        pytest.param("a{{", "never closed", id="nothing after the opening"),
        pytest.param("{{ .Date }", "never closed", id="half closed"),
        pytest.param("{{- .Date }}", "trim markers", id="left trim marker"),
        pytest.param("{{ .Date -}}", "trim markers", id="right trim marker"),
        pytest.param("{{ .Date-}}", "not supported yet", id="dash without a blank"),
        pytest.param("{{ .Date-x }}", "not supported yet", id="bad character"),
        pytest.param("{{}}", "not supported yet", id="empty action"),
        pytest.param("{{ . }}", "not supported yet", id="the root"),
        pytest.param("{{ .Date.Year }}", "not supported yet", id="field of a text"),
        pytest.param("{{ .Date 1 }}", "not supported yet", id="argument to a field"),
        pytest.param("{{ .Date .Date }}", "not supported yet", id="two operands"),
        pytest.param("{{ (.Date) }}", "not supported yet", id="parentheses"),
        pytest.param("{{ .Date | len }}", "not supported yet", id="pipeline"),
        pytest.param('{{ .Env "HOME" }}', "not supported yet", id="environment"),
        pytest.param("{{ if .PRNumber }}x{{ end }}", "not supported yet", id="condition"),
        pytest.param('{{ printf "%s" .Date }}', "not supported yet", id="function"),
        pytest.param('{{ "text" }}', "not supported yet", id="literal"),
        pytest.param("{{ 1 }}", "not supported yet", id="number"),
        pytest.param("{{/* note */}}", "not supported yet", id="comment"),
        pytest.param("{{ $x := .Date }}", "not supported yet", id="variable"),
        pytest.param("{{ .Time.Unix }}", "not supported yet", id="another method"),
        pytest.param("{{ .Time.UTC.Format `2006` }}", "not supported yet", id="chained methods"),
        pytest.param("{{ .Time.Format }}", "not supported yet", id="format without layout"),
        pytest.param('{{ .Time.Format"2006" }}', "not supported yet", id="no blank before the layout"),
        pytest.param('{{ .Time.Format ("2006") }}', "not supported yet", id="layout in parentheses"),
        pytest.param('{{ .Time.Format "2006" "01" }}', "not supported yet", id="two layouts"),
        pytest.param('{{ .Time.Format "2006\n" }}', "not supported yet", id="newline in a string"),
        pytest.param('{{ .Time.Format "a}}" }}', "not supported yet", id="closing braces in a string"),
        pytest.param('{{ .Time.Format "20\\x30" }}', "escapes in a layout", id="escape in a layout"),
        pytest.param("{{{ .Date }}}", "not supported yet", id="three braces"),
        pytest.param("{{ .Date }}{{ .Nope }}", "there is no field .Nope", id="second action"),
        pytest.param("{{\u00a0.Date }}", "not supported yet", id="a blank that Go does not know"),
    ],
)
def test_what_is_not_supported_is_refused(source: str, reason: str) -> None:
    failure = render(source, DATA).failure()
    assert failure.source == source
    assert reason in failure.reason


def test_an_error_shows_template_position_and_fields() -> None:
    failure = render("v1-{{ .Dat }}", DATA).failure()
    assert failure.position == 3
    text, source, marker = str(failure).splitlines()
    assert ".CommitSHA, .Date, .PRNumber, .ShortSHA, .Time" in text
    assert source[marker.index("^") :] == "{{ .Dat }}"


def test_a_template_is_at_most_4_kib_long() -> None:
    assert render("é" * 2048, DATA).unwrap() == "é" * 2048
    assert "4096 bytes" in render("é" * 2048 + "x", DATA).failure().reason


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
    assert [format_time(layout, time, nanosecond) for time, nanosecond in TIMES] == expected
