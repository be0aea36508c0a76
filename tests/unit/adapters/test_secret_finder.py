"""The finder sees what a plain search sees, wherever it lies, and does not slow down with the number of secrets."""

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.secret_finder import SecretFinder

FORMS = st.binary(min_size=4, max_size=40) | st.text("abcXYZ019", min_size=4, max_size=40).map(str.encode)
GROUPS = st.lists(st.lists(FORMS, min_size=1, max_size=4).map(tuple), max_size=5)


@given(GROUPS, st.data())
def test_everything_is_found_that_is_there_and_nothing_else(
    groups: list[tuple[bytes, ...]], data: st.DataObject
) -> None:
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
