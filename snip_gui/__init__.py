"""SNIP explorer: look inside single-shot network pruning (Lee, Ajanthan & Torr, ICLR 2019)."""

import os

__version__ = "0.1.0"

# Importing onnxruntime otherwise writes a device identity into the home folder and queues usage
# data. Set before anything else, since libraries import it too, and for processes started here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
