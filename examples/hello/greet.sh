#!/bin/sh
# Greets whoever runs the image.
echo "$1 from image-builder"
