"""A synthetic municipality: every dataset in its native format, deterministic from a seed, with planted truth."""
