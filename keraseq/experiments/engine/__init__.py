"""Does the work of a comparison: what is to be done, where it is kept, who does it."""
