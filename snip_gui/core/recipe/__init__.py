"""The recipe: everything that determines a result; its fields, files and stages."""
