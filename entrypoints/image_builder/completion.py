"""Completion of the command line for shells, made of the flag table. Loaded by the verb ``completion`` alone."""

from image_builder.flag_table import CHOICE, FLAGS, OTHER_VERBS, SWITCH, VERBS, verb_flags

_BASH = """\
# image-builder completion bash: write it to a file in ~/.local/share/bash-completion/completions
_image_builder() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} flags
  COMPREPLY=()
  case $before in
{values}
  esac
  if [[ $COMP_CWORD == 1 && $word != -* ]]; then
    COMPREPLY=($(compgen -W "{verbs}" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{flags}
  esac
  COMPREPLY=($(compgen -W "$flags" -- "$word"))
}}
complete -o default -F _image_builder image-builder
"""
_ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"
_FILES, _FOLDERS = ("FILE", "PATH"), ("DIR",)


def script(shell: str) -> str:
    """The script for ``bash``, ``zsh`` or ``fish``."""
    if shell == "fish":
        return _fish()
    return (_ZSH if shell == "zsh" else "") + _bash()


def _bash() -> str:
    verbs = [verb for verb, _ in (*VERBS, *OTHER_VERBS)]
    flags = [f'    {verb}) flags="{_dashed(verb_flags(verb))}" ;;' for verb, _ in VERBS]
    flags += ['    completion) flags="bash zsh fish" ;;', f'    *) flags="{_dashed(list(FLAGS))}" ;;']
    return _BASH.format(values="\n".join(_values()), verbs=" ".join(verbs), flags="\n".join(flags))


def _dashed(names: list[str]) -> str:
    return " ".join(f"--{name}" for name in names)


def _values() -> list[str]:
    """What may follow a flag: files, folders, or one of a few words; nothing can be said of other values."""
    cases = []
    for name, (_, kind, choices, placeholder, *_) in FLAGS.items():
        words = f'-W "{" ".join(choices)}"' if kind == CHOICE and isinstance(choices, tuple) else ""
        action = words or ("-f" if placeholder in _FILES else "-d" if placeholder in _FOLDERS else "")
        if action:
            cases.append(f'    --{name}) COMPREPLY=($(compgen {action} -- "$word")); return ;;')
        elif kind != SWITCH:
            cases.append(f"    --{name}) return ;;")
    return cases


def _fish() -> str:
    first = "complete -c image-builder -n __fish_use_subcommand -a"
    lines = [f"{first} {verb} -d {_quoted(meaning)}" for verb, meaning in (*VERBS, *OTHER_VERBS)]
    for name, (_, kind, choices, placeholder, _, meaning) in FLAGS.items():
        value = "" if kind == SWITCH else " -r" if placeholder in (*_FILES, *_FOLDERS) else " -x"
        words = f" -a {_quoted(' '.join(choices))}" if kind == CHOICE and isinstance(choices, tuple) else ""
        lines.append(f"complete -c image-builder -l {name}{value}{words} -d {_quoted(str(meaning))}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
