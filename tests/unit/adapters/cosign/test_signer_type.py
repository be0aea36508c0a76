"""The settings of a signer of type ``cosign``: every key, and every mistake."""

import pytest
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_domain.signing import SignerSettings

from tests.given import loaded

COSIGN = """\
sign-config:
  signers:
    - name: c
      type: cosign
      config:
        key: /keys/cosign.key
        public-key: /keys/cosign.pub
"""
KEYLESS = """\
sign-config:
  signers:
    - name: c
      type: cosign
      config:
        identity-token-file: /var/run/token
        certificate-identity: https://ci.example/job
        certificate-oidc-issuer: https://ci.example
"""


def settings(text: str) -> SignerSettings:
    (signer,) = loaded(text).unwrap().signers
    return signer.settings


def test_every_key_of_a_signer_with_a_key() -> None:
    more = "        signing-config: /c.json\n        trusted-root: /r.json\n        transparency-log: false\n"
    assert settings(COSIGN + more) == CosignSettings(
        key="/keys/cosign.key",
        public_key="/keys/cosign.pub",
        signing_config="/c.json",
        trusted_root="/r.json",
        transparency_log=False,
    )


def test_every_key_of_a_signer_without_a_key() -> None:
    found = settings(KEYLESS)
    assert found == CosignSettings(
        identity_token_file="/var/run/token",
        certificate_identity="https://ci.example/job",
        certificate_oidc_issuer="https://ci.example",
    )
    assert found.signs_indexes


def test_a_key_of_a_key_management_service_needs_no_public_key() -> None:
    text = COSIGN.replace("/keys/cosign.key\n        public-key: /keys/cosign.pub", "gcpkms://projects/p/k")
    assert settings(text) == CosignSettings(key="gcpkms://projects/p/k")


@pytest.mark.parametrize(
    ("text", "old", "new", "reported"),
    [
        (
            COSIGN,
            "        public-key: /keys/cosign.pub\n",
            "",
            "config.key needs sign-config.signers[0].config.public",
        ),
        (COSIGN, "key: /keys/cosign.key\n        ", "", "config.identity-token-file is missing; add one of them"),
        (COSIGN, "public-key", "certificate-identity: x\n        public-key", "a key has no certificate"),
        (COSIGN, "public-key", "certificate-oidc-issuer: https://x\n        public-key", "a key has no certificate"),
        (COSIGN, "public-key", "identity-token-file: /t\n        public-key", "exclude each other; remove one of them"),
        (COSIGN, "public-key", "transparency-log: maybe\n        public-key", "must be true or false, not 'maybe'"),
        (COSIGN, "public-key", "publc-key", "did you mean 'public-key'?"),
        (KEYLESS, "        certificate-identity: https://ci.example/job\n", "", "config.certificate-identity"),
        (KEYLESS, "        certificate-oidc-issuer: https://ci.example\n", "", "config.certificate-oidc-issuer"),
        (KEYLESS, "issuer: https", "issuer: http", "not an https URL"),
        (KEYLESS, "certificate-identity", "public-key: /k\n        certificate-identity", "by their certificate"),
    ],
)
def test_a_mistake_in_the_settings_is_reported(text: str, old: str, new: str, reported: str) -> None:
    assert old in text
    assert reported in "\n".join(map(str, loaded(text.replace(old, new)).failure()))
