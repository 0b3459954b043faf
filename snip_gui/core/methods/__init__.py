"""The pruning methods, by kind, registered in `snip_gui.core.recipe.methods`."""
