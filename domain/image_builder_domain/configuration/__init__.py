"""The configuration file: its model, its rules, and how it is decoded with positions."""
