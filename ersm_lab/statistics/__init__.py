"""Intervals and paired differences, in numpy alone."""

from ersm_lab.statistics.correlation import rank_correlation as rank_correlation
from ersm_lab.statistics.intervals import paired_bootstrap as paired_bootstrap
from ersm_lab.statistics.intervals import paired_bootstrap_of_sums as paired_bootstrap_of_sums
