"""Metrics: a functional core (validate, update, compute) and a torchmetrics ``Metric`` over it."""
