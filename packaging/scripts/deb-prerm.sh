#!/bin/sh
# Before removal the service ends; before an upgrade it goes on, and is started again afterwards.
set -e

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop headrig-agent.service || true
fi
