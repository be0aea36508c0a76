"""By what a credential helper of a cloud's registry finds its files and names; no secrets themselves."""

from typing import Final

CLOUD_VARIABLES: Final = (
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SDK_LOAD_CONFIG"),
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "DOCKER_CREDENTIAL_GCR_CONFIG"),
)
