"""Trainings, the queue, the list of runs, exports."""
