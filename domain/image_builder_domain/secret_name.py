"""Names of variables and build arguments whose values are secret (specification, section 10)."""

import re
from typing import Final

_SECRETS = frozenset({"ADO_PAT", "AZURE_CLIENT_SECRET", "DOCKER_AUTH_CONFIG"})
_WORDS = r"token|secret|password|passwd|credential|key"

OWN_SECRETS: Final = frozenset(
    (
        *_SECRETS,
        *("SYSTEM_ACCESSTOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
        *("CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_TOKEN"),
    )
)
"""Variables whose values are always secrets: of this tool, of CI systems, and of clients that it runs."""

SHORTEST_GUESS: Final = 8
"""Characters; GitLab masks no shorter value either ("Mask a CI/CD variable")."""

_PASSWORDS: Final = re.compile(r"passw|passphrase|(?:^|_)pass(?:$|_)|_pwd(?:$|_)", re.IGNORECASE)
_OTHERS: Final = re.compile(
    r"token|secret|credential|authorization|api_?key|(?:^|_)(?:keys?|pat|auth|jwt)(?:$|_)|privatekey", re.IGNORECASE
)
# Suffixes of variables about a secret that are not secret: its path, name or lifetime.
_ABOUT: Final = re.compile(
    r"_(?:FILE|PATH|DIR|URL|URI|ADDR|HOST|SOCK|ENDPOINT|NAME|ID|TYPE|MODE|TTL|VERSION)$", re.IGNORECASE
)
_PLAIN_WORDS: Final = re.compile(r"(?:[A-Z]?[a-z]{1,15}|[A-Z]{1,15})(?:[-_. ](?:[A-Z]?[a-z]{1,15}|[A-Z]{1,15}))*")


def looks_secret(name: str) -> bool:
    """True when a word in the name suggests a secret value."""
    return re.search(_WORDS, name, re.IGNORECASE) is not None


def holds_secret(name: str) -> bool:
    """True for the environment variables that templates cannot use."""
    return name in _SECRETS or looks_secret(name)


def names_secret(name: str) -> bool:
    """True when the name of a variable means a secret, in its value or in a file; "key" is not enough."""
    plain = name.replace("-", "_")  # members of files: client-key-data
    return name in OWN_SECRETS or _PASSWORDS.search(plain) is not None or _OTHERS.search(plain) is not None


def is_secret(name: str, value: str) -> bool:
    """True when the value of a variable, or of a member of a file, is to be hidden in every output.

    A guess by the name may be wrong, and hiding a common word would make the output unreadable: values of less than 8
    characters, and plain words (``production``, ``service-account``), are shown unless the name is one of
    :data:`OWN_SECRETS` or means a password.
    """
    if name in OWN_SECRETS:
        return bool(value)
    if len(value) < SHORTEST_GUESS or _ABOUT.search(name.replace("-", "_")):
        return False
    if _PASSWORDS.search(name):
        return True
    return names_secret(name) and _PLAIN_WORDS.fullmatch(value) is None
