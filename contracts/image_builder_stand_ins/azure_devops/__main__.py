"""``python -m image_builder_stand_ins.azure_devops``."""

import sys

from image_builder_stand_ins.azure_devops.command import main

sys.exit(main(sys.argv[1:]))
