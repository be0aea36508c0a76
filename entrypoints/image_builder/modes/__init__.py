"""Modes of the command: each reads its inputs, decides, then shows or carries out the plan."""
