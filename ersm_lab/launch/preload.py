"""Imported once by the server from which runs are forked; nothing here may start threads or touch a device."""

import pandas  # noqa: F401
import pytorch_lightning  # noqa: F401
import timm  # noqa: F401
import torchmetrics  # noqa: F401
import torchvision  # noqa: F401
