"""SNIP explorer: look inside single-shot network pruning (Lee, Ajanthan & Torr, ICLR 2019)."""

import os

__version__ = "0.1.0"

# Otherwise importing onnxruntime writes a device identity into the home folder and queues usage
# data. Set first, because other libraries import onnxruntime, and inherited by child processes.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
