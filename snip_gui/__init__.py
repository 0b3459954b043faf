"""SNIP explorer: look inside single-shot network pruning (Lee, Ajanthan & Torr, ICLR 2019)."""

__version__ = "0.1.0"
