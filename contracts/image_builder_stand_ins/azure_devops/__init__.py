"""A local Azure DevOps: the REST API of pipelines and builds, agents that run what is asked of them, and faults.

Start with :class:`image_builder_stand_ins.azure_devops.service.AzureDevOps`. As a command::

    python -m image_builder_stand_ins.azure_devops --help

It speaks api-version 7.1 as recorded answers have it: error envelopes with ``typeKey``, sign-in redirects,
``x-ms-continuationtoken``, times with up to seven digits of a second. Where no recording exists (a run that starts,
throttling, the token endpoint) it follows Microsoft's documentation.
"""
