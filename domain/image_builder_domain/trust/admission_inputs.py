"""The variables of the pipeline's check: what a run claims, and what the administrators' variable group says.

Azure leaves a macro whose variable is not set as it is written; such a value counts as empty.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.document import Node
from image_builder_domain.configuration.production_ref import ProductionRefs, production_refs
from image_builder_domain.job import variable
from image_builder_domain.job.azure_pipelines import given_variables
from image_builder_domain.job.state import JobType
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problem, Problems, refuse, together
from image_builder_domain.trust.admission import JOB_TYPES, AdmissionRules, ClaimedRun

DEFAULT_ISSUER: Final = "https://token.actions.githubusercontent.com"
DEFAULT_AUDIENCE: Final = "image-builder"
DEFAULT_SOURCE: Final = "https://github.com"
REFS: Final = "PRODUCTION_REFS"
_BASE_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/#@+-]*")


def read_claims(environment: Mapping[str, str]) -> Result[ClaimedRun, Problems]:
    """The claims of a run, from Prow's names; problems name the pipeline's parameters."""
    given = given_variables(environment)
    names = variable.repository(given.get("REPO_OWNER", ""), given.get("REPO_NAME", ""), "RepoOwner, RepoName")
    job_type, base_ref = _job_type(given.get("JOB_TYPE", "")), _base_ref(given.get("PULL_BASE_REF", ""))
    base_sha = variable.commit(given.get("PULL_BASE_SHA", ""), "PullBaseSHA")
    change = job_type.bind(lambda found: _change(found, given.get("PULL_PULL_SHA", ""), given.get("PULL_NUMBER", "")))
    return together(names, job_type, base_ref, base_sha, change).map(
        lambda found: ClaimedRun(*found[0], found[1], found[2], found[3], *found[4])
    )


def _job_type(word: str) -> Result[JobType, Problems]:
    known = {job_type.value: job_type for job_type in JOB_TYPES}
    if word in known:
        return Success(known[word])
    return refuse("JobType", f"{word!r} is not a class of jobs that the pipeline takes", nearest(word, known))


def _base_ref(text: str) -> Result[str, Problems]:
    if not text or _BASE_REF.fullmatch(text):
        return Success(text)
    return refuse("BaseRef", f"{text!r} is not a branch or tag", "send its name, of letters, digits and ._/#@+-")


def _change(job_type: JobType, head: str, number: str) -> Result[tuple[str | None, int | None], Problems]:
    """The proposed commit and the pull request, as far as this class of jobs has them."""
    if job_type is JobType.PRESUBMIT:
        return together(variable.commit(head, "PullPullSHA"), variable.number(number, "PullNumber"))
    if number not in ("", "0"):
        return refuse("PullNumber", f"{number!r}, but a {job_type.value} has no pull request", "leave it out")
    if job_type is JobType.MERGE_GROUP:
        return variable.commit(head, "PullPullSHA").map(lambda commit: (commit, None))
    if head:
        return refuse("PullPullSHA", f"{head!r}, but a {job_type.value} has no other commit", "leave it out")
    return Success((None, None))


def read_rules(environment: Mapping[str, str], refs: Result[Node, Problems]) -> Result[AdmissionRules, Problems]:
    """The rules of the variable group; ``refs`` is the document that the variable :data:`REFS` holds."""
    given = given_variables(environment)
    source = given.get("SOURCE_URL", DEFAULT_SOURCE)
    return together(
        refs.bind(_refs),
        _issuer(given.get("OIDC_ISSUER", DEFAULT_ISSUER)),
        _flag(given, "UNMERGED_WITHOUT_AUTHORIZATION"),
        _flag(given, "UNPROTECTED_REFS"),
    ).map(
        lambda found: AdmissionRules(
            found[0], found[1], given.get("OIDC_AUDIENCE", DEFAULT_AUDIENCE), _host(source), *found[2:]
        )
    )


def _refs(document: Node) -> Result[ProductionRefs, Problems]:
    problems: list[Problem] = []
    found = production_refs.read(document, REFS, problems)
    return Failure(tuple(problems)) if problems or found is None else Success(found)


def _issuer(url: str) -> Result[str, Problems]:
    remedy = f"write it as in the claim iss, such as {DEFAULT_ISSUER}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return refuse("OIDC_ISSUER", f"{url!r} is not a URL", remedy)
    plain = url == f"https://{parts.netloc}{parts.path}" and "@" not in parts.netloc and not url.endswith("/")
    if plain and parts.hostname and port != 0 and re.fullmatch(r"[\x21-\x7e]+", url):
        return Success(url)
    return refuse("OIDC_ISSUER", f"{url!r} is not an https URL of host and path alone", remedy)


def _flag(given: Mapping[str, str], name: str) -> Result[bool, Problems]:
    word = given.get(name, "false").lower()
    if word in ("true", "false"):
        return Success(word == "true")
    return refuse(name, f"{given[name]!r} is neither true nor false", "write true or false")


def _host(source: str) -> str:
    """The host of repositories, with its port; empty for a folder."""
    try:
        return urlsplit(source).netloc.rpartition("@")[2]
    except ValueError:
        return ""
