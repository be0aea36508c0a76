"""Every flag of the command line, as one table: scanning, help and documentation come from it.

Source: specification, section 1. Plain tuples and standard library only: ``--help`` loads nothing else.
"""

TEXT, SWITCH, REPEATED, LIST, NUMBER, DURATION, CHOICE = "text switch repeated list number duration choice".split()  # noqa: SIM905

# The modes that a flag has a meaning for. ``tags`` and ``publish`` take those of a build: jobs give all of them one
# command line. ``remote`` is a build in Azure DevOps; ``plan`` takes the flags of the build that it shows. A mode with
# ``?`` takes the flag without using it, and says so.
EVERY = "build remote tags sign publish verify preview doctor schema"
RUNS = "build remote tags sign publish verify preview doctor"
SOURCE = "build remote tags publish preview"
UNTAGGED = "build remote tags? publish preview"
WITH_DOCTOR = "build remote tags? publish preview doctor"
LOCAL = "build tags? publish"
REPORTS = "build remote tags sign publish"

# (name, kind, default or choices, placeholder, modes, help); a group is a title and its flags.
GROUPS = (
    (
        "What to build",
        (
            (
                "name",
                TEXT,
                None,
                "NAME",
                "build remote tags? sign? publish preview doctor",
                "image name below the registry, may contain /",
            ),
            ("context", TEXT, ".", "DIR", "build remote tags sign? publish preview doctor", "build context directory"),
            (
                "dockerfile",
                TEXT,
                None,
                "PATH",
                "build remote tags sign? publish preview",
                "path in the context (default Dockerfile, else dockerfile)",
            ),
            ("target", TEXT, None, "STAGE", UNTAGGED, "Dockerfile stage"),
            ("platform", LIST, None, "OS/ARCH", UNTAGGED, "platform, repeatable and comma-separated"),
            ("build-arg", REPEATED, None, "NAME=VALUE", UNTAGGED, "repeatable; NAME alone: value from the environment"),
            ("env-file", TEXT, None, "FILE", SOURCE, "deprecated: build arguments from a file; use --build-arg"),
            ("variant", TEXT, None, "NAME", UNTAGGED, "build only this variant of variants.yaml"),
        ),
    ),
    (
        "Tags",
        (
            ("tag", REPEATED, None, "[NAME=]VALUE", SOURCE, "extra tag, repeatable; may be a template"),
            ("tag-base64", TEXT, None, "BASE64", SOURCE, "base64 of a comma-separated list of tags"),
            ("move-back", REPEATED, None, "TAG", LOCAL, "production only: move this moving tag to an older commit"),
            ("export-tags", SWITCH, False, "", UNTAGGED, "pass every tag to the build as argument TAG_<name>"),
            ("parse-tags-only", SWITCH, False, "", "tags", "print the computed tags as JSON and stop"),
            ("tags-output-file", TEXT, None, "FILE", "tags", "also write that JSON to a file"),
        ),
    ),
    (
        "Signing",
        (
            ("sign-only", SWITCH, False, "", "sign", "sign existing images, build nothing"),
            ("images-to-sign", LIST, None, "IMAGE", "sign", "image reference, repeatable and comma-separated"),
            ("report", TEXT, None, "FILE", "verify publish", "build report to verify, or to publish"),
        ),
    ),
    (
        "Azure DevOps",
        (
            ("build-in-ado", SWITCH, False, "", WITH_DOCTOR, "build in the Azure DevOps pipeline"),
            ("ado-preview-run", SWITCH, False, "", "preview", "expand the pipeline, run nothing"),
            ("ado-preview-run-yaml-path", TEXT, None, "FILE", "preview", "pipeline definition to expand"),
            (
                "ado-preview-output",
                TEXT,
                None,
                "FILE",
                "preview",
                "where the expanded YAML goes (default standard output)",
            ),
            ("ado-state-output", SWITCH, False, "", REPORTS, "report success as Azure Pipelines output variables"),
            (
                "test-kaniko-build-config",
                SWITCH,
                False,
                "",
                "remote preview tags?",
                "take kaniko's build options from the pull request",
            ),
            (
                "use-go-internal-sap-modules",
                SWITCH,
                False,
                "",
                "remote preview tags?",
                "give the build SAP's internal Go modules",
            ),
            ("use-restricted-registry", SWITCH, False, "", "remote preview tags?", "push to the restricted registry"),
        ),
    ),
    (
        "Where and how",
        (
            ("config", TEXT, "/config/image-builder-config.yaml", "FILE", RUNS, "configuration file"),
            ("repo", TEXT, None, "ORG/REPO", RUNS, "repository, outside CI"),
            ("require-production", SWITCH, False, "", RUNS, "refuse a job that is not on the production side"),
            ("backend", TEXT, None, "NAME", WITH_DOCTOR, "kaniko, buildkit, ado, other (default by environment)"),
            ("registry", SWITCH, False, "", "build", "with plan: ask the registries what would happen to each tag"),
            ("dry-run", SWITCH, False, "", "build remote sign preview", "print the plan, touch nothing"),
            ("max-parallel", NUMBER, None, "N", LOCAL, "variants built at the same time (default CPU count)"),
            ("keep-going", SWITCH, True, "", LOCAL, "a failing variant does not stop the others"),
            ("timeout", DURATION, None, "TIME", RUNS, "deadline for the whole run, such as 30m (default none)"),
        ),
    ),
    (
        "What comes out",
        (
            ("output", CHOICE, ("human", "json"), "FORM", EVERY, "human or json, for results (default human)"),
            (
                "log-dir",
                TEXT,
                None,
                "DIR",
                "build remote tags?",
                "folder of the builds' log files (default $ARTIFACTS)",
            ),
            ("silent", SWITCH, False, "", "build remote tags?", "engine output to the log files only"),
            ("build-report-path", TEXT, None, "FILE", REPORTS, "JSON build report"),
            ("tekton-results", TEXT, None, "DIR", "build remote", "folder for IMAGE_URL, IMAGE_DIGEST and IMAGES"),
            ("debug", SWITCH, False, "", EVERY, "debug logging"),
            ("help", SWITCH, False, "", EVERY, "print this and stop; also -h"),
            ("version", SWITCH, False, "", EVERY, "print the version and stop"),
        ),
    ),
)

VERBS = (
    ("build", "build, push and sign (same as no verb)"),
    ("plan", "print every decision, touch nothing"),
    ("tags", "print the computed tags as JSON"),
    ("sign", "sign existing images"),
    ("publish", "sign and tag what a build pushed by digest"),
    ("verify", "check signatures and digests"),
    ("preview", "expand the Azure DevOps pipeline"),
    ("doctor", "what is installed and usable here"),
    ("schema", "print the configuration's JSON Schema"),
)

OTHER_VERBS = (
    ("help", "print this, or what VERB takes"),
    ("version", "print the version"),
    ("completion", "print completion for bash, zsh or fish"),
)

FLAGS = {flag[0]: flag for _, flags in GROUPS for flag in flags}

MODE_FLAGS = {"parse-tags-only": "tags", "sign-only": "sign", "ado-preview-run": "preview"}
"""Flags that choose a mode as a verb does."""

SIGNING_FLAGS = [name for name, flag in FLAGS.items() if "sign" in flag[4].split() and name not in MODE_FLAGS]
"""The flags of ``image-signer``, which has the mode ``sign`` alone."""

_INTRODUCTION = """\
image-builder builds, pushes and signs OCI images from CI jobs.

Usage: image-builder [VERB] [FLAGS], or image-builder VERB --help

Verbs:
"""

_SIGNING_INTRODUCTION = """\
image-signer signs OCI images that registries hold, by digest. It is the mode `sign` of image-builder.

Usage: image-signer [FLAGS]
"""

_SIGNING_EXAMPLE = """\
Example:
  image-signer --config config.yaml --images-to-sign registry.example/prod/app:v1
"""

_EXAMPLE = """\
Example:
  image-builder --backend buildkit --config config.yaml --name app --tag latest
"""

_ENDING = """\

A flag is written -flag or --flag, its value --flag=value or --flag value.
A switch is --flag, --flag=true or --flag=false. Flags end at --.

Exit codes:
  0  done                              5  signing failed
  1  a bug in the tool                 6  the remote pipeline failed
  2  refused before anything was done  7  the deadline passed
  3  the build failed                  8  a log, report or output is not written
  4  a push or a tag failed            130, 143  interrupted
"""


_WIDTH, _COLUMN = 80, 30


def help_text(topic: str = "") -> str:
    """The text of ``--help``, of one verb if it is the topic."""
    meanings = dict(VERBS)
    if topic in meanings:
        images = " [IMAGE]..." if topic in ("sign", "verify") else ""
        usage = f"image-builder {topic}: {meanings[topic]}\n\nUsage: image-builder {topic} [FLAGS]{images}"
        return f"{usage}\n\n{_flags(verb_flags(topic))}Run 'image-builder --help' for all verbs and the exit codes.\n"
    verbs = "\n".join(f"  {verb:<11} {meaning}" for verb, meaning in (*VERBS, *OTHER_VERBS))
    return f"{_INTRODUCTION}{verbs}\n\n{_flags(list(FLAGS))}{_EXAMPLE}{_ENDING}"


def signing_help_text(_topic: str = "") -> str:
    """The text of ``image-signer --help``."""
    return f"{_SIGNING_INTRODUCTION}\n{_flags(SIGNING_FLAGS)}{_SIGNING_EXAMPLE}{_ENDING}"


def verb_flags(verb: str) -> list[str]:
    """The flags that have a meaning with a verb."""
    modes = {"build", "remote"} if verb in ("build", "plan") else {verb}
    return [name for name, flag in FLAGS.items() if modes & set(flag[4].split()) and name not in MODE_FLAGS]


def _flags(names: list[str]) -> str:
    lines = []
    for title, flags in GROUPS:
        shown = [flag for flag in flags if flag[0] in names]
        lines += [f"{title}:", *map(_flag, shown), ""] if shown else []
    return "\n".join(lines) + "\n"


def _flag(flag: tuple[object, ...]) -> str:
    name, kind, default, placeholder, _, meaning = flag
    shown = f" (default {str(default).lower() if kind == SWITCH else default})"
    shown = shown if default and kind in (TEXT, SWITCH) else ""
    line, lines = f"  --{name} {placeholder}".rstrip(), []
    if len(line) >= _COLUMN - 1:
        lines, line = [line], ""
    for word in f"{meaning}{shown}".split():
        begins = len(line) <= _COLUMN and not line.startswith(" " * _COLUMN)
        if not begins and len(line) + 1 + len(word) > _WIDTH:
            lines, line, begins = [*lines, line], "", True
        line = f"{line:<{_COLUMN}}{word}" if begins else f"{line} {word}"
    return "\n".join([*lines, line])
