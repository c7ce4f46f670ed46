"""stub to be replaced"""
from types import SimpleNamespace
def build_trackers(config, run, evaluation=None):
    from ersm_lab.tracking.metrics_file import HistoryWriter
    return [] if evaluation else [SimpleNamespace(lightning_logger=HistoryWriter(run.metrics_path))]
def publish_all(*a): pass
def close_all(*a): pass
