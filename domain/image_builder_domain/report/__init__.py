"""Outcomes and the report: what a run did, and how later steps read it."""
