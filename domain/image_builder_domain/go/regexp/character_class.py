"""Sets of characters by name: what stands for many in a pattern, as bits of :mod:`.program`."""

from typing import Final

from image_builder_domain.go.regexp.program import ALL, bits

DIGIT: Final = bits("0123456789")
SPACE: Final = bits("\t\n\f\r ")
LOWER: Final = bits("abcdefghijklmnopqrstuvwxyz")
UPPER: Final = bits("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
WORD: Final = DIGIT | LOWER | UPPER | bits("_")
NEWLINE: Final = bits("\n")
PUNCTUATION: Final = bits("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

PERL: Final = {
    "d": DIGIT,
    "D": ALL & ~DIGIT,
    "s": SPACE,
    "S": ALL & ~SPACE,
    "w": WORD,
    "W": ALL & ~WORD,
}
"""By the letter behind the backslash."""

POSIX: Final = {
    "alnum": DIGIT | LOWER | UPPER,
    "alpha": LOWER | UPPER,
    "ascii": ALL,
    "blank": bits("\t "),
    "cntrl": (1 << 32) - 1 | 1 << 127,
    "digit": DIGIT,
    "graph": DIGIT | LOWER | UPPER | PUNCTUATION,
    "lower": LOWER,
    "print": DIGIT | LOWER | UPPER | PUNCTUATION | bits(" "),
    "punct": PUNCTUATION,
    "space": SPACE | bits("\v"),
    "upper": UPPER,
    "word": WORD,
    "xdigit": DIGIT | bits("abcdefABCDEF"),
}
"""By the name between ``[:`` and ``:]``."""
