# shellcheck shell=bash
# The configuration of an agent that ships to the stack, to be pasted. Sourced by deploy.sh.

# A host's name stands in every key of its objects; `headrig-agent check` takes no others.
check_host() {
  [ -n "$host" ] || misuse "agent-config needs a host's name: infra/deploy.sh agent-config web-1"
  [[ $host =~ ^[A-Za-z0-9._-]{1,64}$ ]] || misuse "a host's name has letters, digits, . _ and -, not: $host"
  case $host in . | ..) misuse "a host's name has letters, digits, . _ and -, not: $host" ;; esac
}

agent_config() {
  local bucket prefix namespace policy missing
  need_stack
  output_of UploadBucket; bucket=$answer
  output_of AgentPolicyArn; policy=$answer
  parameter_of UploadPrefix; prefix=${answer%/}
  parameter_of MetricsNamespace; namespace=$answer
  parameter_of MissingAfterSeconds; missing=$answer
  [ -n "$bucket" ] || fail "the stack $stack has no output UploadBucket; is it one of headrig's?"
  cat <<CONFIG
# /etc/headrig/agent.toml of $host: ships to the stack $stack in $region.
# Credentials come from where all AWS programs look. Their role or user needs the policy
#   $policy
# and the tag headrig-host = $host, of its own or of its session: it may then write below host=$host, and read nothing.
[agent]
host = "$host"

[upload]
bucket = "$bucket"
region = "$region"
CONFIG
  if [ -n "$prefix" ]; then printf 'prefix = "%s"\n' "$prefix"; fi
  if [ -n "${AWS_ENDPOINT_URL:-}" ]; then printf 'endpoint = "%s"\npath_style = true\n' "$AWS_ENDPOINT_URL"; fi
  printf '\n[heartbeat]\n'
  if [ -n "$namespace" ]; then printf 'namespace = "%s"\n' "$namespace"; fi
  # The sink misses a host that was silent for so long: two beats may be lost.
  if [ -n "$missing" ] && [ "$missing" -lt 180 ]; then printf 'interval = "%ss"\n' $((missing / 3)); fi
  if [ -n "${AWS_ENDPOINT_URL:-}" ]; then printf 'endpoint = "%s"\n' "$AWS_ENDPOINT_URL"; fi
  cat <<'CONFIG'

# Which files: packaging/agent.toml explains all settings.
[[source]]
name = "system"
include = ["/var/log/syslog", "/var/log/messages", "/var/log/auth.log", "/var/log/secure"]
CONFIG
}
