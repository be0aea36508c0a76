"""``python -m image_builder_stand_ins.signing_service``."""

import sys

from image_builder_stand_ins.signing_command import main

sys.exit(main(sys.argv[1:]))
