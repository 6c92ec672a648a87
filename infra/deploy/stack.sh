# shellcheck shell=bash
# The stack: how it stands, its parameters and outputs, and `deploy` itself. Sourced by deploy.sh.

# How the stack stands, in `status`; "none" where there is no stack.
look_at_stack() {
  status=none stack_id=''
  if try cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].[StackStatus,StackId]'; then
    status=$(column 1 "$answer") stack_id=$(column 2 "$answer")
    return 0
  fi
  case $refusal in *"does not exist"*) ;; *) explain "cloudformation describe-stacks" ;; esac
}

# Ends the script where the stack is not deployed.
need_stack() {
  look_at_stack
  case $status in
    none | REVIEW_IN_PROGRESS)
      fail "there is no stack $stack in $region; infra/deploy.sh deploy makes it, --stack and --region name another"
      ;;
    ROLLBACK_COMPLETE | CREATE_FAILED | ROLLBACK_FAILED) unusable ;;
  esac
}

unusable() {
  tell_failure ''
  fail "the stack's first deployment failed ($status), and CloudFormation can only remove it: \
infra/deploy.sh destroy --stack $stack --region $region, then deploy again"
}

# What must hold before the stack can be changed; whether it is to be made or changed is in `kind`.
check_status() {
  kind=UPDATE
  case $status in
    none | REVIEW_IN_PROGRESS) kind=CREATE ;;
    ROLLBACK_COMPLETE | CREATE_FAILED | ROLLBACK_FAILED) unusable ;;
    UPDATE_ROLLBACK_FAILED)
      tell_failure ''
      fail "an earlier change could not be taken back; mend what is named above, then: \
aws cloudformation continue-update-rollback --stack-name $stack --region $region" ;;
    DELETE_FAILED)
      tell_failure ''
      fail "the stack is half removed; mend what is named above, then infra/deploy.sh destroy --stack $stack" ;;
    *_IN_PROGRESS) fail "the stack is being changed ($status); wait until that is over" ;;
  esac
}

# The value of an output, empty where there is none.
output_of() {
  ask cloudformation describe-stacks --stack-name "${stack_id:-$stack}" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]"
  [ "$answer" != None ] || answer=''
}

# The value of a parameter that the stack has.
parameter_of() {
  ask cloudformation describe-stacks --stack-name "${stack_id:-$stack}" \
    --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue | [0]"
  [ "$answer" != None ] || answer=''
}

outputs() {
  need_stack
  print_outputs
}

print_outputs() {
  ask cloudformation describe-stacks --stack-name "$stack_id" --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]'
  case $form in
    json) print_json "$answer" ;;
    env) print_variables "$answer" ;;
    *) printf '%s\n' "$answer" | sort | awk -F'\t' '{ printf "%-18s %s\n", $1, $2 }' ;;
  esac
}

print_json() {
  local name value comma=''
  printf '{'
  while IFS=$'\t' read -r name value; do
    printf '%s\n  %s: %s' "$comma" "$(quoted "$name")" "$(quoted "$value")"
    comma=,
  done <<<"$1"
  printf '\n}\n'
}

# What `headrig status` and its like read. None of these values can hold a character that a shell minds.
print_variables() {
  local name value prefix lake_prefix
  parameter_of UploadPrefix; prefix=$answer
  parameter_of LakePrefix; lake_prefix=$answer
  printf 'export AWS_REGION=%s\n' "$region"
  while IFS=$'\t' read -r name value; do
    case $name in
      LedgerTable) printf 'export HEADRIG_TABLE=%s\n' "$value" ;;
      UploadBucket) printf 'export HEADRIG_BUCKET=%s\nexport HEADRIG_PREFIX=%s\n' "$value" "$prefix" ;;
      LakeBucket) printf 'export HEADRIG_LAKE_BUCKET=%s\nexport HEADRIG_LAKE_PREFIX=%s\n' "$value" "$lake_prefix" ;;
    esac
  done <<<"$1"
}

deploy() {
  look_at_stack
  check_status
  if [ "$keep_code" = yes ] && [ "$kind" = CREATE ]; then misuse "there is no stack $stack yet whose code could be kept"; fi
  check_names
  built_for=''
  [ "$keep_code" = yes ] || find_code
  [ -z "$settings" ] || check_settings
  if ! prepare_artifacts; then
    say "would make the stack $stack; what is in it is only known when the bucket is there"
    return 0
  fi
  store_artifacts
  find_parameters
  change_stack
  if [ "$dry_run" = yes ]; then return 0; fi
  look_at_stack
  print_outputs
  say "the configuration of an agent: infra/deploy.sh agent-config HOST --stack $stack --region $region"
}

# Uploads what is deployed, and adds its names to what the operator sets.
store_artifacts() {
  local names=() values=()
  if [ "$keep_code" = no ]; then
    add_architecture
    names+=(ArtifactBucket FunctionZipKey WheelKey JobScriptKey) values+=("$artifacts")
    upload function "$zip" bootstrap.zip
    values+=("$key")
    # pip reads from the wheel's name whether it fits.
    upload wheel "$wheel"
    values+=("$key")
    upload job "$root/etl/job.py"
    values+=("$key")
  fi
  if [ -n "$settings" ]; then
    upload settings "$settings" settings.toml
    names+=(SettingsKey) values+=("$key")
  elif [ "$no_settings" = yes ]; then
    names+=(SettingsKey) values+=('')
  fi
  upload template "$here/template.yaml"
  template_key=$key
  set_names+=(${names[@]+"${names[@]}"}) set_values+=(${values[@]+"${values[@]}"})
}

# The function runs on the processor that it was built for, whatever the stack had before.
add_architecture() {
  local at
  [ -n "$built_for" ] || return 0
  for ((at = 0; at < ${#set_names[@]}; at++)); do
    [ "${set_names[$at]}" = Architecture ] || continue
    [ "${set_values[$at]}" = "$built_for" ] || misuse "$zip is built for $built_for, not for ${set_values[$at]}"
    return 0
  done
  names+=(Architecture) values+=("$built_for")
}

# The template's parameters are its two-space keys; a misspelt one is told before anything is built.
check_names() {
  local known name
  known=$(template_parameters)
  for name in ${set_names[@]+"${set_names[@]}"}; do
    case " $known " in
      *" $name "*) ;;
      *) misuse "the template has no parameter $name; it has: $known" ;;
    esac
  done
}

template_parameters() {
  awk '/^[A-Za-z]/ { inside = ($1 == "Parameters:") } inside && /^  [A-Za-z0-9]+:/ { sub(":.*", "", $1); print $1 }' \
    "$here/template.yaml" | tr '\n' ' ' | sed 's/ $//'
}

# Every parameter as JSON, in the file `parameters`: what is set now, else what the stack has, else the template's default.
find_parameters() {
  local deployed='' name at value comma='['
  if [ "$kind" = UPDATE ]; then
    ask cloudformation describe-stacks --stack-name "$stack_id" --query 'Stacks[0].Parameters[].ParameterKey'
    deployed=" $(printf '%s' "$answer" | tr '\t\n' '  ') "
  fi
  for name in $(template_parameters); do
    value=''
    for ((at = 0; at < ${#set_names[@]}; at++)); do
      [ "${set_names[$at]}" != "$name" ] || value="\"ParameterValue\":$(quoted "${set_values[$at]}")"
    done
    case $deployed in *" $name "*) value=${value:-'"UsePreviousValue":true'} ;; esac
    [ -n "$value" ] || continue
    printf '%s{"ParameterKey":"%s",%s}' "$comma" "$name" "$value"
    comma=,
  done >"$scratch/parameters"
  if [ "$comma" = '[' ]; then printf '[' >>"$scratch/parameters"; fi
  printf ']' >>"$scratch/parameters"
}
