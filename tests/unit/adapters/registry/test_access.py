"""The scopes of a token: what a request needs, and what the registry names."""

import pytest
from image_builder_adapters.registry.access import Access
from image_builder_domain.image.reference import Repository

APP, BASE = Repository("registry.example", "team/app"), Repository("registry.example", "team/base")


@pytest.mark.parametrize(
    ("access", "named", "expected"),
    [
        pytest.param(Access(APP), "", ["repository:team/app:pull"], id="read"),
        pytest.param(Access(APP), "repository:team/app:pull", ["repository:team/app:pull"], id="named"),
        pytest.param(Access(APP, True), "", ["repository:team/app:pull,push"], id="write"),
        pytest.param(
            Access(APP, True), "repository:team/app:pull", ["repository:team/app:pull,push"], id="named-too-little"
        ),
        pytest.param(
            Access(APP, True, BASE),
            "repository:team/app:push,pull repository:team/base:pull",
            ["repository:team/app:pull,push", "repository:team/base:pull"],
            id="mount",
        ),
        pytest.param(
            Access(APP), "registry:catalog:*", ["repository:team/app:pull", "registry:catalog:*"], id="another"
        ),
    ],
)
def test_scopes(access: Access, named: str, expected: list[str]) -> None:
    assert list(access.scopes(named)) == expected
