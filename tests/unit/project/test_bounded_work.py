"""No foreign text of 1 MiB costs more than 2 s of processor time, and none more than its length deserves.

One table of the parsers of foreign text, each with the texts that are nastiest to it. What a parser says of them is for
other tests; here only its work counts.
"""

import base64
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.azure_devops.answer import error_text as azure_error
from image_builder_adapters.azure_devops.answer import with_place
from image_builder_adapters.azure_devops.log_cursor import LogCursor
from image_builder_adapters.azure_devops.timeline import chains, failures, read_timeline
from image_builder_adapters.buildkit.failure import failure_of as buildkit_failure
from image_builder_adapters.buildkit.metadata import parse_metadata
from image_builder_adapters.buildkit.progress import ProgressReader
from image_builder_adapters.console_text import neutralise, single_line
from image_builder_adapters.cosign.program import is_transient, names_digest, reason_of
from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.http.retry import retry_after_seconds
from image_builder_adapters.identity.signed_token import SignedToken
from image_builder_adapters.job_surroundings import read_event
from image_builder_adapters.kaniko.failure import failure_of as kaniko_failure
from image_builder_adapters.notary.signify import parse_signify
from image_builder_adapters.plugins import engines, signers
from image_builder_adapters.process import Tail
from image_builder_adapters.program_version import version_in
from image_builder_adapters.redaction import PieceRedactor, Redactor
from image_builder_adapters.registry.challenge import parse_challenges
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text as registry_error
from image_builder_adapters.registry.manifest import next_page, parse_referrers, read_manifest
from image_builder_adapters.source_tree import read_source
from image_builder_adapters.yaml_reader import parse_flawed
from image_builder_domain.configuration.keys import configuration
from image_builder_domain.configuration.production_ref import ProductionRefs, RefPattern, branch_ref
from image_builder_domain.go.duration import seconds
from image_builder_domain.go.regexp import Pattern
from image_builder_domain.go.template import TemplateData, render, unset_variables
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.json_object import json_object
from image_builder_domain.plan.inputs import Asked
from image_builder_domain.plan.tags import user_tags
from image_builder_domain.report.pipeline_log import FIRST_LINE, LAST_LINE, last_report, without_timestamps
from image_builder_domain.report.verification import published_images
from image_builder_domain.source.build_argument import env_file_arguments
from image_builder_domain.source.dockerfile import declared_arguments
from image_builder_domain.tag import TagSpec, decode_tags, outside_actions, tag_value
from image_builder_domain.trust.pipeline_admission import read_claims

from tests import jobs
from tests.bounded_work import MOST_SECONDS, Clock, excess
from tests.jobs import prow_job

Parse = Callable[[Any], object]
Make = Callable[[int], Any]

DIGEST = "sha256:" + "a" * 64
REPOSITORY = ImageReference.parse("r.example/a:b").unwrap().repository
DATA = TemplateData(commit_sha="1" * 40, pr_number="7", time=datetime(2026, 1, 2, tzinfo=UTC), env={})
REDACTOR = Redactor(["hunter22", "a b c d", "several\nlines of a secret"])
PIECE = 64 * 1024


# --- texts --------------------------------------------------------------------------------------------------------


def repeated(unit: str, before: str = "", after: str = "") -> Make:
    """``unit`` over and over."""
    return lambda size: before + unit * (size // len(unit.encode())) + after


def numbered(form: str, before: str = "", after: str = "") -> Make:
    """``form`` over and over, each time with another number."""
    return lambda size: before + "".join(form.format(number) for number in range(size // len(form))) + after


def in_base64(make: Make) -> Make:
    return lambda size: base64.b64encode(make(size).encode()).decode()


def records(form: Callable[[int], dict[str, object]]) -> Make:
    return lambda size: {"records": [form(number) for number in range(size // len(json.dumps(form(9999))))]}


def undeclared(size: int) -> tuple[str, str]:
    """A Dockerfile with many arguments, and a ``variants.yaml`` with as many others."""
    numbers = range(size // 24)
    return "".join(f"ARG A{one}\n" for one in numbers), "v:\n" + "".join(f"  B{one}: 1\n" for one in numbers)


DOCKERFILES: dict[str, Make] = {
    "blanks in a directive": repeated(" ", "# a = x", "y"),
    "continued lines": repeated("a\\\n", "RUN "),
    "comments between lines": repeated("#\\\n", "RUN a \\\n"),
    "escapes": repeated("\\", "ARG "),
    "open quote": repeated("a", 'ARG "'),
    "quotes": repeated('"', "ARG "),
    "here-documents": repeated("<<A ", "RUN "),
    "blanks in a here-document": repeated(" ", "RUN <<A", '"'),
    "blanks before a here-document's word": repeated(" ", "RUN <<", "a<"),
    "less-than signs": repeated("<", "RUN "),
    "digits": repeated("1", "RUN <<A ", "<<"),
    "open quotes in here-documents": repeated(' "a', "RUN <<A "),
    "stages": repeated("FROM a\n"),
    "arguments": numbered("ARG A{}\n"),
    "variables": repeated("${", "FROM "),
    "blank lines": repeated(" \n"),
}

YAML: dict[str, Make] = {
    "list": repeated("a,", "[", "]"),
    "keys": numbered("k{}: v\n"),
    "one key": repeated("k: v\n"),
    "depth": repeated("["),
    "aliases": repeated("*a,", "[&a [b,b,b,b,b,b,b,b],", "]"),
    "anchors": numbered("&a{} b,", "[", "]"),
    "escapes": repeated("\\n", 'k: "', '"'),
    "folded lines": repeated("  a\n", "k: >\n"),
    "digits": repeated("1", "k: !!int "),
    "forbidden character": repeated("a", "", "\0"),
    "complex keys": repeated("? a\n"),
    "registries": lambda size: "\n".join(
        f"{key}: [{','.join(f'r.example/{key[:1]}{one}' for one in range(size // 30))}]"
        for key in ("registry", "dev-registry")
    ),
    "signers": numbered(
        "- {{name: s{}, type: notary, config: {{endpoint: 'https://x.example'}}}}\n", "sign-config:\n  signers:\n"
    ),
    "enabled signers": numbered("    o/r{}: [a]\n", "sign-config:\n  enabled-signers:\n"),
    "names of signers": numbered("a{},", 'sign-config:\n  enabled-signers:\n    "*": [', "]"),
    "production refs": numbered("  o/r{}: [a]\n", "production-refs:\n"),
}

TAGS: dict[str, Make] = {
    "commas": repeated(","),
    "words": numbered("a{},"),
    "open actions": repeated("{{ "),
    "quotes": repeated("'", "{{"),
    "escapes": repeated('"\\', "{{"),
    "comments": repeated("/*", "{{"),
    "closed actions": repeated("{{}}"),
}

NAMES: dict[str, Make] = {
    "letters": repeated("a"),
    "slashes": repeated("a/"),
    "dashes": repeated("-", "r.example/a", "a"),
    "underscores": repeated("_", "r.example/a"),
    "dots": repeated("a."),
    "at signs": repeated("@"),
    "passwords": repeated("//a:b@"),
    "colons": repeated(":"),
    "commas": repeated(",7:" + "2" * 40, "main:" + "1" * 40),
}

DOCUMENTS: dict[str, Make] = {
    "depth": repeated("["),
    "lists": repeated("[],", "[", "[]]"),
    "objects": repeated("{},", "[", "{}]"),
    "keys": numbered('"k{}":1,', "{", '"z":1}'),
    "digits": repeated("1"),
    "escapes": repeated("\\u0041", '"', '"'),
    "open text": repeated("a", '{"a":"'),
    "blanks": repeated(" ", "{"),
}
"""JSON that is nasty to everybody."""


def document(key: str, entry: str, last: str = "{}", head: str = "") -> Make:
    """JSON with a long list."""
    return numbered(
        entry.replace("{", "{{").replace("}", "}}").replace("#", "{}") + ",", f'{{{head}"{key}":[', f"{last}]}}"
    )


VERTEX = '{"digest":"a","started":"2026-12-01T00:00:00Z","completed":"2026-12-01T00:00:01Z"}'
STATUS = '{"id":"a","vertex":"a","current":1,"timestamp":"2026-12-01T00:00:00Z"}'
LOG = '{"vertex":"a","data":"eA==","timestamp":"2026-12-01T00:00:00Z"}'

LOGS: dict[str, Make] = {
    "letters": repeated("a"),
    "blanks": repeated(" "),
    "lines": repeated("\n"),
    "commands": repeated("::error::\n"),
    "number signs": repeated("##"),
    "control characters": repeated("\x1b[31m"),
    "wide controls": repeated("\x85"),
    "wide blanks": repeated("\u2003"),
    "byte order marks": repeated("\ufeff"),
    "secrets": repeated("hunter22"),
    "half secrets": repeated("hunter2"),
    "timestamps": repeated("2026-01-02T03:04:05.1234567Z a\n"),
    "reports": repeated(f"{FIRST_LINE}\n{{}}\n{LAST_LINE}\n"),
    "errors": repeated("error: x\n"),
    "solve errors": repeated("A", "error: failed to solve: "),
    "steps": repeated("#1 0.1 a\n", after="#1 ERROR: b\nerror: x"),
    "log lines": repeated('{"level":"info","msg":"a"}\n', after="error building image: waiting for process to exit"),
    "escaped quotes": repeated('\\"', 'level=info msg="'),
    "places": repeated("a (Line: 1, "),
    "good places": repeated("a (Line: 1, Col: 1): b "),
    "places without a file": repeated(" (Line: 1, Col: 1): "),
    "versions": repeated(" ", "version"),
    "digits and dots": repeated("1."),
}

PROGRESS: dict[str, Make] = {
    "vertices": document("vertexes", '{"digest":"#","started":"2026-12-01T00:00:00Z"}', VERTEX),
    "messages": repeated(f'{{"vertexes":[{VERTEX}]}}\n'),
    "group": document("vertexes", '{"digest":"#","progressGroup":{"id":"g"},"started":"2026-12-01T00:00:00Z"}', VERTEX),
    "intervals": numbered('{{"vertexes":[{{"digest":"a","started":"2026-12-01T00:00:00.{}Z"}}]}}\n'),
    "statuses": document("statuses", '{"id":"#","vertex":"a","current":1,"timestamp":"2026-12-01T00:00:00Z"}', STATUS),
    "statuses of many": document("statuses", STATUS.replace('vertex":"a"', 'vertex":"#"'), STATUS),
    "bytes of output": repeated(f'{{"logs":[{LOG}]}}\n'),
    "output of many": numbered('{{"logs":[{{"vertex":"{}","data":"eA==","timestamp":"2026-12-01T00:00:00Z"}}]}}\n'),
    "warnings": document("warnings", '{"vertex":"a","short":"eA==","range":[{"start":{"line":#}}]}', '{"vertex":"a"}'),
    "excerpt": repeated("   1 | >>> a\n", "a:1\n" + "-" * 20 + "\n"),
    "open brace": repeated("{"),
}

HEADERS: dict[str, Make] = {
    "letters": repeated("a"),
    "schemes": repeated("a "),
    "parameters": repeated('a="b",', "Bearer "),
    "open quote": repeated("a", 'Bearer a="'),
    "open quotes": repeated('a="', "Bearer "),
    "escaped quotes": repeated('\\"', 'Bearer a="'),
    "blanks": repeated(" ", "Bearer a", "b"),
    "equals signs": repeated("=", "Basic a", "b"),
    "commas": repeated(","),
    "links": repeated("<a>; rel=nex,"),
    "semicolons": repeated("; ", "<a>"),
    "blanks in a link": repeated(" ", "<a>;"),
    "digits": repeated("1"),
}


# --- parsers ------------------------------------------------------------------------------------------------------


def reported(text: str) -> object:
    reader, data = ProgressReader(lambda _: None, lambda _: None), text.encode()
    for start in range(0, len(data), PIECE):
        reader(data[start : start + PIECE])
    return buildkit_failure(reader.finish(), 1, "w", "r")


def configured(text: str) -> object:
    return parse_flawed(text, "f").bind(
        lambda found: configuration(found[0], "f", flaws=found[1], engines=engines(), signers=signers())
    )


def built_from(texts: tuple[str, str]) -> object:
    """Read a build context with this Dockerfile and these variants."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(("Dockerfile", "variants.yaml"), texts, strict=True):
            (Path(folder) / name).write_text(text)
        return read_source(folder, "Dockerfile", None)


def from_file(name: str, read: Callable[[str], object]) -> Parse:
    """Give ``read`` the path of a file with the text."""

    def parse(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text)
            return read(str(path))

    return parse


def event(path: str) -> object:
    return read_git_state(jobs.PUSH, None, None, read_event(path))


def docker_configuration(path: str) -> object:
    return DockerCredentials({"DOCKER_CONFIG": str(Path(path).parent)}).places(REPOSITORY)


def job(variables: dict[str, str], *names: str) -> Parse:
    """Read the state of a job with the text in these variables."""

    def parse(text: str) -> object:
        return read_git_state({**variables, **dict.fromkeys(names, text)}, None, None, None)

    return parse


def timeline(content: dict[str, Any]) -> object:
    found = read_timeline(content)
    return chains(found, completed=True), failures(found)


def in_pieces(text: str) -> Iterator[bytes]:
    data = text.encode()
    return (data[start : start + PIECE] for start in range(0, len(data), PIECE))


def followed(text: str) -> None:
    """Read one log twice."""
    cursor = LogCursor(lambda _: None)
    for _ in range(2):
        cursor.begin()
        for piece in in_pieces(text):
            cursor.take(piece)
        cursor.end()


def redacted(text: str) -> None:
    redact = PieceRedactor(REDACTOR)
    for piece in in_pieces(text):
        redact(piece)
    redact.rest()


def remembered(text: str) -> object:
    tail = Tail(lambda _: None)
    for piece in in_pieces(text):
        tail(piece)
    return tail.lines()


def answer(body: str, kind: str = "application/json", status: int = 500) -> HttpAnswer:
    return HttpAnswer(status, (("Content-Type", kind),), body.encode())


def lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n"))


CLAIMS = ("REPO_OWNER", "REPO_NAME", "PULL_BASE_REF", "PULL_BASE_SHA", "PULL_PULL_SHA", "PULL_NUMBER")
LISTED = ProductionRefs({"*": tuple(RefPattern.parse(text).unwrap() for text in ("main", "a**" * 30 + "z", "*/a*b"))})


def claimed(text: str) -> object:
    return read_claims(dict.fromkeys(CLAIMS, text))


INDEX = "application/vnd.oci.image.index.v1+json"
PLATFORM = '{"platform":{"os":"linux","architecture":"a#"}}'
REFERRER = '{"mediaType":"a","digest":"' + DIGEST + '","size":#}'
IMAGE = '{"digest":"' + DIGEST + '","signatures":[],"destinations":[{"holds_digest":true,"reference":"r.example/a:#"}]}'

TABLE: dict[str, tuple[Parse, dict[str, Make]]] = {
    "Dockerfile": (declared_arguments, DOCKERFILES),
    "variants.yaml": (
        built_from,
        {
            "undeclared arguments": undeclared,
            "variants": lambda size: ("FROM x\nARG V", numbered("v{}: {{V: a}}\n")(size)),
            "names": lambda size: ("FROM x", numbered("'v {}': 1\n")(size)),
        },
    ),
    "configuration": (configured, YAML),
    "env file": (
        lambda text: env_file_arguments(text, "f"),
        {"lines": repeated("A=b\n"), "wrong lines": repeated("x\n"), "blank lines": repeated(" \n")},
    ),
    "list of tags": (
        lambda text: user_tags(Asked(tag_base64=text)),
        {**{name: in_base64(make) for name, make in TAGS.items()}, "no base64": repeated("A ", "", "!")},
    ),
    "tags": (
        lambda tags: user_tags(Asked(tags=tags)),
        {"many": lambda size: tuple(map(str, range(size // 7))), "one": lambda size: ("{{ " * (size // 3),)},
    ),
    "actions in a tag": (lambda text: (outside_actions(text), decode_tags(text)), TAGS),
    "template": (
        lambda text: (render(text, DATA), unset_variables(text, DATA)),
        {
            "fields": repeated("{{ .Date }}"),
            "parentheses": repeated("(", "{{ "),
            "nesting": repeated("{{if true}}"),
            "verbs": repeated("%9d", '{{ printf "', '" }}'),
            "width": lambda _: '{{ printf "%999999999d" 1 }}',
            "loops": lambda _: "{{ range 999999 }}" * 30 + "x" + "{{ end }}" * 30,
        },
    ),
    "pattern": (
        Pattern.parse,
        {"groups": repeated("("), "options": repeated("a?"), "counts": lambda _: "((((a{9}){9}){9}){9})" * 40},
    ),
    "value of a tag": (
        lambda text: [tag_value(TagSpec("a", text, "w", pattern), DATA) for pattern in ("(a|a)*b", ".*.*.*x")],
        {"letters": repeated("a"), "as long as a tag may be": lambda _: "a" * 128},
    ),
    "duration": (seconds, {"digits": repeated("1"), "parts": repeated("1s"), "fraction": repeated("1", "0.", "s")}),
    "reference": (lambda text: (str(ImageReference.parse(text)), str(RegistryPrefix.parse(text))), NAMES),
    "job of Prow": (job(prow_job("presubmit", "1" * 40, (7, "2" * 40)), "PULL_REFS", "REPO_OWNER"), NAMES),
    "batch of Prow": (job(prow_job("batch", "1" * 40), "PULL_REFS"), NAMES),
    "JOB_SPEC": (
        job(prow_job("presubmit", "1" * 40, (7, "2" * 40)), "JOB_SPEC"),
        {**DOCUMENTS, "pulls": document("pulls", '{"number":#}', head='"refs":{"pulls":[{}]},')},
    ),
    "job of GitHub": (job(jobs.PUSH, "GITHUB_REF", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"), NAMES),
    "job of Azure Pipelines": (job(jobs.AZURE_PUSH, "BUILD_SOURCEBRANCH", "BUILD_REPOSITORY_URI"), NAMES),
    "event of GitHub": (from_file("event.json", event), DOCUMENTS),
    "config.json of Docker": (
        from_file("config.json", docker_configuration),
        {
            **DOCUMENTS,
            "hosts": numbered('"h{}.example":{{}},', '{"auths":{', '"z":{}}}'),
            "helpers": numbered('"h{}.example":"x",', '{"credHelpers":{', '"z":"x"}}'),
        },
    ),
    "manifest": (
        lambda text: read_manifest(answer(text, INDEX, 200), None),
        {**DOCUMENTS, "platforms": document("manifests", PLATFORM, head='"schemaVersion":2,')},
    ),
    "referrers": (lambda text: parse_referrers(text.encode()), {"many": document("manifests", REFERRER)}),
    "error of a registry": (
        lambda text: registry_error(answer(text), REDACTOR),
        {**DOCUMENTS, "errors": document("errors", '{"code":"A","message":"b#"}')},
    ),
    "challenge": (lambda text: parse_challenges([text]), HEADERS),
    "next page": (lambda text: next_page(HttpAnswer(200, (("Link", text),), b"")), HEADERS),
    "Retry-After": (lambda text: retry_after_seconds(text, 0), HEADERS),
    "answer of a notary service": (lambda text: single_line(REDACTOR.text(text), 4096), LOGS),
    "token of signify": (parse_signify, {name: YAML[name] for name in ("keys", "depth", "aliases")}),
    "metadata of BuildKit": (lambda text: parse_metadata(text.encode()), DOCUMENTS),
    "output of buildctl": (reported, {**LOGS, **DOCUMENTS, **PROGRESS}),
    "output of kaniko": (lambda text: kaniko_failure(lines(text), 1, None), LOGS),
    "output of cosign": (
        lambda text: (is_transient(lines(text)), reason_of(lines(text)), names_digest(lines(text), Digest(DIGEST))),
        {**LOGS, **DOCUMENTS},
    ),
    "version of a program": (version_in, LOGS),
    "error of Azure DevOps": (
        lambda text: [
            with_place(line) for line in azure_error(answer(json.dumps({"message": text}))).message.split("\n")
        ],
        LOGS,
    ),
    "positions in errors of Azure DevOps": (with_place, LOGS),
    "timeline": (
        timeline,
        {
            "jobs": records(lambda one: {"type": ("task", "job")[one % 2], "id": str(one), "parentId": str(one - 1)}),
            "issues": records(lambda _: {"type": "task", "result": "failed", "issues": [{"type": "error"}] * 10}),
        },
    ),
    "log of a pipeline": (followed, LOGS),
    "timestamps of a pipeline": (lambda text: without_timestamps(text.encode()), LOGS),
    "report of a pipeline": (last_report, LOGS),
    "images in a pipeline's report": (
        lambda text: last_report(f"{FIRST_LINE}\n{text}\n{LAST_LINE}"),
        {"many": document("images", IMAGE, head='"status":"success","pushed":true,"signed":true,')},
    ),
    "identity token": (
        SignedToken.parse,
        {"header": lambda size: "e" * size + ".e30.e30", "parts": repeated("e."), "letters": repeated("e")},
    ),
    "keys of an issuer": (lambda text: json_object(text.encode(), strict=True), DOCUMENTS),
    "claims of a run": (claimed, NAMES),
    "ref and repository of a job": (lambda text: LISTED.match(text, text, branch_ref(text)), NAMES),
    "build report": (
        lambda text: published_images(text.encode(), "f"),
        {**DOCUMENTS, "images": document("images", IMAGE)},
    ),
    "foreign output for a console": (lambda text: neutralise(text.encode()), LOGS),
    "foreign output with secrets": (redacted, LOGS),
    "end of foreign output": (remembered, LOGS),
}


@pytest.mark.parametrize(
    ("parse", "make"),
    [
        pytest.param(parse, make, id=f"{parser}: {nasty}")
        for parser, (parse, texts) in TABLE.items()
        for nasty, make in texts.items()
    ],
)
def test_work_is_bounded_and_grows_with_the_text_alone(parse: Parse, make: Make) -> None:
    assert excess(parse, make) == ""


# --- the measure itself -------------------------------------------------------------------------------------------


def quadratic(text: str) -> None:
    for _ in range(64 * (len(text) // 1024) ** 2):  # a quarter of 1 MiB takes long enough to compare on fast machines
        pass


def test_a_planted_quadratic_parser_is_seen_at_a_size_that_is_not_slow_yet() -> None:
    assert "a quarter of them" in excess(quadratic, repeated("a"))


@pytest.mark.parametrize(
    ("processor", "wall", "seen"),
    [(8.0, 8.0, "16384 bytes cost 8.00 s"), (0.0, 8.0, "16384 bytes took 8.0 s"), (0.4, 3.0, ""), (1.9, 9.0, "")],
    ids=["works", "sleeps", "is-quick", "waits-for-a-busy-machine"],
)
def test_a_planted_delay_of_each_call_is_seen(processor: float, wall: float, seen: str) -> None:
    spent = {"processor": 0.0, "wall": 0.0}

    def delayed(_: object) -> None:
        spent["processor"] += processor
        spent["wall"] += wall

    clock = Clock(lambda: spent["processor"], lambda: spent["wall"])
    assert excess(delayed, repeated("a"), clock).startswith(seen)
    assert bool(excess(delayed, repeated("a"), clock)) is bool(seen)


def test_the_clock_counts_the_work_of_this_thread() -> None:
    clock = Clock()
    before = clock.processor()
    time.sleep(0.05)
    assert clock.processor() - before < 0.04
    while clock.processor() - before < 0.05:
        pass
    assert clock.processor() - before < MOST_SECONDS
