"""Sources: one module an outside system, from native bytes to named columns. Knows nothing of landing or what follows."""
