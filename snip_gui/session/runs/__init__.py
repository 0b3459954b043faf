"""Training, the queue, the list of runs, exports."""
