"""Sources: one module an outside system, from native bytes to named columns. Knows nothing of what comes after."""
