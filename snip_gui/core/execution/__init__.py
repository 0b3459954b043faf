"""Execution of recipes into run folders: run, resume, train, sweep."""
