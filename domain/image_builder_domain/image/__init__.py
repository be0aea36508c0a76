"""Names and descriptors of images: references, registry prefixes, manifests and platforms."""
