"""The redactor: a secret appears nowhere, in no encoding that this tool produces."""

import base64
import json
import random
import string
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.redaction import PieceRedactor, Redactor, SecretFinder

SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("Cs", "Zs", "Cc")), min_size=8
)
ENCODERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64url": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "percent": lambda secret: quote(secret, safe=""),
    "path": quote,
    "form": quote_plus,
    "query": lambda secret: urlencode({"x": secret})[2:],
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json-utf-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@given(secret=SECRETS)
def test_every_form_is_hidden_in_text_and_data(encode: Callable[[str], str], secret: str) -> None:
    redactor, line = Redactor([secret]), f"a {encode(secret)} b"
    assert encode(secret) not in redactor.text(line)
    assert encode(secret).encode() not in redactor.data(line.encode())


@given(secret=SECRETS, user=st.text("abc", max_size=5), rest=st.text("xyz", max_size=3))
def test_basic_credentials_do_not_give_the_password_away(secret: str, user: str, rest: str) -> None:
    encoded = base64.b64encode(f"{user}:{secret}{rest}".encode()).decode()
    hidden = Redactor([secret]).text(encoded)
    assert "***" in hidden
    assert len(hidden) - len("***") <= len(encoded) - len(secret.encode()) * 8 // 6 + 1


@pytest.mark.parametrize("short", ["", "a", "abc", "  a  ", "\n\n\n\n"])
def test_short_values_hide_nothing(short: str) -> None:
    assert Redactor([short]).text("a b c abc\n\n\n\n YWJj") == "a b c abc\n\n\n\n YWJj"


def test_four_characters_are_a_secret() -> None:
    assert Redactor(["pass"]).text("pass word") == "*** word"


def test_each_long_line_of_a_secret_is_hidden_and_short_ones_are_not() -> None:
    redactor = Redactor(["{\n  first-secret-line\nsecond-secret-line\n}\n"])
    assert redactor.data(b"{ first-secret-line }\nsecond-secret-line\n") == b"{ *** }\n***\n"


def test_the_longest_of_two_secrets_leaves_no_rest() -> None:
    assert Redactor(["secret", "secret-and-more"]).text("secret-and-more secret") == "*** ***"


def test_a_secret_with_a_final_newline_is_hidden_without_it() -> None:
    assert Redactor(["token-1\n"]).text("token-1;") == "***;"


def test_without_secrets_nothing_changes() -> None:
    assert (Redactor().text("anything"), Redactor().data(b"\xff")) == ("anything", b"\xff")


def test_bytes_of_the_environment_that_are_not_utf_8_are_hidden() -> None:
    assert Redactor([b"s\xff\xfecret".decode("utf-8", "surrogateescape")]).data(b"<s\xff\xfecret>") == b"<***>"


def test_learning_from_many_threads_loses_nothing() -> None:
    redactor = Redactor()
    secrets = [f"secret-number-{number}-" for number in range(40)]
    threads = [threading.Thread(target=redactor.learn, args=(secret,)) for secret in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redactor.text("".join(secrets)) == "***" * 40


@given(st.lists(st.text("ab\n", max_size=9)), st.lists(st.text("ab", min_size=4, max_size=6), max_size=3))
def test_pieces_are_redacted_as_if_they_came_at_once(pieces: list[str], secrets: list[str]) -> None:
    redactor = Redactor(secrets)
    stream = PieceRedactor(redactor)
    whole = "".join(pieces).encode()
    shown = b"".join(stream(piece.encode()) for piece in pieces) + stream.rest()
    assert shown == redactor.data(whole)


def test_whole_lines_never_wait() -> None:
    stream = PieceRedactor(Redactor(["hunter22"]))
    assert stream(b"one\nhunt\n") == b"one\nhunt\n"
    assert stream(b"two\nhunt") == b"two\n"
    assert stream(b"er22\n") == b"***\n"


def test_a_piece_waits_for_no_more_than_the_longest_secret() -> None:
    stream = PieceRedactor(Redactor(["hunter22"]))
    assert stream(b"x" * 65536) + stream.rest() == b"x" * 65536
    assert len(stream(b"x" * 65536)) > 65500


def test_a_document_stays_valid_and_keeps_published_names_with_any_secret() -> None:
    digest = f"sha256:{'2048' * 16}"
    names = {"reference": f"reg.example/prod/app@{digest}", "digest": digest, "tags": [{"name": "latest"}]}
    image = names | {"pushed": True, "size": 2048, "said": None, "failure": {"last_lines": ["key 2048", "a&b! true"]}}
    hidden = Redactor(("true", "2048", "test", "prod", "null", "a&b!")).document({"images": [image]})
    assert hidden == {"images": [image | {"failure": {"last_lines": ["key ***", "*** ***"]}}]}


@given(st.text("abcdef0123456789", min_size=60, max_size=400), st.sampled_from((64, 76)))
def test_lines_of_wrapped_base64_are_hidden(secret: str, width: int) -> None:
    whole = base64.b64encode(secret.encode()).decode()
    lines = [whole[start : start + width] for start in range(0, len(whole), width)]
    hidden = Redactor([secret]).text("\n".join(lines))
    assert not any(line in hidden for line in lines if len(line) >= 8)


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    assert Redactor(["hunter22"]).text("\ud800 hunter22") == "? ***"
    assert Redactor(["hunter22"]).text("\ud800 nothing") == "\ud800 nothing"


# --- search for many secrets ------------------------------------------------------------------------------------------

FORMS = st.binary(min_size=4, max_size=40) | st.text("abcXYZ019", min_size=4, max_size=40).map(str.encode)
GROUPS = st.lists(st.lists(FORMS, min_size=1, max_size=4).map(tuple), max_size=5)


@given(GROUPS, st.data())
def test_the_finder_agrees_with_a_plain_search(groups: list[tuple[bytes, ...]], data: st.DataObject) -> None:
    forms = [form for group in groups for form in group]
    pieces = st.lists(st.binary(max_size=20) | (st.sampled_from(forms) if forms else st.nothing()), max_size=12)
    text = b"".join(data.draw(pieces))
    found = SecretFinder(groups).found(text)
    assert set(found) == {form for form in forms if form in text}
    assert list(map(len, found)) == sorted(map(len, found), reverse=True)


@pytest.mark.parametrize("before", range(17))
@pytest.mark.parametrize("length", [14, 15, 16, 23, 40])
def test_a_secret_is_found_at_every_offset_and_at_the_end(before: int, length: int) -> None:
    secret = (string.ascii_letters + string.digits)[:length].encode()
    finder = SecretFinder([(secret,)])
    for after in range(9):
        assert finder.found(b"." * before + secret + b"." * after) == (secret,)
        assert finder.found(b"." * before + secret[:-1] + b"." * after) == ()


def test_five_hundred_secrets_cost_hardly_more_than_five() -> None:
    """Of a finder that looks for one after the other, a hundred times as much."""
    chosen = random.Random(1)
    secrets = ["".join(chosen.choices(string.ascii_letters + string.digits, k=40)) for _ in range(500)]
    block = (b"#7 12.345 " + b"a line as long as compilers like to print them " * 2 + b"\n") * 640

    def seconds(redactor: Redactor) -> float:
        redactor.data(block)  # encodings are made when they are first needed
        begun = time.process_time()
        for _ in range(20):
            redactor.data(block)
        return time.process_time() - begun

    few, many = Redactor(secrets[:5]), Redactor(secrets)
    assert min(seconds(many) for _ in range(3)) < 10 * min(seconds(few) for _ in range(3))
