"""What Go answered when it was asked last: thousands of templates, without Go."""

from image_builder_domain.go.template import render
from returns.result import Success

from tests.go_template.recorded import generated, recorded, written
from tests.go_template.reference import DATA, difference, is_own_limit

ROWS = recorded()


def test_the_record_is_large_and_whole() -> None:
    sources = {source for source, _ in ROWS}
    assert len(written()) >= 300
    assert sources.issuperset(written())
    assert len(sources.difference(written())) >= 2000
    assert sources.issuperset(generated(20))  # the grammar is the one that was recorded


def test_we_give_what_go_gave_or_refuse_by_name() -> None:
    assert [found for source, answer in ROWS if (found := difference(source, answer))] == []


def test_few_templates_that_go_renders_are_beyond_our_limits() -> None:
    rendered = [source for source, answer in ROWS if answer.text is not None]
    assert len(rendered) > 1000
    assert sum(is_own_limit(source) for source in rendered) < len(rendered) / 20


def test_templates_of_every_kind_are_among_those_that_render() -> None:
    rendered = " ".join(source for source, _ in ROWS if isinstance(render(source, DATA), Success))
    words = ("range", "with", "define", "block", "template", "break", "continue", "else if", "printf", "html", "slice")
    methods = (".Format", ".AddDate", ".Truncate", ".Sub", ".Hours", ".Weekday", ".UnixNano", ".Env")
    assert [word for word in (*words, *methods) if word not in rendered] == []
