"""``python -m image_builder_contracts.servers.signing_service``."""

import sys

from image_builder_contracts.servers.signing_command import main

sys.exit(main(sys.argv[1:]))
