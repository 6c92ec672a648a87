#!/bin/sh
# After removal the state stays; a purge takes it away, and says what was never shipped.
set -e

UNIT=headrig-agent.service
STATE=/var/lib/headrig

say_what_is_lost() {
    chunks=$(find "$STATE/spool" -type f ! -name '*.part' -printf '%s\n' 2>/dev/null || true)
    if [ -n "$chunks" ]; then
        echo "$chunks" | awk -v state="$STATE" '{ bytes += $1 } END {
            what = NR == 1 ? "chunk" : "chunks"
            printf "headrig-agent: removing %s with %d %s, %.0f bytes, never uploaded\n", state, NR, what, bytes
        }' >&2
    fi
}

case "$1" in
remove)
    [ -d /run/systemd/system ] && systemctl --system daemon-reload >/dev/null || true
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper mask "$UNIT" >/dev/null || true
    fi
    ;;
purge)
    say_what_is_lost
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper purge "$UNIT" >/dev/null || true
        deb-systemd-helper unmask "$UNIT" >/dev/null || true
    fi
    # A file system of its own is emptied; the mount point stays, which is no reason to fail.
    rm -rf "$STATE" || true
    # It may hold credentials. What is left after it are settings of the administrator's own; dpkg takes its conffiles.
    rm -f /etc/headrig/environment
    rmdir /etc/headrig/conf.d /etc/headrig 2>/dev/null || true
    ;;
esac
