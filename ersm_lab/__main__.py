"""``python -m ersm_lab`` is ``ersm-lab``."""

import sys

from ersm_lab.cli import main

sys.exit(main())
