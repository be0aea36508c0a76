"""How the pinned tools come to a machine; :mod:`get_tools` is the command. Standard library only: it runs before any environment."""
