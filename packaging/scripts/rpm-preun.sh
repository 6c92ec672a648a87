# Only when the last version goes: an upgrade runs this of the old one, too.
if [ "$1" -eq 0 ] && [ -x /usr/bin/systemctl ]; then
    systemctl --no-reload disable --now headrig-agent.service >/dev/null 2>&1 || :
fi
exit 0
