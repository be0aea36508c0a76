"""The journal signer keeps what every signer keeps."""

import json
from pathlib import Path

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.signer import SignerBench, SignerContract
from image_builder_domain.image.reference import Digest

from journal_signer import JournalSettings, JournalSigner


class TestJournalSigner(SignerContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> SignerBench:
        key, journal = tmp_path / "key", tmp_path / "journal"
        key.write_text("a-key-for-tests-alone\n")

        def lines() -> list[str]:
            return journal.read_text().splitlines() if journal.is_file() else []

        def accepted() -> list[tuple[Digest, int]]:
            return [(Digest(one["digest"]), one["size"]) for one in map(json.loads, lines())]

        def spoil() -> None:
            journal.unlink(missing_ok=True)
            journal.mkdir()

        signer = JournalSigner("journal", JournalSettings(str(journal), str(key)), Redactor())
        return SignerBench(signer, lambda: len(lines()), accepted, spoil, secret="a-key-for-tests-alone")
