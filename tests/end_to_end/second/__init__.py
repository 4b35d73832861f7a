"""A second computation of the measures, from the native files alone; it shares no code with the warehouse."""
