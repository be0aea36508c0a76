#!/bin/sh
# Stands for a tool that is installed in a chosen version.
echo "tool $(cat /etc/tool-version)"
