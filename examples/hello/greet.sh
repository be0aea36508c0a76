#!/bin/sh
# Prints a greeting.
echo "$1 from image-builder"
