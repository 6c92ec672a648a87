# shellcheck shell=bash
# What the stack is made of, in a bucket, named by content. Sourced by deploy.sh.
#
# Invariant: no object is ever written over or deleted, so that a run of the job that was started before an upgrade, and
# its workers that come later, find the script and the wheel they were started with.

# Glue's machines have the C library of Amazon Linux 2023 and are x86_64.
glibc_max=34

# Makes the bucket ready. One of our own name that was not finished is finished: versioning is what is set last.
prepare_artifacts() {
  local own=headrig-artifacts-$account-$region there=yes
  artifacts=${artifacts:-$own}
  if ! try s3api head-bucket --bucket "$artifacts"; then
    case $refusal in
      *"(404)"* | *NoSuchBucket*) there=no ;;
      *"(403)"*) fail "the bucket $artifacts is somebody else's, or closed to you; name another one by --artifacts" ;;
      *"(301)"* | *"(400)"*) fail "the bucket $artifacts is in another region; name one in $region by --artifacts" ;;
      *) explain "s3api head-bucket --bucket $artifacts" ;;
    esac
  fi
  if [ $there = no ]; then
    if [ "$dry_run" = yes ]; then say "would make the bucket $artifacts"; return 1; fi
    make_bucket
  else
    check_bucket_region
    ask s3api get-bucket-versioning --bucket "$artifacts" --query Status
    if [ "$answer" != Enabled ] && [ "$artifacts" = "$own" ] && [ "$dry_run" = no ]; then close_bucket; fi
  fi
}

make_bucket() {
  say "making the bucket $artifacts"
  local place=()
  # The oldest region is the one that must not be named.
  [ "$region" = us-east-1 ] || place=(--create-bucket-configuration "LocationConstraint=$region")
  ask s3api create-bucket --bucket "$artifacts" ${place[@]+"${place[@]}"}
  close_bucket
}

close_bucket() {
  ask s3api put-public-access-block --bucket "$artifacts" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  ask s3api put-bucket-policy --bucket "$artifacts" --policy "$(policy_tls_only)"
  ask s3api put-bucket-versioning --bucket "$artifacts" --versioning-configuration Status=Enabled
}

policy_tls_only() {
  local arn
  arn="arn:$(partition):s3:::$artifacts"
  printf '{"Version":"2012-10-17","Statement":[{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*",'
  printf '"Resource":["%s","%s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}' "$arn" "$arn"
}

partition() {
  case $region in cn-*) echo aws-cn ;; us-gov-*) echo aws-us-gov ;; *) echo aws ;; esac
}

check_bucket_region() {
  ask s3api get-bucket-location --bucket "$artifacts" --query LocationConstraint
  local found=$answer
  case $found in None | '') found=us-east-1 ;; EU) found=eu-west-1 ;; esac
  [ "$found" = "$region" ] || fail "the bucket $artifacts is in $found, the stack in $region: Lambda takes its code from \
its own region only; name another bucket by --artifacts"
}

# Builds what was not given. Programs that were built for an older or another machine are refused here.
find_code() {
  local target=${CARGO_TARGET_DIR:-target}
  case $target in /*) ;; *) target=$root/$target ;; esac
  if [ -z "$zip" ]; then
    build lambda --zip
    zip=$target/lambda/bootstrap.zip
  fi
  if [ -z "$wheel" ]; then
    build wheel --wheel
    wheel=$(find "$target/wheels/glue" -name '*.whl' | head -n 1)
  fi
  check_zip
  check_wheel
}

build() {
  command -v cargo >/dev/null || fail "cargo is not there to build what is deployed; install Rust, or give $2 FILE"
  (cd "$root" && cargo xtask "$1") >&2 || fail "cargo xtask $1 failed; mend that, or give $2 FILE"
}

# The processor that the function is built for is written in it; the template has to be told the same.
check_zip() {
  command -v unzip >/dev/null || return 0
  local machine
  machine=$(unzip -p "$zip" bootstrap 2>/dev/null | head -c 20 | od -An -tx1 -j18 -N2 | tr -d ' \n' || true)
  case $machine in
    3e00) built_for=x86_64 ;;
    b700) built_for=arm64 ;;
    *) fail "$zip holds no program \`bootstrap\` for Linux; cargo xtask lambda makes one" ;;
  esac
}

check_wheel() {
  local name=${wheel##*/} minor
  case $name in
    headrig_etl-*-manylinux_2_*_x86_64.whl)
      minor=${name##*manylinux_2_}
      minor=${minor%%_*}
      [ "$minor" -le $glibc_max ] || fail "$name needs glibc 2.$minor, Glue has 2.$glibc_max; cargo xtask wheel makes one \
that runs there"
      ;;
    headrig_etl-*-manylinux2014_x86_64.whl) ;;
    headrig_etl-*-linux_x86_64.whl)
      say "note: $name does not say which C library it needs; in Glue it must be 2.$glibc_max at most" ;;
    *) fail "$name is no wheel of headrig_etl for Glue (Linux on x86_64); cargo xtask wheel makes one" ;;
  esac
}

# Settings that the job refuses would stop every run, so they are looked at first where the program is at hand.
check_settings() {
  local program=${HEADRIG_BIN:-headrig}
  command -v "$program" >/dev/null || { say "note: $settings was not checked, the program headrig is not there"; return 0; }
  mkdir "$scratch/empty"
  "$program" local "$scratch/empty" --lake "$scratch/lake" --config "$settings" >/dev/null 2>"$scratch/refusal" ||
    { say "$(cat "$scratch/refusal")"; say "deploy.sh: the job would refuse $settings"; exit 2; }
}

# Uploads a file as FOLDER/HASH/NAME, unless it is there; the key is in `key`.
upload() {
  local name=${3:-${2##*/}}
  key=$1/$(hash_of "$2")/$name
  if try s3api head-object --bucket "$artifacts" --key "$key"; then return 0; fi
  case $refusal in *"(404)"* | *NoSuchKey*) ;; *) explain "s3api head-object --bucket $artifacts" ;; esac
  if [ "$dry_run" = yes ] && [ "$1" != template ]; then say "would upload $2 as $key"; return 0; fi
  say "uploading $2"
  ask s3api put-object --bucket "$artifacts" --key "$key" --body "$2" --checksum-algorithm SHA256
}
