"""Templates at random: mostly well-typed ones, so that they get far, and some that were broken on purpose."""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar, final

_T = TypeVar("_T")
Choose: TypeAlias = Callable[[Sequence[object]], object]

TEXTS = (
    '""', '"a"', '"v1.2"', "`raw`", "`a\\n`", '"é"', '"\\u00e9"', '"\\xff"', '"\\303"', '"\\"q\\""', '"<&>"', '"a b"', '"tab\\t"',
    '"日本"', '"%d"', "`\r\nx`", '"😀"', '"\\U0001F600"', '"\\x00"', '"="', '"\\\\"', "\"'\"",
)  # fmt: skip
INTEGERS = (
    "0", "1", "2", "7", "-1", "-3", "10", "255", "0x1F", "-0xE", "0b101", "0o17", "017", "1_000", "'a'", "'é'", "'\\n'", "+5", "0x_f",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "65", "0xFFFD", "128512", "100000",
)  # fmt: skip
FLOATS = (
    "1.0", "0.5", "-2.5", "1e3", "1e6", "1e21", "1e-5", "0x1p4", "0x1.8p-1", ".5", "5.", "123456789.0", "0.1", "3.14159", "-0.0", "1e100",
    "2.5e-7", "1_0.5", "99999.5", "0.000123", "1e20", "0x1.fffffffffffffp1023", "5e-324", "2.675", "1e15", "0.3",
)  # fmt: skip
BROKEN_LITERALS = ("08", "1_", "1__0", "1a", "--1", "1e1000", "99999999999999999999", "''", "'ab'", '"\\q"', '"\\\'"', "1i", "1+2i", "0x", ".", "..", "1e", "0b2", '"\\ud800"', '"\\400"')  # fmt: skip
CHUNKS = (
    "2006", "06", "January", "Jan", "01", "1", "02", "2", "_2", "002", "__2", "Monday", "Mon", "15", "03", "3", "04", "4", "05", "5",
    "PM", "pm", "MST", "-0700", "-07:00", "-07", "-070000", "-07:00:00", "Z0700", "Z07:00", "Z07", "Z070000", "Z07:00:00",
    ".000", ".999", ",00", ",9", ".0", ".000000000", ".999999999", "-", "T", " ", ":", "x", "_", "Month", "2002", "20", "0", "é", "%Y", ".", "9",
)  # fmt: skip
FIELDS = (".CommitSHA", ".ShortSHA", ".PRNumber", ".Date")
VARIABLES = ("BRANCH", "EMPTY", "ÄPFEL", "BYTES", "MARKUP", "NUMBER", "UNSET", "ADO_PAT", "MY_TOKEN")
NUMBERS_OF_TIMES = (
    "Year", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Unix", "UnixMilli", "UnixMicro", "UnixNano", "Month",
    "Weekday",
)  # fmt: skip
REFUSED_METHODS = (
    "Date",
    "Clock",
    "ISOWeek",
    "Zone",
    "ZoneBounds",
    "MarshalText",
    "MarshalJSON",
    "GobEncode",
    "Nope",
    "wall",
    "Env",
)
VERBS = "vdsqxXtcUbooOeEfFgGTpw%zé!"
FLAGS = ("", "", "", "+", "-", "#", " ", "0", "+#", "-0", "# ", "0+", "+ ", "#0", "#+")
WIDTHS = ("", "", "", "1", "5", "8", "12", "*", "[1]*", "[2]*")
PRECISIONS = ("", "", "", ".", ".0", ".1", ".2", ".3", ".10", ".*", ".[1]*", ".[3]")
INDEXES = ("", "", "", "", "[1]", "[2]", "[9]", "[0]", "[x]", "[", "[]", "[1")
DURATIONS = ("1", "1000", "1e9", "3600000000000", "-1500000000", "'a'", "90000000000", "86400000000000", "0", "2.0", "7", "250000000", "9223372036854775807", "2e3")  # fmt: skip
BREAKS = "{}().|$\"`'-:=, \n\t/*%\\x0é_"


@final
class Grammar:
    """Makes templates by choosing; whoever chooses decides whether it is chance or a search."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._variables: list[tuple[str, str]] = []
        self._loops = 0
        self._inside = 0
        self._templates: list[str] = []

    def template(self) -> str:
        """A whole template."""
        defined = "".join(self._define(name) for name in ("a", "b") if self._one_in(6))
        body = defined + self._body(3)
        return self._broken(body) if self._one_in(8) else body

    # --- chance ---

    def _field(self, name: str) -> str:
        """A field of the root, also where the dot is another value."""
        return f"${name}" if self._inside or self._one_in(9) else name

    def pick(self, options: Sequence[_T]) -> _T:
        return self._choose(options)  # type: ignore[return-value]  # it is one of the options

    def _one_in(self, count: int) -> bool:
        return self.pick(range(count)) == count - 1

    def _of(self, *makers: Callable[[], str]) -> str:
        return self.pick(makers)()

    def _broken(self, text: str) -> str:
        place = self.pick(range(len(text) + 1))
        rest = text[place + self.pick((0, 0, 1)) :]
        return text[:place] + self.pick(("", self.pick(BREAKS), self.pick(BREAKS), self.pick(BROKEN_LITERALS))) + rest

    # --- nodes ---

    def _body(self, depth: int) -> str:
        known = len(self._variables)
        parts = [self._node(depth) for _ in range(self.pick((1, 1, 2, 3)))]
        del self._variables[known:]
        return "".join(parts)

    def _node(self, depth: int) -> str:
        if depth <= 0:
            return self._of(self._text, lambda: self._action(self._value(1)))
        return self._of(
            self._text,
            lambda: self._action(self._value(2)),
            lambda: self._action(self._value(3)),
            self._declaration,
            self._assignment,
            lambda: self._branch(depth),
            lambda: self._with(depth),
            lambda: self._range(depth),
            self._jump,
            self._call,
            self._comment,
            lambda: self._action(self._pipeline()),
        )

    def _text(self) -> str:
        return self.pick(("x", " ", "v-", "\n", " a ", "}}", "{", "é", "\t-", "", "\udcff", "-"))

    def _action(self, inside: str) -> str:
        opening = self.pick(("{{", "{{", "{{ ", "{{ ", "{{- ", "{{-\n", "{{\n", "{{-\t "))
        closing = self.pick(
            ("}}", "}}", " }}", " }}", " -}}", "\n-}}", "\t}}", "  -}}", "|}}" if self._one_in(30) else " }}")
        )
        return f"{opening}{inside}{closing}"

    def _comment(self) -> str:
        inside = self.pick(("", " note ", "{{.X}}", "}}", "*", "\n"))
        if self._one_in(10):
            return self.pick(("{{ /*", "{{-/*", "{{-  /*", "{{/*")) + inside + self.pick(("*/ }}", "*/-}}", "*/  -}}"))
        return self.pick(("{{/*", "{{- /*", "{{-\n/*")) + inside + self.pick(("*/}}", "*/ -}}", "*/\n-}}"))

    def _declaration(self) -> str:
        name = self.pick(("$x", "$y", "$_1", "$é"))
        kind, value = self._typed(2)
        made = self._action(f"{name}{self.pick((' := ', ':=', ' = ' if self._one_in(5) else ' := '))}{value}")
        self._variables.append((name, kind))
        return made

    def _assignment(self) -> str:
        if not self._variables and not self._one_in(20):
            return self._declaration()
        name, _ = self.pick(self._variables or [("$nope", "text")])
        return self._action(f"{name} = {self._typed(2)[1]}")

    def _branch(self, depth: int) -> str:
        parts = [self._action(f"if {self._condition()}"), self._body(depth - 1)]
        while self._one_in(3):
            parts += [self._action(f"else if {self._condition()}"), self._body(depth - 1)]
        if self._one_in(2):
            parts += [self._action("else"), self._body(depth - 1)]
        return "".join([*parts, self._end()])

    def _condition(self) -> str:
        return self._of(
            lambda: self._truth(2), lambda: self._value(2), lambda: f"$c := {self._value(1)}", self._pipeline
        )

    def _with(self, depth: int) -> str:
        parts = [self._action(f"with {self._condition()}"), self._within(depth - 1)]
        if self._one_in(3):
            parts += [self._action(f"else with {self._condition()}"), self._within(depth - 1)]
        if self._one_in(2):
            parts += [self._action("else"), self._body(depth - 1)]
        return "".join([*parts, self._end()])

    def _within(self, depth: int) -> str:
        self._inside += 1
        made = self._body(depth)
        self._inside -= 1
        return made

    def _range(self, depth: int) -> str:
        over = self.pick(("3", "2", "0", "-1", ".Time.Month", ".Time.Weekday", "len .PRNumber", "4", "1.0", ".Date" if self._one_in(5) else "2", "(index .Date 1)" if self._one_in(6) else "1"))  # fmt: skip
        head = self.pick((over, over, f"$i := {over}", f"$i := {over}", f"$i = {over}", f"$i, $e := {over}" if self._one_in(5) else over, f"$i, {over}" if self._one_in(9) else over))  # fmt: skip
        known = len(self._variables)
        if head.startswith("$i"):
            self._variables.append(("$i", "integer"))
        self._loops += 1
        self._inside += 1
        parts = [self._action(f"range {head}"), self._body(depth - 1)]
        self._loops -= 1
        self._inside -= 1
        if self._one_in(2):
            parts += [self._action("else"), self._body(depth - 1)]
        del self._variables[known:]
        return "".join([*parts, self._end()])

    def _jump(self) -> str:
        if not self._loops and not self._one_in(12):
            return self._text()
        return self._action(self.pick(("break", "continue")))

    def _end(self) -> str:
        return self._action("end")

    def _define(self, name: str) -> str:
        outer, self._variables, loops, self._loops = self._variables, [], self._loops, 0
        self._templates.append(name)
        made = "".join((self._action(f"define {self._name(name)}"), self._body(2), self._end()))
        self._variables, self._loops = outer, loops
        return made

    def _name(self, name: str) -> str:
        return self.pick((f'"{name}"', f'"{name}"', f"`{name}`", f'"\\x{ord(name[0]):02x}{name[1:]}"'))

    def _call(self) -> str:
        if self._one_in(3):
            kind, value = self._typed(1)
            del kind
            outer, self._variables, loops, self._loops = self._variables, [], self._loops, 0
            name = self._name(self.pick(("c", "d")))
            made = "".join((self._action(f"block {name} {value}"), self._body(1), self._end()))
            self._variables, self._loops = outer, loops
            return made
        if not self._templates and not self._one_in(10):
            return self._text()
        name = self._name(self.pick(self._templates) if self._templates else "nope")
        return self._action(
            self.pick(
                (f"template {name}", f"template {name} $", f"template {name} .", f"template {name} {self._value(1)}")
            )
        )

    # --- values ---

    def _typed(self, depth: int) -> tuple[str, str]:
        kind = self.pick(("text", "integer", "float", "truth", "time", "duration"))
        return kind, self._of_kind(kind, depth)

    def _of_kind(self, kind: str, depth: int) -> str:
        if self._one_in(40):
            kind = self.pick(("text", "integer", "float", "truth", "time", "duration"))
        if self._one_in(5):
            known = [name for name, known in self._variables if known == kind]
            if known:
                return self.pick(known)
        if self._one_in(60):
            return self.pick(("nil", ".", "$", "$nope", "(or nil)", ".Nope", *BROKEN_LITERALS))
        makers = {
            "text": self._string, "integer": self._integer, "float": self._float, "truth": self._truth, "time": self._time,
            "duration": self._duration,
        }  # fmt: skip
        return makers[kind](depth)

    def _value(self, depth: int) -> str:
        return self._typed(depth)[1]

    def _argument(self, kind: str, depth: int) -> str:
        """A value that can stand among arguments."""
        value = self._of_kind(kind, depth - 1)
        return value if " " not in value or value in TEXTS else f"({value})"

    def _any(self, depth: int) -> str:
        return self._argument(self.pick(("text", "text", "integer", "float", "truth", "time", "duration")), depth)

    def _string(self, depth: int) -> str:
        if depth <= 0:
            return self._of(lambda: self.pick(TEXTS), lambda: self._field(self.pick(FIELDS)))
        return self._of(
            lambda: self.pick(TEXTS),
            lambda: self._field(self.pick(FIELDS)),
            lambda: f'{self._field(".Env")} "{self.pick(VARIABLES)}"',
            lambda: f"print {self._arguments(depth)}",
            lambda: f"println {self._arguments(depth)}" if self._one_in(3) else f"print {self._arguments(depth)}",
            lambda: self._printf(depth),
            lambda: self._printf(depth),
            lambda: f"slice {self._argument('text', depth)} {self._place()} {self._place()}",
            lambda: f"slice {self._argument('text', depth)} {self._place()}",
            lambda: f"{self.pick(('html', 'js', 'urlquery'))} {self._arguments(depth)}",
            lambda: f"{self._receiver('time', depth)}.Format {self._layout()}",
            lambda: f"{self._receiver('time', depth)}.Format {self._layout()}",
            lambda: (
                f"{self._receiver('time', depth)}.{self.pick(('String', 'GoString', 'Month.String', 'Weekday.String', 'Location.String'))}"
            ),
            lambda: f"{self._receiver('duration', depth)}.String",
            lambda: f"{self.pick(('or', 'and'))} {self._argument('text', depth)} {self._argument('text', depth)}",
        )

    def _place(self) -> str:
        return self.pick(("0", "1", "2", "3", "7", "1", "0", "-1", "99", ".Time.Day", "'\\x01'", "1.0"))

    def _arguments(self, depth: int) -> str:
        return " ".join(self._any(depth) for _ in range(self.pick((1, 1, 2, 3)))) + self.pick(
            ("", "", "", " nil", " .Time.Location")
        )

    def _layout(self) -> str:
        layout = "".join(self.pick(CHUNKS) for _ in range(self.pick((1, 2, 3, 5, 7))))
        return self.pick((f'"{layout}"', f"`{layout}`"))

    def _printf(self, depth: int) -> str:
        form = "".join(self._verb() for _ in range(self.pick((1, 1, 2))))
        arguments = [self._any(depth) for _ in range(self.pick((1, 1, 2, 2, 3, 0)))]
        return f"printf {self.pick((chr(34), '`'))}".replace(" `", " \"") + f'{form}" {" ".join(arguments)}'.rstrip() + self.pick(("", "", "", " nil"))  # fmt: skip

    def _verb(self) -> str:
        before = self.pick(("", "", "x", "-", "%%", "é"))
        return f"{before}%{self.pick(FLAGS)}{self.pick(INDEXES)}{self.pick(WIDTHS)}{self.pick(PRECISIONS)}{self.pick(INDEXES)}{self.pick(VERBS)}"

    def _integer(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(INTEGERS)
        return self._of(
            lambda: self.pick(INTEGERS),
            lambda: f"len {self._argument('text', depth)}",
            lambda: f"{self._receiver('time', depth)}.{self.pick(NUMBERS_OF_TIMES)}",
            lambda: f"{self._receiver('time', depth)}.{self.pick(NUMBERS_OF_TIMES)}",
            lambda: f"index {self._argument('text', depth)} {self._place()}",
            lambda: f"{self._receiver('duration', depth)}.{self.pick(('Milliseconds', 'Microseconds', 'Nanoseconds'))}",
            lambda: f"{self._receiver('time', depth)}.Compare {self._argument('time', depth)}",
        )

    def _float(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(FLOATS)
        return self._of(
            lambda: self.pick(FLOATS),
            lambda: f"{self._receiver('duration', depth)}.{self.pick(('Hours', 'Minutes', 'Seconds'))}",
        )

    def _truth(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(("true", "false"))
        kind = self.pick(("text", "integer", "float", "truth", "time", "duration"))
        other = self.pick((kind, kind, kind, "integer"))
        return self._of(
            lambda: (
                f"{self.pick(('eq', 'ne', 'lt', 'le', 'gt', 'ge'))} {self._argument(kind, depth)} {self._argument(other, depth)}"
            ),
            lambda: (
                f"{self.pick(('eq', 'ne', 'lt', 'le', 'gt', 'ge'))} {self._argument(kind, depth)} {self._argument(kind, depth)}"
            ),
            lambda: f"eq {self._argument(kind, depth)} {self._argument(kind, depth)} {self._any(depth)}",
            lambda: f"not {self._any(depth)}",
            lambda: f"{self.pick(('and', 'or'))} {self._argument('truth', depth)} {self._any(depth)}",
            lambda: (
                f"{self._receiver('time', depth)}.{self.pick(('Before', 'After', 'Equal'))} {self._argument('time', depth)}"
            ),
            lambda: f"{self._receiver('time', depth)}.{self.pick(('IsZero', 'IsDST'))}",
        )

    def _receiver(self, kind: str, depth: int) -> str:
        value = self._of_kind(kind, depth - 1)
        return f"({value})" if " " in value else value

    def _time(self, depth: int) -> str:
        if depth <= 0:
            return self._field(".Time")
        number = lambda: self.pick(("0", "1", "-1", "12", "30", "-400", "8000", "1.0", "'a'"))  # noqa: E731 - short
        return self._of(
            lambda: self._field(".Time"),
            lambda: (
                f"{self._receiver('time', depth)}.{self.pick(('UTC', 'Local', 'UTC.Local', self.pick(REFUSED_METHODS) if self._one_in(5) else 'UTC'))}"
            ),
            lambda: f"{self._receiver('time', depth)}.AddDate {number()} {number()} {number()}",
            lambda: f"{self._receiver('time', depth)}.{self.pick(('Add', 'Round', 'Truncate'))} {self.pick(DURATIONS)}",
            lambda: f"{self._receiver('time', depth)}.Add {self._argument('duration', depth)}",
            lambda: f"{self._receiver('time', depth)}.In {self._field('.Time')}.Location",
        )

    def _duration(self, depth: int) -> str:
        source = self.pick(DURATIONS)
        if depth <= 0:
            return f"({self._field('.Time')}.Add {source}).Sub {self._field('.Time')}"
        return self._of(
            lambda: f"{self._receiver('time', depth)}.Sub {self._argument('time', depth)}",
            lambda: f"({self._field('.Time')}.Add {source}).Sub {self._field('.Time')}",
            lambda: f"{self._receiver('duration', depth)}.{self.pick(('Round', 'Truncate'))} {self.pick(DURATIONS)}",
            lambda: f"{self._receiver('duration', depth)}.Abs",
        )

    def _pipeline(self) -> str:
        stages = self.pick((1, 1, 2))
        ends = ("len", "print", "html", "js", "urlquery", "not", "printf \"%v\"", "printf", "println", "eq 1", "and 1", "or 0", "slice", "index", ".Env", ".Time.Format", "print \"a\"", "lt 1", "ne \"\"", self.pick(("call", "$x", "1", "(print)", ".Date", "nil")) if self._one_in(5) else "print")  # fmt: skip
        return " | ".join([self._value(2), *(self.pick(ends) for _ in range(stages))]).replace(
            " | ", self.pick((" | ", "|", "| "))
        )
