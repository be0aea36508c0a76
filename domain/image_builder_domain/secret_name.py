"""Names of variables and build arguments whose values are secret (specification, section 10)."""

import re

_SECRETS = frozenset({"ADO_PAT", "AZURE_CLIENT_SECRET"})
_WORDS = r"token|secret|password|passwd|credential|key"


def looks_secret(name: str) -> bool:
    """True when a word in the name says that the value should be hidden."""
    return re.search(_WORDS, name, re.IGNORECASE) is not None


def holds_secret(name: str) -> bool:
    """True for the environment variables that templates cannot use."""
    return name in _SECRETS or looks_secret(name)
