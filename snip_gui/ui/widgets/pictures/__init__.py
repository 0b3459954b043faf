"""Widgets that draw pictures, tiles and plots."""
