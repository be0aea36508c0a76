"""Facts about the CI job: which system runs it, which repository, ref and commit it builds."""
