"""Adapters: one thing of the outside world each. They translate and retry; they decide nothing."""
