"""What doctor finds about BuildKit."""

from pathlib import Path

from image_builder_adapters.buildkit.engine import BuildkitSettings
from image_builder_adapters.buildkit.examination import examine_buildkit
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.diagnosis import Finding

from tests.programs import install_script


def examine(folder: Path, **variables: str) -> dict[str, Finding]:
    """Findings by subject, where only the programs in ``folder`` are installed."""
    environment = {"PATH": str(folder), **variables}
    settings = BuildkitSettings(environment, str(folder), str(folder / "log"), single_build=True, user=0)
    return {finding.subject: finding for finding in examine_buildkit(settings, ManualCancellation())}


def missing(findings: dict[str, Finding]) -> list[str]:
    return [subject for subject, finding in findings.items() if finding.is_missing]


def test_running_daemon_needs_only_buildctl_and_an_answer(tmp_path: Path) -> None:
    install_script(tmp_path, "buildctl", 'echo "no route: $*"; test "$1" = --version')
    findings = examine(tmp_path, BUILDKIT_HOST="tcp://far:1", BUILDKIT_TLS_DIR="/tls")
    assert missing(findings) == ["BUILDKIT_HOST"]
    words = "no route: --addr tcp://far:1 --tlsdir /tls debug workers"
    assert findings["BUILDKIT_HOST"].found == f"tcp://far:1 cannot be reached: {words}"


def test_daemon_that_answers_is_good(tmp_path: Path) -> None:
    install_script(tmp_path, "buildctl", "exit 0")
    assert examine(tmp_path, BUILDKIT_HOST="unix:///run/x.sock")["BUILDKIT_HOST"].is_good


def test_private_daemon_needs_programs_and_a_root(tmp_path: Path) -> None:
    findings = examine(tmp_path)
    assert missing(findings) == ["buildctl", "buildkitd", "runc"]
    assert findings["private root"].is_needed
