"""The git working copy, read without running any program that the repository names."""
