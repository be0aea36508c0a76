"""The side of trust of this job, decided once from the configuration, the git state and git's history.

:func:`decide_job` has the conditions for every mode: the ref is listed, not everybody can create it, and the host is
one of ours. A tag that is not production is refused, because a silent demotion would be a surprise.
:func:`check_start` has the condition that only builds have.
"""

from typing import assert_never

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.trust import TrustSettings
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.trust.configuration_origin import Origin, check_origin
from image_builder_domain.trust.history import History, OnBranch, history_hint
from image_builder_domain.trust.listed_ref import exact_branches, listing, proven
from image_builder_domain.trust.side import Job, Listed, Side, Unlisted, claimed_side


def decide_job(
    settings: TrustSettings,
    file: str,
    state: GitState,
    history: History,
    origin: Origin = Origin.APART,
    *,
    require_production: bool = False,
) -> Result[Job, Problems]:
    """The job with its side, or why it is refused.

    ``file`` is the configuration file that the settings come from, and ``origin`` its own. ``history`` answers
    :func:`history_questions`.
    """
    judged = _host_counts(settings, file, state).bind(lambda _: _judged(settings, file, state, history))
    allowed = judged.bind(_required) if require_production else judged
    return allowed.bind(lambda job: check_origin(job, file, origin))


def history_questions(settings: TrustSettings, state: GitState) -> tuple[str, ...]:
    """The branches (short names) of which git must say whether the commit lies on them; none for most jobs."""
    if not state.job_type.is_push_like:
        return ()
    found = listing(settings, state)
    if not isinstance(found, Listed):
        return ()
    is_open = isinstance(proven(settings, state, found, {}), Unlisted)
    exact = exact_branches(settings, found) if is_open or (state.starter_chooses and found.is_tag) else ()
    return tuple(dict.fromkeys((*_claimed_branch(state, found), *exact)))


def check_start(settings: TrustSettings, job: Job, history: History) -> Result[None, Problems]:
    """For builds: where the starter chose ref and commit, the commit must lie on the claimed branch.

    A claimed tag proves nothing: there it must lie on one of the exactly named production branches.
    """
    if not job.is_production or not job.state.starter_chooses or not isinstance(job.listing, Listed):
        return Success(None)
    branches = exact_branches(settings, job.listing) if job.listing.is_tag else _claimed_branch(job.state, job.listing)
    answers = {branch: history.get(branch, OnBranch.UNREADABLE) for branch in branches}
    if OnBranch.YES in answers.values():
        return Success(None)
    lies = "; ".join(f"{branch}: {answer.value}" for branch, answer in answers.items()) or "no branch is known"
    unproven = f"nothing proves that {job.state.commit} is merged ({lies})"
    what = f"the person who starts this job chooses its commit, and {unproven}"
    hints = dict.fromkeys(filter(None, (history_hint(answer, job.state.system) for answer in answers.values())))
    return refuse(job.state.system.value, what, "; ".join(hints) or "start the job for a commit of the branch")


def _claimed_branch(state: GitState, found: Listed) -> tuple[str, ...]:
    return (state.base_ref,) if state.starter_chooses and state.base_ref and not found.is_tag else ()


def _judged(settings: TrustSettings, file: str, state: GitState, history: History) -> Result[Job, Problems]:
    claimed = claimed_side(state.job_type)
    match claimed:
        case Side.LOCAL:
            return Success(Job(state, claimed, "it runs outside every CI system", state.job_type))
        case Side.UNMERGED:
            reason = f"a {state.job_type.value} builds code that is not merged"
            return Success(Job(state, claimed, reason, state.job_type))
        case Side.PRODUCTION:
            return _pushed(settings, file, state, history)
        case _:
            assert_never(claimed)


def _pushed(settings: TrustSettings, file: str, state: GitState, history: History) -> Result[Job, Problems]:
    """A push-like job: production, counted as a merge group, or refused."""
    found = listing(settings, state)
    if isinstance(found, Listed):
        found = proven(settings, state, found, history)
    if isinstance(found, Listed):
        return Success(Job(state, Side.PRODUCTION, found.reason, state.job_type, found))
    what = f"this {state.job_type.value} job is not production: {found.reason}"
    if found.is_refused:
        return refuse(file, what, found.remedy)
    warning = f"{what}; it counts as a merge group, whose images go to dev-registry; {found.remedy}"
    return Success(Job(state, Side.UNMERGED, found.reason, JobType.MERGE_GROUP, found, (warning,)))


def _host_counts(settings: TrustSettings, file: str, state: GitState) -> Result[None, Problems]:
    """``org/repo`` of another host is another repository, and a Jenkins job can build any URL."""
    hosts = settings.repository_hosts
    is_unsure = state.system is CiSystem.JENKINS and state.job_type.is_push_like
    if hosts and state.host is not None and state.host.lower() not in hosts:
        what = f"the repository lies on {state.host}, which is not one of the repository-hosts"
        return refuse(file, what, "add the host there, if its repositories are yours")
    if is_unsure and (not hosts or state.host is None):
        host = state.host or "github.com"
        what = f"Jenkins builds {state.repository} of any host, and repository-hosts does not say which hosts are yours"
        return refuse(file, what, f"add the line 'repository-hosts: [{host}]'")
    return Success(None)


def _required(job: Job) -> Result[Job, Problems]:
    if job.is_production:
        return Success(job)
    what = f"this job is on the {job.side.value} side: {job.reason}"
    return Failure((Problem("--require-production", what, "run it for a production ref, or omit the flag"),))
