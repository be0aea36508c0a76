"""Views of plans and outcomes: for people, for programs, for CI systems."""
