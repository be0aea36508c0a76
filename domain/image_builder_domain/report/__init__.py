"""The outcome of a run, its report, and what ``verify`` checks of a report."""
