"""Every request fails once: what a build leaves behind when any single request to its registries fails."""
