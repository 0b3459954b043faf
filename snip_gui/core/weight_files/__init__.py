"""Reading files of weights, whoever wrote them."""
