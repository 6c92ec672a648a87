#!/bin/sh
# After unpacking: the account, who may read the settings, and the service, if there is something for it to do.
set -e

UNIT=headrig-agent.service
CONFIG=/etc/headrig/agent.toml

say_how_to_go_on() {
    start="systemctl enable --now headrig-agent"
    [ -d /run/systemd/system ] || start="headrig-agent run"
    echo "headrig-agent: installed, and off until it is configured:"
    printf '%s\n' "$problems" | sed 's/^/  /'
    echo "  1. set upload.bucket, and what is to be shipped under source, in $CONFIG"
    echo "  2. headrig-agent check"
    echo "  3. $start"
}

case "$1" in
configure | abort-upgrade) before="$2" ;;
# The removal that was given up had stopped the service; what follows "in-favour" is another package's version.
abort-remove) before=this ;;
*) exit 0 ;;
esac

systemd-sysusers /usr/lib/sysusers.d/headrig.conf

# Settings may hold the id of an assumed role: not for everybody. A mode that an administrator chose stays.
for path in /etc/headrig /etc/headrig/conf.d "$CONFIG"; do
    if [ -e "$path" ] && ! dpkg-statoverride --list "$path" >/dev/null 2>&1; then
        chgrp headrig "$path"
    fi
done

is_configured=yes
problems=$(headrig-agent check --config "$CONFIG" 2>&1) || is_configured=no

# The first time it is enabled if it is configured. Later what was enabled stays so, and what was off stays off: that
# is known by the state file, which is written in any case; by it a purge finds the links, too.
deb-systemd-helper unmask "$UNIT" >/dev/null || true
if [ -z "$before" ]; then
    if [ "$is_configured" = yes ]; then
        deb-systemd-helper enable "$UNIT" >/dev/null || true
    else
        say_how_to_go_on
    fi
elif deb-systemd-helper debian-installed "$UNIT" && deb-systemd-helper --quiet was-enabled "$UNIT"; then
    deb-systemd-helper enable "$UNIT" >/dev/null || true
fi
deb-systemd-helper update-state "$UNIT" >/dev/null || true

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    # Once: what was sealed is in the state, what was not is read again. What comes back after a removal is started, and
    # what could not start with the version before tries again; a unit that is disabled and does not run is left alone.
    if [ -n "$before" ]; then
        deb-systemd-invoke restart "$UNIT" >/dev/null || true
    elif [ "$is_configured" = yes ]; then
        deb-systemd-invoke start "$UNIT" >/dev/null || true
    fi
fi
