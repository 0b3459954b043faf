"""Layouts and containers that fit windows of any size."""
