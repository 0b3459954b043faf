"""Figures of studies: values that are laid out once and written as SVG or PNG."""
