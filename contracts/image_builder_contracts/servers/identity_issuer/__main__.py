"""``python -m image_builder_contracts.servers.identity_issuer``."""

import sys

from image_builder_contracts.servers.identity_issuer.command import main

sys.exit(main(sys.argv[1:]))
