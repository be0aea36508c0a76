"""Contracts: what any adapter must keep, as test classes to subclass; and stand-ins for the outside world."""
