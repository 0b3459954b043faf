"""Reports on runs: tables, error against sparsity, published curves."""
