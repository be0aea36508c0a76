"""Where the tool writes when nobody says where."""

import os
import pwd

from image_builder.default_folders import engine_state_directory, state_directory
from image_builder_domain.trust.side import Side


def test_the_state_folder_is_the_user_s_own_without_a_variable_too() -> None:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    assert state_directory({}) == state_directory({"HOME": home}) == f"{home}/.local/state/image-builder"
    assert state_directory({"HOME": home, "XDG_STATE_HOME": "/state"}) == "/state/image-builder"


def test_engines_keep_what_each_side_leaves_apart() -> None:
    kept = {side: engine_state_directory({"XDG_STATE_HOME": "/state"}, side) for side in Side}
    assert kept == {
        Side.PRODUCTION: "/state/image-builder",
        Side.UNMERGED: "/state/image-builder/unmerged",
        Side.LOCAL: "/state/image-builder/local",
    }
