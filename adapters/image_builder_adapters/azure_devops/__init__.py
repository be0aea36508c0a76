"""Azure DevOps: runs of one pipeline, started, followed, canceled; its definition, expanded. REST API 7.1."""
