"""Programs in place of the tool, for tests of the pipeline's own steps: they say what they got, and build nothing."""

from pathlib import Path

ADMISSION = """\
#!/usr/bin/env bash
[[ $AUTHORIZATION != refused ]] || { echo 'error: not proven' >&2; exit 2; }
for name in REPO_OWNER REPO_NAME JOB_TYPE PULL_BASE_SHA PULL_BASE_REF PULL_PULL_SHA PULL_NUMBER; do
  echo "$name=${!name}"
done
echo "COMMIT=${PULL_PULL_SHA:-$PULL_BASE_SHA}"
"""
TOOL = """\
#!/usr/bin/env bash
set -euo pipefail
echo "arguments: $*"
name= report= config=
while [[ $# -gt 0 ]]; do
  case $1 in
    --parse-tags-only | publish) exit 0 ;;
    --name) name=$2 ;;
    --build-report-path) report=$2 ;;
    --config) config=$2 ;;
  esac
  shift
done
cp "$config" "$SEEN/config.yaml"
[[ -z ${DOCKER_CONFIG:-} ]] || cp -a "$DOCKER_CONFIG" "$SEEN/docker"
"""
LEAVES_EVERYTHING = """\
echo "source: $(git -C "$SOURCE_FOLDER" config remote.origin.url) $(git -C "$SOURCE_FOLDER" log -1 --format=%s)"
echo "files:" $(ls -A "$SOURCE_FOLDER") $(git -C "$SOURCE_FOLDER" status --porcelain)
shopt -s nullglob extglob
temporary=("$AGENT_TEMPDIRECTORY"/!(*.sh|logs|build-config.yaml))
echo "temporary: ${#temporary[@]}"
mkdir -p "$SOURCE_FOLDER/left/deep" "$PIPELINE_WORKSPACE/s/left" "$PIPELINE_WORKSPACE/source"
touch "$SOURCE_FOLDER/left/deep/file" "$AGENT_TEMPDIRECTORY/left"
chmod 0400 "$SOURCE_FOLDER/left/deep/file"
chmod 0500 "$SOURCE_FOLDER/left/deep" "$SOURCE_FOLDER/left"
git -C "$SOURCE_FOLDER" config core.worktree /nowhere
git config --global url.file:///nowhere/.insteadOf "file://"
mkdir -p "$HOME/template/hooks"
printf '#!/bin/sh\\nexit 9\\n' >"$HOME/template/hooks/post-checkout"
chmod +x "$HOME/template/hooks/post-checkout"
git config --global init.templateDir "$HOME/template"
sleep 300 >/dev/null 2>&1 &
echo "$!" >>"$SEEN/processes"
printf '{"status": "success", "signed": false, "images": []}' >"$report"
case $name in
  fails) exit 1 ;;
  waits) touch "$SEEN/waiting"; exec sleep 300 ;;
esac
"""


def install(folder: Path, *, leaves: bool = False, admission: bool = True) -> Path:
    """Put the programs into ``folder``. Returns where the tool copies files to.

    With ``leaves`` the tool leaves behind what it can. Without ``admission`` only the tool is replaced.
    """
    folder.mkdir(exist_ok=True)
    seen = folder.parent / "seen"
    seen.mkdir(exist_ok=True)
    tool = TOOL.replace("set -euo pipefail", f"set -euo pipefail\nSEEN={seen}")
    programs = {"image-builder": tool + LEAVES_EVERYTHING * leaves}
    for name, text in (programs | ({"image-builder-admission": ADMISSION} if admission else {})).items():
        file = folder / name
        file.write_text(text)
        file.chmod(0o755)
    return seen
