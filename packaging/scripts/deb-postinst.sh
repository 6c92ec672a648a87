#!/bin/sh
# After unpacking: the account, who may read the settings, and the service, if there is something for it to do.
set -e

UNIT=headrig-agent.service
CONFIG=/etc/headrig/agent.toml

is_configured() {
    headrig-agent check --config "$CONFIG" >/dev/null 2>&1
}

say_how_to_go_on() {
    cat <<MESSAGE
headrig-agent: installed, and off: $CONFIG names no bucket yet.
  1. set upload.bucket, and what is to be shipped under source
  2. headrig-agent check
  3. systemctl enable --now headrig-agent
MESSAGE
}

if [ "$1" != configure ] && [ "$1" != abort-upgrade ]; then
    exit 0
fi
before="$2"

systemd-sysusers /usr/lib/sysusers.d/headrig.conf

# Settings may hold the id of an assumed role: not for everybody. A mode that an administrator chose stays.
for path in /etc/headrig /etc/headrig/conf.d "$CONFIG"; do
    if [ -e "$path" ] && ! dpkg-statoverride --list "$path" >/dev/null 2>&1; then
        chgrp headrig "$path"
    fi
done

deb-systemd-helper unmask "$UNIT" >/dev/null || true
if [ -z "$before" ]; then
    if is_configured; then
        deb-systemd-helper enable "$UNIT" >/dev/null || true
    else
        say_how_to_go_on
    fi
else
    # An upgrade leaves enabled what was enabled, and off what was off.
    if deb-systemd-helper --quiet was-enabled "$UNIT"; then
        deb-systemd-helper enable "$UNIT" >/dev/null || true
    else
        deb-systemd-helper update-state "$UNIT" >/dev/null || true
    fi
fi

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    if [ -n "$before" ]; then
        # Once, and only where it runs: what was sealed is in the state, what was not is read again.
        if systemctl is-active --quiet "$UNIT"; then
            deb-systemd-invoke restart "$UNIT" || true
        fi
    elif is_configured; then
        deb-systemd-invoke start "$UNIT" || true
    fi
fi
