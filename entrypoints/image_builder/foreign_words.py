"""What users of other tools write, and what to write here: Docker, BuildKit, kaniko, bake and the reference tool.

Loaded only after a mistake. An answer is what is wrong and what to do.
"""

from image_builder.flag_table import VERBS

Answer = tuple[str, str]

_RETIRED = "this flag is retired"
_LABEL = "labels are not set by a flag"
_PUSHED = "every build pushes to the registries of the configuration"
_RUN_ITSELF = "the image is not run or kept on this machine"
_NAME = "write --name NAME, and a --tag VALUE for each tag; the configuration names the registry"
_CACHE = "caches are set in the configuration", "write cache.enabled and cache.cache-repo there"
_BUILDER = (
    "the builder is not chosen by this flag",
    "write --backend buildkit, and set BUILDKIT_HOST for a remote daemon",
)
_SECRET = (
    "this tool passes no secret to a build step",
    "see the documentation of build arguments; never write a secret in --build-arg",
)
_LOGS = "the format of output is not chosen by this flag", "set log-format in the configuration, or write --silent"
_RETRIES = (
    "attempts are not counted by a flag",
    "leave it out; network errors are retried, and --timeout limits the run",
)

_FLAGS: dict[str, Answer] = {
    # the reference tool
    "azure-access-token": (_RETIRED, "set the environment variable ADO_PAT, which holds the token"),
    "oidc-token": (_RETIRED, "leave it out; in GitHub Actions the permission 'id-token: write' gives the token"),
    "azure-client-id": (_RETIRED, "set the environment variable AZURE_CLIENT_ID"),
    "azure-client-secret": (_RETIRED, "set the environment variable AZURE_CLIENT_SECRET"),
    "azure-tenant-id": (_RETIRED, "set the environment variable AZURE_TENANT_ID"),
    "build-engine": (_RETIRED, "write --backend buildkit or --backend kaniko"),
    "run-as-gh-action": (_RETIRED, "leave it out; GitHub Actions is detected, and nothing replaces the flag"),
    # docker build, docker buildx build
    "t": ("unknown flag", _NAME),
    "f": ("unknown flag", "write --dockerfile PATH, relative to --context"),
    "file": ("unknown flag", "write --dockerfile PATH, relative to --context"),
    "q": ("unknown flag", "write --silent"),
    "quiet": ("unknown flag", "write --silent"),
    "o": ("unknown flag", f"leave it out; {_PUSHED}"),
    "v": ("unknown flag", "write --version, or --debug for more messages"),
    "verbose": ("unknown flag", "write --debug"),
    "push": (_PUSHED, "leave it out; plan shows what a build would push"),
    "load": (_RUN_ITSELF, f"leave it out; {_PUSHED}"),
    "no-push": (_PUSHED, "write plan, or --dry-run, to push nothing"),
    "secret": _SECRET,
    "ssh": _SECRET,
    "label": (_LABEL, "write LABEL in the Dockerfile"),
    "labels": (_LABEL, "write LABEL in the Dockerfile"),
    "l": (_LABEL, "write LABEL in the Dockerfile"),
    "annotation": ("annotations are not set by a flag", "write LABEL in the Dockerfile"),
    "no-cache": (_CACHE[0], "leave out cache.enabled there"),
    "cache-from": _CACHE,
    "cache-to": _CACHE,
    "cache": _CACHE,
    "cache-repo": _CACHE,
    "cache-dir": _CACHE,
    "builder": _BUILDER,
    "progress": _LOGS,
    "provenance": ("attestations are not set by this flag", "leave it out"),
    "sbom": ("attestations are not set by this flag", "leave it out"),
    "attest": ("attestations are not set by this flag", "leave it out"),
    "pull": ("base images are looked up at every build", "leave it out"),
    "metadata-file": ("unknown flag", "write --build-report-path FILE"),
    "iidfile": ("unknown flag", "write --build-report-path FILE; the report holds the digest"),
    "allow": ("a build gets no entitlement", "leave it out"),
    "network": ("the network of a build is not chosen by a flag", "leave it out"),
    "add-host": ("hosts are not added by a flag", "leave it out, or set them up in BuildKit's daemon"),
    # kaniko
    "destination": ("unknown flag", _NAME),
    "d": ("unknown flag", _NAME),
    "custom-platform": ("unknown flag", "write --platform OS/ARCH"),
    "digest-file": ("unknown flag", "write --build-report-path FILE; the report holds the digest"),
    "image-name-with-digest-file": ("unknown flag", "write --build-report-path FILE; the report holds the digest"),
    "insecure": ("a registry is not made insecure by a flag", "use a registry with TLS, or one on loopback"),
    "skip-tls-verify": ("certificates are always checked", "add the authority's certificate to SSL_CERT_FILE"),
    "reproducible": ("this is not a flag", "write 'reproducible: true' in the configuration"),
    "log-format": ("this is not a flag", "write log-format in the configuration"),
    "verbosity": _LOGS,
    "push-retry": _RETRIES,
    "image-download-retry": _RETRIES,
    "single-snapshot": ("kaniko's snapshots are not set by a flag", "leave it out"),
    "snapshot-mode": ("kaniko's snapshots are not set by a flag", "leave it out"),
    "context-sub-path": ("unknown flag", "write --context DIR"),
    # bake, cosign, git
    "set": ("targets are not overridden by a flag", "write the flag itself, such as --platform or --build-arg"),
    "print": ("unknown flag", "write plan"),
    "image": ("unknown flag", _NAME),
    "images": ("unknown flag", "write --images-to-sign IMAGE"),
    "tags": ("unknown flag", "write --tag VALUE for each tag"),
    "key": ("keys are not given by a flag", "write sign-config.signers in the configuration"),
    "sign": ("a build signs what the configuration says", "leave it out, or write sign IMAGE to sign existing images"),
    "commit": ("commits have no flag", "set PULL_BASE_SHA"),
    "sha": ("commits have no flag", "set PULL_BASE_SHA"),
    "n": ("unknown flag", "write --dry-run, or --name NAME"),
    "c": ("unknown flag", "write --config FILE"),
}

_SWITCHES = frozenset(
    (
        "run-as-gh-action",
        "q",
        "quiet",
        "verbose",
        "push",
        "load",
        "no-push",
        "no-cache",
        "pull",
        "insecure",
        "skip-tls-verify",
        "reproducible",
        "single-snapshot",
        "print",
        "sign",
        "sbom",
        "provenance",
        "v",
        "n",
    )
)

_VERBS = f"the verbs are {', '.join(verb for verb, _ in VERBS)}"
_NOT_HERE = "this is not a command here"
_WORDS: dict[str, Answer] = {
    ".": ("the build context is not a word", "leave it out, or write --context DIR"),
    "push": (_NOT_HERE, f"write build; {_PUSHED}"),
    "bake": (_NOT_HERE, "write build once for each image; a variants.yaml builds variants of one"),
    "buildx": (_NOT_HERE, "write build --backend buildkit"),
    "run": (_NOT_HERE, f"{_RUN_ITSELF}; {_VERBS}"),
    "login": (_NOT_HERE, "use docker login, or write the file that DOCKER_CONFIG names; this tool reads it"),
    "inspect": (_NOT_HERE, "write verify IMAGE"),
    "executor": (_NOT_HERE, "write build --backend kaniko"),
    "kaniko": (_NOT_HERE, "write build --backend kaniko"),
    "buildkit": (_NOT_HERE, "write build --backend buildkit"),
    "ado": (_NOT_HERE, "write build --build-in-ado"),
    "config": (_NOT_HERE, "write schema for the configuration's schema, or --config FILE"),
    "list": (_NOT_HERE, f"write tags or plan; {_VERBS}"),
    "check": (_NOT_HERE, "write doctor to check this machine, or verify IMAGE to check an image"),
    "lint": (_NOT_HERE, "write plan, which reports every problem and builds nothing"),
    "validate": (_NOT_HERE, "write plan, which reports every problem and builds nothing"),
    "attest": (_NOT_HERE, f"{_VERBS}"),
    "tag": (_NOT_HERE, "write tags to print the tags, or --tag VALUE to add one"),
}


def answer_to_flag(name: str) -> Answer | None:
    """What is wrong with a flag of another tool, and what to write; None for one that is not known."""
    return _FLAGS.get(name.lower())


def stands_for(name: str) -> str | None:
    """Our flag that a flag of another tool gives the value of, so that it is not missing, too."""
    return "name" if name.lower() in ("t", "d", "destination", "image", "n") else None


def is_switch(name: str) -> bool:
    """Whether a flag of another tool takes no value."""
    return name.lower() in _SWITCHES


def answer_to_word(word: str) -> Answer | None:
    """What is wrong with a word of another tool, and what to write; None for one that is not known."""
    if word in ("./", ".."):
        return _WORDS["."]
    return _WORDS.get(word)
