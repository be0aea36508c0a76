"""The git working copy: commits, history, checkout state and credentials, read without running repository code."""
