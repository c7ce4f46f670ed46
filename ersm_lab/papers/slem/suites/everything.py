"""The suite ``slem``: everything about the maps themselves, which is ``slem_maps`` and ``slem_points`` one after the other."""

from __future__ import annotations

from ersm_lab.core.protocols import Summary
from ersm_lab.papers.slem.suites.maps.suite import MapsSuite
from ersm_lab.papers.slem.suites.points.suite import PointsSuite
from ersm_lab.papers.slem.suites.settings import SlemEvaluationConfig
from ersm_lab.papers.slem.suites.subject import PictureSubject, PictureSuite


class EverythingSuite(PictureSuite[SlemEvaluationConfig]):
    """Maps, then points."""

    def measure(self, subject: PictureSubject[SlemEvaluationConfig]) -> Summary:
        """The artifacts and the summaries of both."""
        return MapsSuite().measure(subject) | PointsSuite().measure(subject)
