"""Budget follow-ups: the forms that the centres fill in before each of them."""
