"""From a recipe to a complete run folder: run, resume, train, sweep."""
