"""The grammar of values in random templates.

A rule is a text in which ``<name>`` stands for another rule. ``<name+>`` may be nested one level less deep, in
parentheses where they are needed. Where nothing may be nested any more, only the first rules of a name are used: those
before ``...``.
"""

KINDS = ("text", "integer", "float", "truth", "time", "duration")

RULES = {
    "text": (
        "<string>", "<root><field>", "...",
        '<root>.Env "<variable>"', "print <any+>", "print <any+> <any+>", "print <any+> <any+> <extra>",
        "println <any+>",
        "printf <format> <any+>", "printf <format> <any+> <any+>", "printf <format> <any+> <extra>", "printf <format>",
        "slice <text+> <place> <place>", "slice <text+> <place>", "<escape> <any+>", "<escape> <any+> <any+>",
        "<time+>.Format <layout>", "<time+>.Format <layout>", "<time+>.<text of time>", "<duration+>.String",
        "or <text+> <text+>", "and <text+> <text+>",
    ),
    "integer": (
        "<int>", "...",
        "len <text+>", "<time+>.<number of time>", "<time+>.<number of time>", "index <text+> <place>",
        "<duration+>.Milliseconds", "<duration+>.Microseconds", "<duration+>.Nanoseconds", "<time+>.Compare <time+>",
    ),
    "float": ("<number>", "...", "<duration+>.Hours", "<duration+>.Minutes", "<duration+>.Seconds"),
    "truth": (
        "true", "false", "...",
        "<compare> <text+> <text+>", "<compare> <integer+> <integer+>", "<compare> <float+> <float+>",
        "<compare> <any+> <any+>",
        "eq <integer+> <integer+> <any+>", "eq <time+> <time+>", "ne <truth+> <truth+>",
        "<compare> <duration+> <duration+>",
        "not <any+>", "and <truth+> <any+>", "or <truth+> <any+>",
        "<time+>.Before <time+>", "<time+>.After <time+>", "<time+>.Equal <time+>", "<time+>.IsZero", "<time+>.IsDST",
    ),
    "time": (
        "<root>.Time", "...",
        "<time+>.UTC", "<time+>.Local", "<time+>.UTC.Local", "<time+>.AddDate <count> <count> <count>",
        "<time+>.Add <span>",
        "<time+>.Round <span>", "<time+>.Truncate <span>", "<time+>.Add <duration+>", "<time+>.In <root>.Time.Location",
        "<time+>.<refused>",
    ),
    "duration": (
        "(<root>.Time.Add <span>).Sub <root>.Time", "...",
        "<time+>.Sub <time+>", "<duration+>.Round <span>", "<duration+>.Truncate <span>", "<duration+>.Abs",
    ),
    "string": (
        '""', '"a"', '"v1.2"', "`raw`", "`a\\n`", '"é"', '"\\u00e9"', '"\\xff"', '"\\303"', '"\\"q\\""', '"<&>"',
        '"a b"',
        '"tab\\t"', '"日本"', '"%d"', "`\r\nx`", '"😀"', '"\\U0001F600"', '"\\x00"', '"="', '"\\\\"', "\"'\"",
    ),
    "int": (
        "0", "1", "2", "7", "-1", "-3", "10", "255", "0x1F", "-0xE", "0b101", "0o17", "017", "1_000", "'a'", "'é'",
        "'\\n'", "+5",
        "0x_f", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "65", "0xFFFD", "128512",
        "100000",
    ),
    "number": (
        "1.0", "0.5", "-2.5", "1e3", "1e6", "1e21", "1e-5", "0x1p4", "0x1.8p-1", ".5", "5.", "123456789.0", "0.1",
        "3.14159",
        "-0.0", "1e100", "2.5e-7", "1_0.5", "99999.5", "0.000123", "1e20", "0x1.fffffffffffffp1023", "5e-324",
        "2.675", "1e15",
    ),
    "broken": (
        "08", "1_", "1__0", "1a", "--1", "1e1000", "99999999999999999999", "''", "'ab'", '"\\q"', '"\\\'"', "1i",
        "1+2i", "0x",
        ".", "..", "1e", "0b2", '"\\ud800"', '"\\400"', "nil", "$", "$nope", "(or nil)", ".Nope", "nope",
    ),
    "field": (".CommitSHA", ".ShortSHA", ".PRNumber", ".Date"),
    "variable": ("BRANCH", "EMPTY", "ÄPFEL", "BYTES", "MARKUP", "NUMBER", "UNSET", "ADO_PAT", "MY_TOKEN"),
    "extra": ("nil", ".Time.Location", "1", ".Time.Month"),
    "escape": ("html", "js", "urlquery"),
    "compare": ("eq", "ne", "lt", "le", "gt", "ge"),
    "place": ("0", "1", "2", "3", "7", "1", "0", "-1", "99", ".Time.Day", "'\\x01'", "1.0"),
    "count": ("0", "1", "-1", "12", "30", "-400", "8000", "1.0", "'a'"),
    "span": (
        "1", "1000", "1e9", "3600000000000", "-1500000000", "'a'", "90000000000", "86400000000000", "0", "2.0", "7",
        "250000000",
        "9223372036854775807", "2e3",
    ),
    "number of time": (
        "Year", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Unix", "UnixMilli", "UnixMicro",
        "UnixNano", "Month",
        "Weekday",
    ),
    "text of time": ("String", "GoString", "Month.String", "Weekday.String", "Location.String"),
    "refused": ("Date", "Clock", "ISOWeek", "Zone", "ZoneBounds", "MarshalText", "GobEncode", "Nope", "wall", "Env"),
    "layout": (
        '"<chunk>"', "`<chunk><chunk>`", '"<chunk><chunk><chunk>"', '"<chunk><chunk><chunk><chunk><chunk>"',
        '"<chunk><chunk><chunk><chunk><chunk><chunk><chunk>"',
    ),
    "chunk": (
        "2006", "06", "January", "Jan", "01", "1", "02", "2", "_2", "002", "__2", "Monday", "Mon", "15", "03", "3",
        "04", "4",
        "05", "5", "PM", "pm", "MST", "-0700", "-07:00", "-07", "-070000", "-07:00:00", "Z0700", "Z07:00", "Z07",
        "Z070000",
        "Z07:00:00", ".000", ".999", ",00", ",9", ".0", ".000000000", ".999999999", "-", "T", " ", ":", "x", "_",
        "Month", "2002",
        "20", "0", "é", "%Y", ".", "9",
    ),
    "format": ('"<verb>"', '"<verb><verb>"', '"<verb>x<verb>"', "`<verb>`", '"%%<verb>-<verb>"'),
    "verb": (
        "%<flags><index><width><precision><index><letter>", "%<flags><width><precision><letter>", "%<flags><letter>",
    ),
    "flags": ("", "", "", "+", "-", "#", " ", "0", "+#", "-0", "# ", "0+", "+ ", "#0", "#+"),
    "width": ("", "", "", "1", "5", "8", "12", "*", "[1]*", "[2]*"),
    "precision": ("", "", "", ".", ".0", ".1", ".2", ".3", ".10", ".*", ".[1]*", ".[3]"),
    "index": ("", "", "", "", "[1]", "[2]", "[9]", "[0]", "[x]", "[", "[]", "[1"),
    "letter": tuple("vdsqxXtcUbooOeEfFgGTpw%zé!"),
    "condition": ("<truth+>", "<any+>", "$c := <any+>", "<pipeline>", "<any+>"),
    "pipeline": ("<any+><pipe><stage>", "<any+><pipe><stage><pipe><stage>", "<text+><pipe><stage>"),
    "pipe": (" | ", " | ", "|", "| "),
    "stage": (
        "len", "print", "html", "js", "urlquery", "not", 'printf "%v"', "printf", "println", "eq 1", "and 1", "or 0",
        "slice",
        "index", ".Env", ".Time.Format", 'print "a"', "lt 1", 'ne ""', "print", "len", "html", "<misfit>",
    ),
    "misfit": ("call", "$x", "1", "(print)", ".Date", "nil"),
    "range": (
        "3", "2", "0", "-1", ".Time.Month", "<root>.Time.Weekday", "len <root>.PRNumber", "4", "1", '(index "\\x03" 0)',
        ".Date",
    ),
}  # fmt: skip
