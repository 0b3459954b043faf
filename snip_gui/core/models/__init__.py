"""Networks: one family a file, no training code."""
