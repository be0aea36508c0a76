"""The decisions that a plan is made of, one module each: tags, destinations, build arguments, caches, builds."""
