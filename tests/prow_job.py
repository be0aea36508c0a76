"""The environment of a Prow job, as Prow makes it."""

import json
from typing import Any


def prow_job(job_type: str, base: str, *pulls: tuple[int, str], repo: str = "demo") -> dict[str, str]:
    """A job of ``acme/REPO`` that builds these pull requests (number and head) on top of the commit ``base``."""
    refs: dict[str, Any] = {"org": "acme", "repo": repo, "base_ref": "main", "base_sha": base}
    refs |= {"pulls": [{"number": number, "author": "kim", "sha": sha} for number, sha in pulls]} if pulls else {}
    number, sha = pulls[0] if pulls else (0, "")
    single = {"PULL_NUMBER": str(number), "PULL_PULL_SHA": sha, "PULL_HEAD_REF": "fix/typo"}
    return {
        "CI": "true",
        "PROW_JOB_ID": "6d1f",
        "JOB_TYPE": job_type,
        "JOB_NAME": "build",
        "BUILD_ID": "1",
        "REPO_OWNER": "acme",
        "REPO_NAME": repo,
        "PULL_BASE_REF": "main",
        "PULL_BASE_SHA": base,
        "PULL_REFS": ",".join([f"main:{base}", *(f"{number}:{sha}" for number, sha in pulls)]),
        "JOB_SPEC": json.dumps({"type": job_type, "job": "build", "buildid": "1", "prowjobid": "6d1f", "refs": refs}),
        **(single if job_type == "presubmit" else {}),
    }
