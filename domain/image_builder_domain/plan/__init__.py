"""The plan: every decision about a run, made from its inputs before anything is carried out."""
