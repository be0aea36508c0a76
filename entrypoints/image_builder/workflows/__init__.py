"""Workflows: what a mode does, step by step, through ports."""
