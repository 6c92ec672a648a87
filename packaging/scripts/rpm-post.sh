# Presets decide whether the service is enabled. Unless a bucket is set it does not run: the unit's own condition.
if [ -x /usr/bin/systemctl ]; then
    systemctl --system daemon-reload >/dev/null 2>&1 || :
    if [ "$1" -eq 1 ]; then
        systemctl --no-reload preset headrig-agent.service >/dev/null 2>&1 || :
        headrig-agent check --config /etc/headrig/agent.toml >/dev/null 2>&1 || cat <<'MESSAGE'
headrig-agent: installed, and off: /etc/headrig/agent.toml names no bucket yet.
  1. set upload.bucket, and what is to be shipped under source
  2. headrig-agent check
  3. systemctl enable --now headrig-agent
MESSAGE
    fi
fi
exit 0
