"""How the pinned tools come to a machine; the command is ``get_tools.py`` beside this folder.

Standard library only, since it runs before any environment is there.
"""
