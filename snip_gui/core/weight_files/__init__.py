"""Reading of weight files of any origin."""
