"""An agent: it carries out the jobs of a definition on this machine, in processes with variables."""
