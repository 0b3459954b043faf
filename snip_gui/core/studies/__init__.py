"""Studies: questions answered by many runs, each with a table and a sentence."""
