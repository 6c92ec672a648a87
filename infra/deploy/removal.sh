# shellcheck shell=bash
# The way out: the stack, and what it keeps its data in where that is asked for. Sourced by deploy.sh.
#
# Invariant: no object and no table is deleted before its name was shown and the stack's name was typed.

# Objects that one call deletes.
delete_batch=1000

# Without somebody to ask, what was meant has to stand in the options.
check_unasked_removal() {
  if [ "$delete_data$delete_artifacts" != nono ]; then
    [ -n "$confirmed" ] || misuse "nobody is there to type the stack's name; say --confirm $stack"
  elif [ "$yes" = no ] && [ -z "$confirmed" ]; then
    misuse "nobody is there to be asked; say --yes"
  fi
}

destroy() {
  local doomed=''
  look_at_stack
  case $status in
    none | REVIEW_IN_PROGRESS) destroyed_before ;;
    *_IN_PROGRESS) fail "the stack is being changed ($status); wait until that is over" ;;
    *) doomed=$(data_of_stack) ;;
  esac
  if [ -z "$stack_id" ] && [ "$delete_artifacts" = no ]; then return 0; fi
  find_artifacts_to_delete
  agree "$doomed"
  if [ "$status" != none ]; then remove_stack; fi
  if [ "$delete_data" = yes ]; then
    delete_data_in "$(kept_by_stack)"
  elif [ -n "$doomed" ]; then
    say "these stay, with all that is in them:"
    printf '%s\n' "$doomed" | sed 's/^/  /' >&2
    say "to delete them, too: infra/deploy.sh destroy --delete-data --stack $stack --region $region"
  fi
  if [ "$delete_artifacts" = yes ]; then delete_bucket "$artifacts"; fi
}

# A stack that is gone: its data may still be there, and CloudFormation knows its last 90 days.
destroyed_before() {
  status=none
  ask cloudformation list-stacks --stack-status-filter DELETE_COMPLETE \
    --query "StackSummaries[?StackName=='$stack'].[StackId]"
  stack_id=$(printf '%s\n' "$answer" | grep -v '^None$' | head -n 1 || true)
  if [ -n "$stack_id" ] && [ "$delete_data" = yes ]; then
    doomed=$(kept_by_stack)
    [ -n "$doomed" ] || stack_id=''
  else
    stack_id=''
  fi
  if [ -z "$stack_id" ]; then say "there is no stack $stack in $region, and nothing is known of data that one kept"; fi
}

# Buckets and tables that the stack made, as lines of type and name.
data_of_stack() {
  ask cloudformation describe-stack-resources --stack-name "$stack_id" \
    --query 'StackResources[].[ResourceType,PhysicalResourceId,ResourceStatus]'
  printf '%s\n' "$answer" | awk -F'\t' '($1 == "AWS::S3::Bucket" || $1 == "AWS::DynamoDB::Table") &&
    $2 != "None" && $2 != "" && $3 != "DELETE_COMPLETE" { print $1 "\t" $2 }' | sort -u
}

# Of those, what a removed stack left behind and is still there.
kept_by_stack() {
  local type name
  ask cloudformation describe-stack-events --stack-name "$stack_id" \
    --query "StackEvents[?ResourceStatus=='DELETE_SKIPPED'].[ResourceType,PhysicalResourceId]"
  printf '%s\n' "$answer" | sort -u | while IFS=$'\t' read -r type name; do
    case $type in
      AWS::S3::Bucket) ! try s3api head-bucket --bucket "$name" || printf '%s\t%s\n' "$type" "$name" ;;
      AWS::DynamoDB::Table) ! try dynamodb describe-table --table-name "$name" || printf '%s\t%s\n' "$type" "$name" ;;
    esac
  done
}

find_artifacts_to_delete() {
  [ "$delete_artifacts" = yes ] || return 0
  artifacts=${artifacts:-headrig-artifacts-$account-$region}
  if ! try s3api head-bucket --bucket "$artifacts"; then
    case $refusal in
      *"(404)"* | *NoSuchBucket*) delete_artifacts=no ;;
      *) explain "s3api head-bucket --bucket $artifacts" ;;
    esac
  fi
}

agree() {
  if [ "$delete_data$delete_artifacts" = nono ]; then
    [ "$confirmed" = "$stack" ] || confirm "remove the stack $stack? Its buckets and the ledger's table stay."
    return 0
  fi
  say "This deletes for ever, with every version of every object:"
  if [ "$delete_data" = yes ]; then printf '%s\n' "$1" | sed 's/^/  /' >&2; fi
  if [ "$delete_artifacts" = yes ]; then say "  AWS::S3::Bucket	$artifacts (artifacts, of other stacks too)"; fi
  if [ -z "$confirmed" ]; then
    printf 'type the name of the stack to go on: ' >&2
    read -r confirmed || true
  fi
  [ "$confirmed" = "$stack" ] || fail "that is not $stack; nothing was changed"
}

remove_stack() {
  check_policy_is_free
  ask cloudformation delete-stack --stack-name "$stack_id"
  wait_for_stack
  case $status in
    none | DELETE_COMPLETE) say "the stack $stack is gone" ;;
    *)
      tell_failure ''
      fail "the stack could not be removed ($status); mend what is named above and say destroy again"
      ;;
  esac
}

# CloudFormation cannot delete a policy that somebody has; it is told before anything is gone.
check_policy_is_free() {
  local policy holders
  output_of AgentPolicyArn
  policy=$answer
  [ -n "$policy" ] || return 0
  ask iam list-entities-for-policy --policy-arn "$policy" \
    --query '[PolicyRoles[].RoleName, PolicyUsers[].UserName, PolicyGroups[].GroupName][]'
  holders=$(printf '%s' "$answer" | tr '\t\n' '  ' | sed 's/None//g; s/^ *//; s/ *$//')
  [ -z "$holders" ] || fail "agents still have the policy $policy: detach it from $holders first; nothing was changed"
}

delete_data_in() {
  local type name
  while IFS=$'\t' read -r type name; do
    case $type in
      AWS::S3::Bucket) delete_bucket "$name" ;;
      AWS::DynamoDB::Table) delete_table "$name" ;;
    esac
  done <<<"$1"
}

delete_bucket() {
  # shellcheck disable=SC2016 # The backquotes are JMESPath.
  local bucket=$1 all='{Objects: [Versions || `[]`, DeleteMarkers || `[]`][].{Key: Key, VersionId: VersionId}, Quiet: `true`}'
  if ! try s3api head-bucket --bucket "$bucket"; then
    case $refusal in *"(404)"* | *NoSuchBucket*) return 0 ;; *) explain "s3api head-bucket --bucket $bucket" ;; esac
  fi
  say "emptying $bucket"
  while :; do
    format=json ask s3api list-object-versions --bucket "$bucket" --max-items $delete_batch --query "$all"
    case $answer in *'"Key"'*) ;; *) break ;; esac
    printf '%s' "$answer" >"$scratch/versions"
    # Each round must get through, or the next would find the same again, for ever.
    ask s3api delete-objects --bucket "$bucket" --delete "file://$scratch/versions" --query 'Errors[].[Code,Key]'
    case $answer in '' | None) ;; *) fail "S3 does not delete from $bucket: $(printf '%s\n' "$answer" | head -n 1)" ;; esac
  done
  ask s3api delete-bucket --bucket "$bucket"
  say "deleted $bucket"
}

delete_table() {
  if ! try dynamodb describe-table --table-name "$1" --query 'Table.DeletionProtectionEnabled'; then
    case $refusal in *ResourceNotFound*) return 0 ;; *) explain "dynamodb describe-table" ;; esac
  fi
  if [ "$answer" = True ]; then
    ask dynamodb update-table --table-name "$1" --no-deletion-protection-enabled
  fi
  ask dynamodb delete-table --table-name "$1"
  say "deleted $1"
}
