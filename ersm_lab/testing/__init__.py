"""Tests that anybody's plug-in can run: ``check_paper(NAME)``."""

from ersm_lab.testing.contract import check_paper as check_paper
