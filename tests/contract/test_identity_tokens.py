"""Identity tokens with real keys, and an issuer that is reached over real TLS: what is verified, fetched and kept."""

import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, hmac
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.http.client import HttpClient, Timeouts
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.identity.issuer_keys import LONGEST_AGE_SECONDS, IssuerKeys
from image_builder_adapters.identity.signed_token import verified_claims
from image_builder_adapters.redaction import Redactor
from image_builder_stand_ins.fault import Answer, HangUp, Stall, busy, proxy_page, redirect
from image_builder_stand_ins.identity_issuer import IdentityIssuer, SigningKey, github_claims, signed
from image_builder_stand_ins.identity_issuer.issuer import DISCOVERY, KEYS
from image_builder_stand_ins.identity_issuer.token import unsigned

FETCHES = [DISCOVERY, KEYS]
JSON = "application/json"


@dataclass
class Bench:
    issuer: IdentityIssuer
    client: HttpClient
    folder: Path
    now: float = 1_800_000_000.0

    def keys(self) -> IssuerKeys:
        policy = RetryPolicy(attempts=2, pause_seconds=0.01, longest_pause_seconds=0.01)
        files = FileArtifacts("", Redactor())
        return IssuerKeys(self.issuer.url, self.client, policy, files, str(self.folder), lambda: self.now)

    def verify(self, token: str, seconds: float = 10) -> Any:
        return verified_claims(token, self.keys(), ScopedCancellation(seconds=seconds))

    def refusal(self, token: str) -> str:
        return str(self.verify(token).failure())

    def claims(self, **changed: Any) -> dict[str, Any]:
        return github_claims(self.issuer.url, "acme/demo", "refs/heads/main", "1" * 40) | changed

    def good(self) -> str:
        return self.issuer.token("acme/demo", "refs/heads/main", "1" * 40)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with IdentityIssuer.start() as issuer:
        trust = ssl.create_default_context(cadata=issuer.authority.certificate.decode())
        client = HttpClient(trust, Timeouts(2, 2, 2))
        yield Bench(issuer, client, tmp_path / "keys")
        client.close()


@pytest.mark.parametrize("key", [SigningKey.rsa("a"), SigningKey.ec("b")], ids=["RS256", "ES256"])
def test_the_claims_of_a_good_token_are_given(bench: Bench, key: SigningKey) -> None:
    bench.issuer.rotate(key)
    claims = bench.claims()
    assert bench.verify(signed(key, claims)).unwrap() == claims


def test_the_issuer_makes_tokens_that_another_implementation_takes(bench: Bench) -> None:
    for key in (SigningKey.rsa("a"), SigningKey.ec("b")):
        bench.issuer.rotate(key)
        public = jwt.PyJWK.from_dict(key.jwk())
        found = jwt.decode(bench.good(), public, [key.algorithm], audience="image-builder", issuer=bench.issuer.url)
        assert found["repository"] == "acme/demo"


# --- forged tokens ------------------------------------------------------------------------------------------------


def with_the_public_key_as_secret(bench: Bench, algorithm: str = "HS256") -> str:
    header = {"alg": algorithm, "kid": bench.issuer.key.key_id}
    whole = unsigned(bench.claims(), header).removesuffix(".")
    code = hmac.HMAC(bench.issuer.key.public_pem(), hashes.SHA256())
    code.update(whole.encode())
    return unsigned(bench.claims(), header, code.finalize())


def twice(document: str, name: str, value: str) -> bytes:
    return f'{document[:-1]}, "{name}": "{value}"}}'.encode()


FORGED: dict[str, tuple[Any, str]] = {
    "none": (lambda b: unsigned(b.claims(), {"alg": "none", "kid": "first"}), "not a signed token"),
    "none-with-signature": (lambda b: unsigned(b.claims(), {"alg": "none", "kid": "first"}, b"x"), "algorithm 'none'"),
    "None": (lambda b: unsigned(b.claims(), {"alg": "None", "kid": "first"}, b"x"), "algorithm 'None'"),
    "hmac": (with_the_public_key_as_secret, "algorithm 'HS256'"),
    "hmac-called-rsa": (lambda b: with_the_public_key_as_secret(b, "RS256"), "the signature is not valid for the key"),
    "pss": (lambda b: signed(b.issuer.key, b.claims(), {"alg": "PS256", "kid": "first"}), "algorithm 'PS256'"),
    "sha-512": (lambda b: signed(b.issuer.key, b.claims(), {"alg": "RS512", "kid": "first"}), "algorithm 'RS512'"),
    "no-algorithm": (lambda b: signed(b.issuer.key, b.claims(), {"kid": "first"}), "algorithm 'None'"),
    "algorithms": (lambda b: signed(b.issuer.key, b.claims(), {"alg": ["RS256"], "kid": "first"}), "algorithm"),
    "other-kind-of-key": (
        lambda b: signed(b.issuer.key, b.claims(), {"alg": "ES256", "kid": "first"}),
        "is not one for ES256",
    ),
    "no-key": (lambda b: signed(b.issuer.key, b.claims(), {"alg": "RS256"}), "names no key"),
    "key-as-number": (lambda b: signed(b.issuer.key, b.claims(), {"alg": "RS256", "kid": 1}), "names no key"),
    "another-key-of-that-name": (lambda b: signed(SigningKey.rsa("first"), b.claims()), "the signature is not valid"),
    "unknown-key": (lambda b: signed(SigningKey.rsa("mine"), b.claims()), "does not have exactly one key named 'mine'"),
    "key-in-the-header": (
        lambda b: signed(
            SigningKey.rsa("first"),
            b.claims(),
            {"alg": "RS256", "kid": "first", "jwk": SigningKey.rsa("first").jwk(), "jku": "https://evil.example"},
        ),
        "the signature is not valid",
    ),
    "extension": (
        lambda b: signed(b.issuer.key, b.claims(), {"alg": "RS256", "kid": "first", "crit": ["exp"]}),
        "asks for an extension",
    ),
    "unencoded": (
        lambda b: signed(b.issuer.key, b.claims(), {"alg": "RS256", "kid": "first", "b64": False}),
        "asks for an extension",
    ),
    "header-twice": (
        lambda b: signed(b.issuer.key, b.claims(), twice('{"alg": "RS256", "kid": "first"}', "alg", "RS256")),
        "header of the token is not a JSON object with unique names",
    ),
    "claim-twice": (
        lambda b: signed(b.issuer.key, twice(json.dumps(b.claims()), "repository", "acme/demo")),
        "does not hold a JSON object with unique names",
    ),
    "claims-as-list": (lambda b: signed(b.issuer.key, b"[]"), "does not hold a JSON object"),
    "claims-not-utf-8": (lambda b: signed(b.issuer.key, b'{"a": "\xff"}'), "does not hold a JSON object"),
    "not-a-number": (lambda b: signed(b.issuer.key, b'{"exp": NaN}'), "does not hold a JSON object"),
    "deep": (lambda b: signed(b.issuer.key, b"[" * 5000), "does not hold a JSON object"),
    "changed-claims": (
        lambda b: ".".join(
            (b.good().split(".")[0], signed(b.issuer.key, {"x": 1}).split(".")[1], b.good().split(".")[2])
        ),
        "the signature is not valid",
    ),
    "cut": (lambda b: b.good()[:-10], "the signature is not valid"),
    "padded": (lambda b: b.good() + "=", "not a signed token"),
    "line": (lambda b: b.good() + "\n", "not a signed token"),
    "encrypted": (lambda b: b.good() + ".a.b", "not a signed token"),
    "large": (lambda b: signed(b.issuer.key, b.claims(x="x" * 20000)), "not a signed token"),
    "empty": (lambda _: "..", "not a signed token"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(bench: Bench, name: str) -> None:
    forge, says = FORGED[name]
    token = forge(bench)
    said = bench.refusal(token)
    assert says in said
    assert token not in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"use": "enc"}, "is not one for RS256"),
        ({"alg": "RS512"}, "is not one for RS256"),
        ({"key_ops": ["sign"]}, "is not one for RS256"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "is not one for RS256"),
        ({"n": 5}, "is not one for RS256"),
        ({"n": "!!"}, "the signature is not valid"),
        ({"e": ""}, "the signature is not valid"),
    ],
)
def test_a_key_that_is_not_for_this_is_refused(bench: Bench, change: dict[str, Any], says: str) -> None:
    changed = bench.issuer.key.jwk() | change
    bench.issuer.fail_next(KEYS, Answer(200, json.dumps({"keys": [changed]}), JSON))
    assert says in bench.refusal(bench.good())


def test_a_short_key_is_refused(bench: Bench) -> None:
    bench.issuer.rotate(SigningKey.rsa("short", 1024))
    assert "fewer than 2048 bits" in bench.refusal(bench.good())


def test_two_keys_of_one_name_are_none(bench: Bench) -> None:
    bench.issuer.rotate(SigningKey.rsa("first"), keep=1)
    assert "does not have exactly one key named 'first'" in bench.refusal(bench.good())


def test_private_parts_in_the_set_are_not_used(bench: Bench) -> None:
    changed = bench.issuer.key.jwk() | {"d": "AQ", "p": "AQ"}
    bench.issuer.fail_next(KEYS, Answer(200, json.dumps({"keys": [changed]}), JSON))
    assert bench.verify(bench.good()).unwrap()["repository"] == "acme/demo"


# --- where keys come from -----------------------------------------------------------------------------------------


def discovery(bench: Bench, **changed: Any) -> Answer:
    return Answer(200, json.dumps({"issuer": bench.issuer.url, "jwks_uri": bench.issuer.url + KEYS} | changed), JSON)


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/jwks",
        "http://localhost:{port}/.well-known/jwks",
        "https://localhost/.well-known/jwks",
        "https://127.0.0.1:{port}/.well-known/jwks",
        "https://user@localhost:{port}/.well-known/jwks",
        "https://localhost:{port}@evil.example/jwks",
        "https://localhost:{port}/.well-known/jwks#x",
        "/.well-known/jwks",
        "https://[x",
        7,
        None,
    ],
)
def test_keys_on_another_host_are_not_asked_for(bench: Bench, place: Any) -> None:
    port = bench.issuer.url.rpartition(":")[2]
    where = place.replace("{port}", port) if isinstance(place, str) else place
    bench.issuer.fail_next(DISCOVERY, discovery(bench, jwks_uri=where))
    assert "jwks_uri is not an https URL on the issuer's own host" in bench.refusal(bench.good())
    assert bench.issuer.requests == [DISCOVERY]


@pytest.mark.parametrize(
    ("path", "fault", "says"),
    [
        (DISCOVERY, redirect("https://evil.example/"), "it answered 307"),
        (KEYS, redirect("https://evil.example/", 302), "it answered 302"),
        (DISCOVERY, proxy_page(), "the answer is not a JSON object with unique names ('text/html')"),
        (KEYS, Answer(200, '{"keys": []}', "text/plain"), "('text/plain')"),
        (DISCOVERY, Answer(404), "it answered 404"),
        (DISCOVERY, Answer(200, "{", JSON), "is not a JSON object"),
        (DISCOVERY, Answer(200, '{"issuer": "a", "issuer": "b"}', JSON), "unique names"),
        (DISCOVERY, Answer(200, '{"issuer": "https://evil.example"}', JSON), "it describes another issuer"),
        (KEYS, Answer(200, '{"keys": []}', JSON), "not a set of 1 to 100 keys"),
        (KEYS, Answer(200, '{"keys": {}}', JSON), "not a set of 1 to 100 keys"),
        (KEYS, Answer(200, json.dumps({"keys": [{}] * 101}), JSON), "not a set of 1 to 100 keys"),
        (KEYS, Answer(200, json.dumps({"keys": ["x" * 300_000]}), JSON), "larger than 262144 bytes"),
    ],
)
def test_an_answer_that_is_wrong_is_refused(bench: Bench, path: str, fault: Answer, says: str) -> None:
    bench.issuer.fail_next(path, fault)
    said = bench.refusal(bench.good())
    assert says in said
    assert f"{bench.issuer.url}{path}: " in said
    assert not bench.folder.exists()


@pytest.mark.parametrize("fault", [HangUp(), busy(0), Answer(500)])
def test_a_passing_fault_is_survived(bench: Bench, fault: Any) -> None:
    bench.issuer.fail_next(KEYS, fault)
    assert bench.verify(bench.good()).unwrap()


def test_an_issuer_that_hangs_ends_with_the_deadline(bench: Bench) -> None:
    bench.issuer.fail_next(DISCOVERY, Stall(30))
    started = time.monotonic()
    assert bench.verify(bench.good(), seconds=0.5).failure()
    assert time.monotonic() - started < 5


def test_a_certificate_of_a_stranger_is_refused(bench: Bench) -> None:
    bench.client = HttpClient(ssl.create_default_context(), Timeouts(2, 2, 2))
    assert "certificate problem" in bench.refusal(bench.good())
    assert bench.issuer.requests == []


# --- what is kept -------------------------------------------------------------------------------------------------


def test_keys_are_kept_for_an_hour_and_no_longer(bench: Bench) -> None:
    assert bench.verify(bench.good()).unwrap()
    bench.now += LONGEST_AGE_SECONDS
    assert bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES
    bench.now += 1
    assert bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES * 2


def test_keys_of_the_future_are_not_used(bench: Bench) -> None:
    bench.verify(bench.good()).unwrap()
    bench.now -= 1
    bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES * 2


def test_a_new_key_is_asked_for_once(bench: Bench) -> None:
    bench.verify(bench.good()).unwrap()
    bench.issuer.rotate(SigningKey.ec("second"), keep=1)
    for _ in range(3):
        assert bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES * 2


def test_a_key_that_nobody_has_is_asked_for_once_each_time(bench: Bench) -> None:
    bench.verify(bench.good()).unwrap()
    forged = signed(SigningKey.rsa("mine"), bench.claims())
    assert "does not have exactly one key named 'mine'" in bench.refusal(forged)
    assert bench.issuer.requests == FETCHES * 2


def test_old_keys_are_not_used_when_the_issuer_is_down(bench: Bench) -> None:
    bench.verify(bench.good()).unwrap()
    bench.now += LONGEST_AGE_SECONDS + 1
    bench.issuer.fail_next(DISCOVERY, *[Answer(503)] * 2)
    assert "it answered 503" in bench.refusal(bench.good())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"issuer": "x", "fetched": 1, "keys": []}', b'{"fetched": "x"}', b"\xff", b"[" * 9000],
)
def test_a_kept_file_that_is_damaged_is_asked_for_again(bench: Bench, content: bytes) -> None:
    bench.verify(bench.good()).unwrap()
    (file,) = bench.folder.iterdir()
    file.write_bytes(content)
    assert bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES * 2


def test_kept_keys_of_another_issuer_are_not_used(bench: Bench) -> None:
    bench.verify(bench.good()).unwrap()
    (file,) = bench.folder.iterdir()
    file.write_text(file.read_text().replace(bench.issuer.url, "https://evil.example"))
    bench.verify(bench.good()).unwrap()
    assert bench.issuer.requests == FETCHES * 2


def test_keys_that_cannot_be_kept_are_used_all_the_same(bench: Bench) -> None:
    bench.folder.write_text("not a folder")
    assert bench.verify(bench.good()).unwrap()
