"""A local issuer of identity tokens: what GitHub's OpenID Connect provider does for a job, over https on loopback.

It serves its discovery document and its keys, and makes a token for each job that it knows. Programs can also make
any token with it, the forged ones included, rotate its keys, and let it answer wrongly. As a command::

    python -m image_builder_stand_ins.identity_issuer --jobs jobs.json --folder /tmp/issuer
"""

from image_builder_stand_ins.identity_issuer.issuer import IdentityIssuer
from image_builder_stand_ins.identity_issuer.token import SigningKey, github_claims, signed

__all__ = ["IdentityIssuer", "SigningKey", "github_claims", "signed"]
