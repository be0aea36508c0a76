"""Go's text templates, regular expressions and durations, with Go's own results."""
