# shellcheck shell=bash
# Calls to AWS, and what people are told. Sourced by deploy.sh.
#
# `ask` leaves what AWS answered in `answer`; what a failed call says is put into words that name the way out. Messages go
# to standard error, so that standard output holds only what was asked for.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "deploy.sh: $*"
  exit 1
}

misuse() {
  say "deploy.sh: $*"
  say "infra/deploy.sh --help tells what there is"
  exit 2
}

# Finds the command line, credentials and region; every command begins with it.
begin() {
  command -v aws >/dev/null || fail "the AWS command line is not there; install it: https://aws.amazon.com/cli"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}
  [ -n "$region" ] || misuse "no region is set; say --region, such as --region eu-central-1"
  [[ $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || misuse "$region is no region; they are written like eu-central-1"
  # The first version of the command line reads only the second of these.
  export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=''
  ask sts get-caller-identity --query '[Account,Arn]'
  account=$(column 1 "$answer")
  say "account $account, region $region, as $(column 2 "$answer")"
}

# Asks AWS; the answer, as text, is in `answer`. Ends the script when AWS refuses.
ask() {
  try "$@" || explain "$*"
}

# The same, but a refusal is for the caller, in `refusal`.
try() {
  answer='' refusal=''
  if answer=$(aws "$@" --output "${format:-text}" 2>"$scratch/refusal"); then return 0; fi
  refusal=$(tr -s '\n' ' ' <"$scratch/refusal" | sed 's/^ *//; s/ *$//')
  return 1
}

explain() {
  local advice=''
  case $refusal in
    *"Unable to locate credentials"* | *NoCredentials* | *"Unable to load credentials"*)
      advice="no credentials: log in (aws sso login, aws configure) or set AWS_PROFILE" ;;
    *ExpiredToken* | *"token has expired"* | *"session associated with this profile has expired"* | *"Token has expired"*)
      advice="the credentials have expired: log in again" ;;
    *InvalidClientTokenId* | *UnrecognizedClient* | *SignatureDoesNotMatch* | *InvalidAccessKeyId*)
      advice="AWS does not know these credentials: look at AWS_PROFILE and the AWS_ variables" ;;
    *"Could not connect to the endpoint"* | *"Connect timeout"*)
      advice="nobody answers in $region: is that a region of yours, and is AWS_ENDPOINT_URL${AWS_ENDPOINT_URL:+ ($AWS_ENDPOINT_URL)} right?" ;;
    *AccessDenied* | *"not authorized"* | *"(403)"*)
      advice="whoever deploys may not call: aws ${1%% --*}; docs/operations/cloud.md lists what is needed" ;;
  esac
  say "deploy.sh: aws ${1%% --*} failed: $refusal"
  [ -z "$advice" ] || say "deploy.sh: $advice"
  exit 1
}

# A field of a line of text output.
column() { printf '%s' "$2" | cut -f "$1"; }

# A JSON string.
quoted() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  printf '"%s"' "$text"
}

# The SHA-256 of a file, by whichever of the two programs is there.
hash_of() {
  local sum
  if command -v sha256sum >/dev/null; then sum=$(sha256sum <"$1"); else sum=$(shasum -a 256 <"$1"); fi
  printf '%s' "${sum%% *}"
}

# Asks whoever sits there; anything but yes ends the script, with nothing changed.
confirm() {
  [ "$yes" = no ] || return 0
  printf '%s [y/N] ' "$1" >&2
  local reply=''
  read -r reply || true
  case $reply in y | Y | yes) ;; *) fail "nothing was changed" ;; esac
}
