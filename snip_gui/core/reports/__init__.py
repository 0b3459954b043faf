"""What finished runs say together: tables, error over sparsity, published curves."""
