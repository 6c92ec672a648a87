# shellcheck shell=bash
# A change of the stack: as a change set, which is shown before it is made. Sourced by deploy.sh.

poll_seconds=2
# CloudFront and its like take longer; nothing in this template does.
wait_seconds_max=3600
# For so long after an order CloudFormation may still show the stack as it was before.
stale_seconds_max=10

change_stack() {
  change=headrig-$(date -u +%Y%m%d%H%M%S)-$$
  if ! make_change_set; then
    say "no changes: the stack $stack is as it should be"
    return 0
  fi
  ask cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change" \
    --query 'Changes[].ResourceChange.[Action,LogicalResourceId,ResourceType,Replacement]'
  printf '%s\n' "$answer" | awk -F'\t' '{
    how = $4 == "True" ? "  REPLACED" : $4 == "Conditional" ? "  perhaps REPLACED" : ""
    printf "  %-7s %-28s %s%s\n", $1, $2, $3, how
  }' >&2
  guard_data "$answer"
  if [ "$dry_run" = yes ]; then
    drop_change_set
    say "nothing was changed"
    return 0
  fi
  # A change set that nobody wanted is taken away again.
  if ! (confirm "make these changes to $stack?"); then
    drop_change_set
    exit 1
  fi
  ask cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change" --client-request-token "$change"
  wait_for_stack
  case $status in
    CREATE_COMPLETE | UPDATE_COMPLETE) say "$stack: $status" ;;
    *)
      tell_failure "$change"
      fail "the change failed, and the stack was left as $status"
      ;;
  esac
}

# Fails where there is nothing to change. A template or a parameter that is refused ends the script.
make_change_set() {
  local suffix=amazonaws.com why
  case $region in cn-*) suffix=amazonaws.com.cn ;; esac
  if ! try cloudformation create-change-set --stack-name "$stack" --change-set-name "$change" --change-set-type "$kind" \
    --template-url "https://s3.$region.$suffix/$artifacts/$template_key" --parameters "file://$scratch/parameters" \
    --capabilities CAPABILITY_NAMED_IAM --description "infra/deploy.sh deploy"; then
    case $refusal in
      *ValidationError*arameter* | *ValidationError*[Rr]ule*)
        say "deploy.sh: ${refusal##*operation: }"
        exit 2
        ;;
      *) explain "cloudformation create-change-set" ;;
    esac
  fi
  for ((waited = 0; waited < wait_seconds_max; waited += poll_seconds)); do
    ask cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change" --query '[Status,StatusReason]'
    case $(column 1 "$answer") in
      CREATE_COMPLETE) return 0 ;;
      FAILED) break ;;
    esac
    sleep $poll_seconds
  done
  why=$(column 2- "$answer")
  tell_validation "$why" --change-set-name "$change"
  drop_change_set
  case $why in *"didn't contain changes"* | *"No updates are to be performed"*) return 1 ;; esac
  fail "CloudFormation refuses the change: $why"
}

# A stack that was never made is taken away with the change set that would have made it.
drop_change_set() {
  ask cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change"
  if [ "$kind" = CREATE ]; then ask cloudformation delete-stack --stack-name "$stack"; fi
}

# Objects and the ledger are what cannot be made again: a new ledger would load every object a second time.
guard_data() {
  local lost
  lost=$(printf '%s\n' "$1" | awk -F'\t' '($1 == "Remove" || $4 == "True" || $4 == "Conditional") &&
    ($3 == "AWS::S3::Bucket" || $3 == "AWS::DynamoDB::Table") { print $2 }' | tr '\n' ' ')
  if [ -z "$lost" ] || [ "$replace_data" = yes ]; then return 0; fi
  drop_change_set
  fail "data lie in what this would replace or drop (or may, as CloudFormation sees it): $lost; nothing was changed. Say --replace-data if that is meant"
}

# Waits until nothing is under way; `status` holds what it was before the order, and then how it ended. A stack that is
# gone is "none".
wait_for_stack() {
  local was=$status before='' moved=no
  for ((waited = 0; waited < wait_seconds_max; waited += poll_seconds)); do
    look_at_stack_by_id
    [ "$status" = "$before" ] || [ "$status$moved" = "${was}no" ] || say "$stack: $status"
    before=$status
    case $status in
      *_IN_PROGRESS) moved=yes ;;
      "$was") if [ $moved = yes ] || [ $waited -ge $stale_seconds_max ]; then return 0; fi ;;
      *) return 0 ;;
    esac
    sleep $poll_seconds
  done
  fail "$stack is still $status after $((wait_seconds_max / 60)) minutes; look at it in the console"
}

# By its id, a stack can be seen after it was removed, too.
look_at_stack_by_id() {
  if [ -z "$stack_id" ]; then look_at_stack; return 0; fi
  if try cloudformation describe-stacks --stack-name "$stack_id" --query 'Stacks[0].StackStatus'; then
    status=$answer
    return 0
  fi
  case $refusal in *"does not exist"*) status=none ;; *) explain "cloudformation describe-stacks" ;; esac
}

# The first thing that failed: of a change of ours, or of whatever was last done to the stack. What was only given up
# because of it is left out.
tell_failure() {
  local which="ends_with(ResourceStatus, '_FAILED') && !contains(ResourceStatusReason || '', 'ancelled')" event
  [ -z "$1" ] || which="ClientRequestToken == '$1' && $which"
  ask cloudformation describe-stack-events --stack-name "${stack_id:-$stack}" --query "StackEvents[?$which].[EventId]"
  # Events come newest first.
  event=$(printf '%s\n' "$answer" | grep -v '^None$' | tail -n 1 || true)
  [ -n "$event" ] || return 0
  ask cloudformation describe-stack-events --stack-name "${stack_id:-$stack}" \
    --query "StackEvents[?EventId == '$event'].[LogicalResourceId,ResourceType,ResourceStatus,ResourceStatusReason]"
  event=$answer
  say "deploy.sh: what failed first: $(column 1 "$event") ($(column 2 "$event")), $(column 3 "$event"): \
$(column 4- "$event")"
  tell_validation "$event"
}

# What CloudFormation finds before it makes anything stands in a list of its own, at which a reason only points.
tell_validation() {
  case $1 in *DescribeEvents* | *describe-events*) ;; *) return 0 ;; esac
  shift
  # An older command line does not know the call; then the pointer is all there is.
  try cloudformation describe-events --stack-name "${stack_id:-$stack}" "$@" --filters FailedEvents=true \
    --query 'OperationEvents[?ValidationStatusReason].[LogicalResourceId,ResourceType,ValidationStatusReason]' || return 0
  printf '%s\n' "$answer" | awk -F'\t' 'NF > 2 { printf "deploy.sh: %s (%s): %s\n", $1, $2, $3 }' >&2
}
