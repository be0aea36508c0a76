"""Publishing: which tags are written, and what became of each."""
