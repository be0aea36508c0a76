"""The pure core of Image Builder: values, rules, decisions and the ports they need.

Nothing here reads a file, a clock, the environment or the network; see ``ports`` for how it asks for such things.
"""
