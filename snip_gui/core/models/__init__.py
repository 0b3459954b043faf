"""Networks, one family per file; no training code."""
