"""Where the tool writes when nobody says where."""

import os
import pwd

from image_builder.folders import engine_state_directory, state_directory
from image_builder_domain.job_type import JobType


def test_the_state_folder_is_the_user_s_own_without_a_variable_too() -> None:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    assert state_directory({}) == state_directory({"HOME": home}) == f"{home}/.local/state/image-builder"
    assert state_directory({"HOME": home, "XDG_STATE_HOME": "/state"}) == "/state/image-builder"


def test_engines_keep_what_is_not_merged_apart() -> None:
    kept = {job_type: engine_state_directory({"XDG_STATE_HOME": "/state"}, job_type) for job_type in JobType}
    apart = {job_type for job_type, folder in kept.items() if folder == "/state/image-builder/unmerged"}
    assert apart == {JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH}
    assert {kept[job_type] for job_type in JobType if job_type not in apart} == {"/state/image-builder"}
