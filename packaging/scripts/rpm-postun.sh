# After an upgrade the service is started again, once; after removal the state stays, and people are told of it.
if [ -x /usr/bin/systemctl ]; then
    systemctl --system daemon-reload >/dev/null 2>&1 || :
    if [ "$1" -ge 1 ]; then
        systemctl try-restart headrig-agent.service >/dev/null 2>&1 || :
    fi
fi
if [ "$1" -eq 0 ] && [ -d /var/lib/headrig ]; then
    waiting=$(find /var/lib/headrig/spool -type f ! -name '*.part' 2>/dev/null | wc -l)
    echo "headrig-agent: /var/lib/headrig stays; chunks in it that were never uploaded: $waiting. Remove it by hand"
fi
exit 0
