"""The pruning methods, one module each, registered in `snip_gui.core.recipe.methods`."""
