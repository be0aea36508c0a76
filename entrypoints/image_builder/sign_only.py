"""The command ``image-signer``: sign images that exist, build nothing. It is the mode ``sign`` of ``image-builder``."""

from image_builder.__main__ import leave, run
from image_builder.flags import scan_signing, signing_help_text


def main() -> int:
    """Exit code of one command line of ``image-signer``."""
    return run("image-signer", scan_signing, signing_help_text)


def command() -> None:
    """The installed command ``image-signer``."""
    leave(main())


if __name__ == "__main__":
    command()
