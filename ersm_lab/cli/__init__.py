"""The command line: ``ersm-lab VERB [words]``."""

from ersm_lab.cli.entry import main as main
