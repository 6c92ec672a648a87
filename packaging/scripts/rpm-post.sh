# Presets decide whether the service is enabled. Unless a bucket is set it does not run: the unit's own condition.
config=/etc/headrig/agent.toml
start="headrig-agent run"
if [ -x /usr/bin/systemctl ]; then
    systemctl --system daemon-reload >/dev/null 2>&1 || :
    if [ "$1" -eq 1 ]; then
        systemctl --no-reload preset headrig-agent.service >/dev/null 2>&1 || :
    fi
fi
[ -d /run/systemd/system ] && start="systemctl enable --now headrig-agent"
if [ "$1" -eq 1 ] && ! problems=$(headrig-agent check --config "$config" 2>&1); then
    echo "headrig-agent: installed, and off until it is configured:"
    printf '%s\n' "$problems" | sed 's/^/  /'
    echo "  1. set upload.bucket, and what is to be shipped under source, in $config"
    echo "  2. headrig-agent check"
    echo "  3. $start"
fi
exit 0
