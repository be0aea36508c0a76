"""The tags of each class of jobs, their order, and the message for each tag that is refused."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.go.template import TemplateData
from image_builder_domain.image.reference import TAG_RULE
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.tags import decide_tags, tag_warnings, user_tags
from image_builder_domain.problem import Problem, Problems, problems_of, refuse
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.tag import Tag, TagSpec, compute_tags, decode_tags, tag_value
from returns.result import Result, Success

from tests.jobs import BASE, HEAD, MAIN, OTHER

PLAIN = Configuration("config.yaml", trust=MAIN)
TAGGED = replace(
    PLAIN,
    commit_tag=TagSpec("default_tag", "commit-{{ .ShortSHA }}", "c"),
    pr_tag=TagSpec("default_tag", "pull-{{ .PRNumber }}", "p"),
    merge_group_tag=TagSpec("group", "group-{{ .ShortSHA }}", "m"),
    additional_pr_tag=TagSpec("additional_tag", "more", "a"),
)
REFS = f"main:{BASE},7:{HEAD},9:{OTHER}"
BATCH = GitState(CiSystem.PROW, JobType.BATCH, None, "acme", "demo", base_sha=BASE, pull_refs=REFS)


def state(job_type: JobType) -> GitState:
    number = 7 if job_type is JobType.PRESUBMIT else None
    found = GitState(CiSystem.PROW, job_type, HEAD, "acme", "demo", number, ref="refs/heads/main")
    return BATCH if job_type is JobType.BATCH else found


def decided(state: GitState, configuration: Configuration, *tags: str) -> Result[list[str], Problems]:
    inputs = TagInputs(Asked(tags=tags), Success(configuration), Success(state), datetime(2026, 1, 2, tzinfo=UTC), {})
    return decide_tags(inputs).map(lambda found: [f"{tag.name}={tag.value}" for tag in found])


FILE = (BuildArgument("V", "0.25.0"), BuildArgument("OWN", "file"))


def env_file_tag(template: str, env_file: Result[tuple[BuildArgument, ...], Problems]) -> Result[list[str], Problems]:
    moment, own = datetime(2026, 1, 2, tzinfo=UTC), {"OWN": "job"}
    pushed = Success(state(JobType.POSTSUBMIT))
    inputs = TagInputs(Asked(tags=(template,)), Success(PLAIN), pushed, moment, own, env_file=env_file)
    return decide_tags(inputs).map(lambda found: [tag.value for tag in found])


def test_a_template_finds_what_the_env_file_sets() -> None:
    assert env_file_tag('v{{ .Env "V" }}', Success(FILE)).unwrap()[0] == "v0.25.0"


def test_the_job_s_own_variable_wins_over_the_env_file() -> None:
    assert env_file_tag('{{ .Env "OWN" }}', Success(FILE)).unwrap()[0] == "job"


def test_an_env_file_that_cannot_be_read_is_a_problem_of_the_tags() -> None:
    assert problems_of(env_file_tag("latest", refuse("--env-file", "missing"))) == (Problem("--env-file", "missing"),)


def test_a_variable_that_is_not_set_is_named_where_it_makes_a_tag_invalid() -> None:
    (found,) = problems_of(env_file_tag('-{{ .Env "NONE" }}', Success(FILE)))
    assert found.remedy == "set NONE in the environment, or change the value"


def test_variables_that_are_not_set_are_warned_of_with_their_tag() -> None:
    tagged = replace(PLAIN, commit_tag=TagSpec("t", 'v{{ .Env "A" }}{{ .Env "SET" }}{{ .Env "B" }}', "config.yaml:3:1"))
    asked = Asked(tags=('{{ or (.Env "C") "dev" }}', '{{ or (.Env "C") "dev" }}', "latest"))
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    inputs = TagInputs(asked, Success(tagged), Success(state(JobType.POSTSUBMIT)), moment, {"SET": "x", "B": ""})
    warnings = tag_warnings(inputs)
    assert [warning.partition(":")[0] for warning in warnings] == ["--tag", "config.yaml"]
    assert all("which is not set" in warning for warning in warnings)
    assert ["'C'" in warnings[0], "'A'" in warnings[1]] == [True, True]


@pytest.mark.parametrize(
    ("job_type", "plain", "tagged"),
    [
        *(
            pytest.param(found, ["default_tag=v20260102-22222222"], ["default_tag=commit-22222222"], id=found.value)
            for found in JobType
            if found not in (JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH)
        ),
        pytest.param(
            JobType.PRESUBMIT, ["default_tag=PR-7"], ["default_tag=pull-7", "additional_tag=more"], id="presubmit"
        ),
        pytest.param(
            JobType.MERGE_GROUP, ["default_tag=v20260102-22222222"], ["group=group-22222222"], id="merge_group"
        ),
    ],
)
def test_the_user_s_tags_come_first_then_those_of_the_class(
    job_type: JobType, plain: list[str], tagged: list[str]
) -> None:
    assert decided(state(job_type), PLAIN, "latest").unwrap() == ["latest=latest", *plain]
    assert decided(state(job_type), TAGGED, "latest").unwrap() == ["latest=latest", *tagged]


@pytest.mark.parametrize(
    "job_type", [JobType.POSTSUBMIT, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH, JobType.PERIODIC]
)
def test_a_push_that_is_not_production_has_the_tags_of_a_merge_group(job_type: JobType) -> None:
    pushed = replace(state(job_type), ref="refs/heads/fix")
    assert decided(pushed, TAGGED, "latest").unwrap() == ["latest=latest", "group=group-22222222"]


def test_a_merge_group_without_a_default_of_its_own_takes_that_of_commits() -> None:
    found = decided(state(JobType.MERGE_GROUP), replace(TAGGED, merge_group_tag=None))
    assert found.unwrap() == ["default_tag=commit-22222222"]


@pytest.mark.parametrize("configuration", [PLAIN, TAGGED])
def test_a_batch_is_named_by_the_pull_requests_in_it(configuration: Configuration) -> None:
    digits = sha256(REFS.encode()).hexdigest()[:12]
    assert decided(BATCH, configuration, "latest").unwrap() == ["latest=latest", f"default_tag=batch-{digits}"]
    other = replace(BATCH, pull_refs=REFS.replace("9:", "8:"))
    assert decided(other, configuration).unwrap() != [f"default_tag=batch-{digits}"]


@pytest.mark.parametrize("template", ["v{{ .ShortSHA }}", "{{.CommitSHA}}", '{{ printf "%s" .CommitSHA }}'])
def test_a_batch_never_gets_a_tag_made_of_a_commit_that_it_does_not_have(template: str) -> None:
    problems = problems_of(decided(BATCH, PLAIN, f"mine={template}"))
    assert ["a batch has none of its own" in str(problem) for problem in problems] == [True]


def test_a_batch_may_use_the_date_in_a_tag() -> None:
    assert "mine=CommitSHA-20260102" in decided(BATCH, PLAIN, "mine=CommitSHA-{{ .Date }}").unwrap()


# --- tags that are refused ----------------------------------------------------------------------------------------

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
DATA = TemplateData(commit_sha="abcdef1234" * 4, pr_number="", time=MOMENT, env={}, nanosecond=0)
COMMIT = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "abcdef1234" * 4, "acme", "demo")
NO_BASE64 = Problem(
    "--tag-base64", "the value is not base64 of UTF-8 text", "encode it with base64, alphabet and padding included"
)


def only(result: Result[object, Problems]) -> Problem:
    (problem,) = problems_of(result)
    return problem


def asked_for(asked: Asked, state: GitState = COMMIT) -> Result[tuple[Tag, ...], Problems]:
    return decide_tags(TagInputs(asked, Success(Configuration("config.yaml")), Success(state), MOMENT, {}))


@pytest.mark.parametrize("epoch", ["yesterday", "-1", "1e9", " 12", "1_0", "\u0661", "9" * 12])
def test_a_time_that_the_job_fixes_and_that_is_none_is_refused(epoch: str) -> None:
    inputs = TagInputs(
        Asked(), Success(Configuration("config.yaml")), Success(COMMIT), MOMENT, {"SOURCE_DATE_EPOCH": epoch}
    )
    assert only(decide_tags(inputs)) == Problem(
        "SOURCE_DATE_EPOCH", f"{epoch!r} is not a time", "give the seconds since 1970, such as 1700000000"
    )


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("", "the tag is empty", "give a value, such as --tag latest"),
        ("name=", "the tag is empty", "give a value, such as --tag latest"),
        ("=value", "'value' gives the tag no name", "write name=value"),
        ("{{ . }}", None, None),
        ("...=x", "'x' gives the tag no name", "write name=value"),
    ],
)
def test_a_tag_that_cannot_be_asked_for(text: str, what: str | None, remedy: str | None) -> None:
    found = TagSpec.parse(text, "here")
    if what is None:
        assert only(found) == Problem("here", "'{{ . }}' gives the tag no name", "write name=value")
    else:
        assert only(found) == Problem("here", what, remedy or "")


def test_only_the_first_sign_splits_name_and_value() -> None:
    assert TagSpec.parse("a=b=c", "here").unwrap() == TagSpec("a", "b=c", "here")


def test_what_has_no_place_of_its_own_was_asked_for_on_the_command_line() -> None:
    assert TagSpec.parse("a").unwrap().where == "--tag"


@pytest.mark.parametrize(
    ("spec", "what", "remedy"),
    [
        (
            TagSpec("n", "{{ .PRNumber }}", "here"),
            "the template '{{ .PRNumber }}' gives an empty tag",
            "use a field that has a value",
        ),
        (
            TagSpec("n", "a/b", "here"),
            f"'a/b' is not a tag: {TAG_RULE}",
            "change the value, for example to 'a-b'",
        ),
        (TagSpec("n", "a", "here", "b"), "the tag 'a' does not match the pattern 'b'", "change the value"),
        (TagSpec("n", "a", "here", "("), "the tag 'a' does not match the pattern '('", "change the value"),
    ],
)
def test_a_value_that_cannot_be_a_tag(spec: TagSpec, what: str, remedy: str) -> None:
    assert only(tag_value(spec, DATA)) == Problem("here", what, remedy)


def test_one_name_with_two_values() -> None:
    clash = "the name 'a' has two values, 'x' and 'y'"
    specs = (TagSpec("a", "x", "one"), TagSpec("a", "y", "two"))
    assert only(compute_tags(specs, DATA)) == Problem("--tag", clash, "give each tag a name of its own: name=value")


def test_tags_in_base64_follow_the_others_and_know_where_they_come_from() -> None:
    found = user_tags(Asked(tags=("a",), tag_base64=encoded("b,c={{ .Date }}\n"))).unwrap()
    assert found == (
        TagSpec("a", "a", "--tag"),
        TagSpec("b", "b", "--tag-base64"),
        TagSpec("c", "{{ .Date }}", "--tag-base64"),
    )


def test_problems_of_both_lists_are_reported() -> None:
    found = problems_of(user_tags(Asked(tags=("",), tag_base64=encoded("b,,c"))))
    assert [(problem.where, problem.what) for problem in found] == [
        ("--tag", "the tag is empty"),
        ("--tag-base64", "the tag is empty"),
    ]
    assert [problem.where for problem in problems_of(asked_for(Asked(tags=("",), tag_base64="?")))] == [
        "--tag",
        "--tag-base64",
    ]


@pytest.mark.parametrize("text", ["?", "YQ", "YQ==YQ==", "/w==", "YQ==!"])
def test_a_value_that_is_not_base64_of_text_is_refused(text: str) -> None:
    assert only(decode_tags(text)) == NO_BASE64


@pytest.mark.parametrize(
    ("text", "tags"), [("a\r\n", ("a",)), ("a\n\n", ("a\n",)), ("a,b", ("a", "b")), ("a\r", ("a",)), ("XX", ("XX",))]
)
def test_one_line_end_after_the_list_goes(text: str, tags: tuple[str, ...]) -> None:
    assert decode_tags(encoded(text)).unwrap() == tags


def test_a_batch_is_named_by_the_very_bytes_of_its_variable() -> None:
    state = GitState(CiSystem.PROW, JobType.BATCH, None, "acme", "demo", pull_refs="main:\udcff")
    digits = sha256(b"main:\xff").hexdigest()[:12]
    assert asked_for(Asked(), state).unwrap() == (Tag("default_tag", f"batch-{digits}"),)
    nothing = sha256(b"").hexdigest()[:12]
    assert asked_for(Asked(), replace(state, pull_refs=None)).unwrap() == (Tag("default_tag", f"batch-{nothing}"),)


def test_a_batch_refuses_each_template_that_needs_a_commit() -> None:
    state = GitState(CiSystem.PROW, JobType.BATCH, None, "acme", "demo", pull_refs="main:1")
    assert only(asked_for(Asked(tags=("a={{\n .ShortSHA }}",)), state)) == Problem(
        "--tag",
        "the template '{{\\n .ShortSHA }}' needs a commit, and a batch has none of its own",
        "use .Date, .Time or a fixed text",
    )


def test_a_job_without_a_pull_request_has_an_empty_number() -> None:
    found = asked_for(Asked(tags=('a={{ or .PRNumber "none" }}',))).unwrap()
    assert found[0] == Tag("a", "none")


def test_templates_get_the_time_with_microseconds() -> None:
    found = asked_for(Asked(tags=("a={{ .Time.Nanosecond }}",))).unwrap()
    assert found[0] == Tag("a", "678901000")
