"""``python -m image_builder_stand_ins.identity_issuer``."""

import sys

from image_builder_stand_ins.identity_issuer.command import main

sys.exit(main(sys.argv[1:]))
