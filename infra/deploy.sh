#!/usr/bin/env bash
# From an AWS account to a running pipeline and back, by the `aws` command line and one CloudFormation template.
# docs/operations/cloud.md tells how it is used; docs/decisions/0016-a-script-over-the-aws-cli.md why it is a script.
#
# Invariants: what is uploaded is named by its content, so that nothing is uploaded twice and no running job loses what
# it reads; nothing is changed that was not shown; data go only where that was said and typed.
#
# It runs on bash 3.2, which is what macOS has.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=infra/deploy/cloud.sh
. "$here/deploy/cloud.sh"
# shellcheck source=infra/deploy/artifacts.sh
. "$here/deploy/artifacts.sh"
# shellcheck source=infra/deploy/stack.sh
. "$here/deploy/stack.sh"
# shellcheck source=infra/deploy/changes.sh
. "$here/deploy/changes.sh"
# shellcheck source=infra/deploy/agent.sh
. "$here/deploy/agent.sh"
# shellcheck source=infra/deploy/removal.sh
. "$here/deploy/removal.sh"

usage() {
  cat <<'USAGE'
infra/deploy.sh COMMAND [OPTIONS]

  deploy              make the stack, or bring it to the state of this checkout
  outputs             print what the stack made: buckets, table, function, policy, dashboard
  agent-config HOST   print an agent.toml for a host
  destroy             remove the stack; buckets and the ledger's table stay, unless --delete-data

All commands
  --stack NAME        the stack's name (headrig)
  --region REGION     by default as AWS_REGION or the profile says
  --help              print this

deploy
  --artifacts BUCKET  where function, wheel, script, settings and template are kept; made where it is not
                      (headrig-artifacts-<account>-<region>)
  --zip FILE          the function; by default built: cargo xtask lambda
  --wheel FILE        the job's wheel, for Glue; by default built: cargo xtask wheel
  --settings FILE     rules, alerts and formats for the job (docs/operations/job.md); --no-settings takes them away
  --keep-code         leave function, wheel and script as they are deployed: only parameters change
  --set NAME=VALUE    a parameter of infra/template.yaml, any number of times; what is not set stays as it was
  --dry-run           show what would change, change nothing
  --replace-data      allow changes that replace or drop a bucket or the ledger's table
  --yes               do not ask

outputs
  --json              as one JSON object
  --env               as variables of headrig's commands: eval "$(infra/deploy.sh outputs --env)"

destroy
  --delete-data       empty and delete the stack's buckets and table too; also after a destroy that kept them
  --delete-artifacts  the same for the bucket of --artifacts; other stacks may use it
  --confirm NAME      the stack's name, instead of typing it
  --yes               do not ask (where no data are deleted)

Exit status: 0 done, or nothing to do; 1 something failed, the message says what to do; 2 wrong usage, or a parameter
that the template refuses. Credentials are those of the aws command line, AWS_ENDPOINT_URL is honoured.
USAGE
}

stack=headrig region='' artifacts='' zip='' wheel='' settings='' keep_code=no dry_run=no yes=no replace_data=no form='lines'
no_settings=no delete_data=no delete_artifacts=no confirmed='' host=''
set_names=() set_values=()

# An option that belongs to another command is as wrong as one that nobody knows.
only_for() {
  [ "$command" = "$1" ] || misuse "$option belongs to $1, not to $command"
}

parse() {
  while [ $# -gt 0 ]; do
    option=$1
    case $option in
      --help | -h) usage; exit 0 ;;
      --yes) yes=yes ;;
      --json) only_for outputs; form='json' ;;
      --env) only_for outputs; form='env' ;;
      --dry-run) only_for deploy; dry_run=yes ;;
      --keep-code) only_for deploy; keep_code=yes ;;
      --no-settings) only_for deploy; no_settings=yes ;;
      --replace-data) only_for deploy; replace_data=yes ;;
      --delete-data) only_for destroy; delete_data=yes ;;
      --delete-artifacts) only_for destroy; delete_artifacts=yes ;;
      --stack | --region | --artifacts | --zip | --wheel | --settings | --set | --confirm)
        if [ $# -lt 2 ] || [ -z "$2" ]; then misuse "$option needs a value"; fi
        parse_value "$2"
        shift
        ;;
      -*) misuse "there is no option $option" ;;
      *)
        [ "$command" = agent-config ] && [ -z "$host" ] || misuse "$option is not expected here"
        host=$option
        ;;
    esac
    shift
  done
}

parse_value() {
  case $option in
    --stack) stack=$1 ;;
    --region) region=$1 ;;
    --artifacts) artifacts=$1 ;;
    --zip) only_for deploy; zip=$1 ;;
    --wheel) only_for deploy; wheel=$1 ;;
    --settings) only_for deploy; settings=$1 ;;
    --set) only_for deploy; parse_parameter "$1" ;;
    --confirm) only_for destroy; confirmed=$1 ;;
  esac
}

# The parameters that name artifacts follow from the files that are given.
parse_parameter() {
  local name=${1%%=*}
  case $1 in [A-Za-z]*=*) ;; *) misuse "--set takes NAME=VALUE, not $1" ;; esac
  case $name in
    ArtifactBucket | FunctionZipKey | WheelKey | JobScriptKey | SettingsKey)
      misuse "$name follows from --artifacts, --zip, --wheel and --settings"
      ;;
  esac
  set_names+=("$name") set_values+=("${1#*=}")
}

check_arguments() {
  # The catalog knows no capitals, and the function's name, which begins with the stack's, may have 64 letters.
  [[ $stack =~ ^[a-z][a-z0-9-]{0,49}$ ]] ||
    misuse "a stack's name has up to 50 lower-case letters, digits and -, not: $stack"
  [ "$keep_code" = no ] || [ -z "$zip$wheel" ] || misuse "--keep-code goes with neither --zip nor --wheel"
  [ "$no_settings" = no ] || [ -z "$settings" ] || misuse "--no-settings goes not with --settings"
  local file
  for file in "$zip" "$wheel" "$settings"; do
    [ -z "$file" ] || [ -f "$file" ] || misuse "no such file: $file"
  done
  if [ "$command" = deploy ] && [ "$yes$dry_run" = nono ] && ! [ -t 0 ]; then
    misuse "nobody is there to be asked; say --yes, or --dry-run to see what would change"
  fi
  if [ "$command" = destroy ] && ! [ -t 0 ]; then check_unasked_removal; fi
  if [ "$command" = agent-config ]; then check_host; fi
}

main() {
  [ $# -gt 0 ] || { usage >&2; exit 2; }
  command=$1
  shift
  case $command in
    deploy | outputs | agent-config | destroy) ;;
    --help | -h | help) usage; exit 0 ;;
    *) misuse "there is no command $command" ;;
  esac
  parse "$@"
  check_arguments
  begin
  case $command in
    deploy) deploy ;;
    outputs) outputs ;;
    agent-config) agent_config ;;
    destroy) destroy ;;
  esac
}

# In one line, so that a script that is replaced while it runs is not read on.
main "$@"; exit
