"""Operations: the log of nights and steps, and what the engineer is told of them."""
