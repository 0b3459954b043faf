"""The pruning methods: each a module that `snip_gui.core.recipe.methods` names in a row."""
