"""What is promised of infra/template.yaml, as rules over the parsed template: each returns what breaks it.

Rules know the template and what the sources name (`names.py`), and no AWS. MiniStack drops much of what they look at
(time to live, lifecycle, ExecutionProperty), so they are all that holds it. Invariant: every rule is in `RULES`, and
test_template_rules.py shows of each that it can fail.
"""

from __future__ import annotations

from collections.abc import Callable

from parsed import Template

from policy import access, storage, watching, wiring

Rule = Callable[[Template], list[str]]

RULES: tuple[Rule, ...] = (
    access.agents_are_kept_to_their_host_and_namespace,
    access.documented_wildcards_exist,
    access.actions_are_documented,
    access.each_role_is_one_services,
    access.nobody_changes_what_was_uploaded,
    access.services_speak_for_this_account,
    access.wildcards_are_documented,
    storage.buckets_are_closed,
    storage.data_outlive_the_stack,
    storage.encrypted,
    storage.ledger_is_as_documented,
    storage.lifecycles,
    storage.logs_and_messages_are_kept_long_enough,
    storage.queue_policies_speak_of_one_queue,
    storage.tls_only,
    watching.alarms_say_what_to_do,
    watching.dashboard_shows_the_pipeline,
    watching.log_filters_find_what_is_logged,
    watching.metrics_are_published,
    watching.promised_alarms_are_there,
    wiring.function_is_told_what_it_knows,
    wiring.job_is_told_what_it_knows,
    wiring.job_runs_only_when_asked,
    wiring.names_are_the_stacks,
    wiring.queue_gives_the_function_time,
    wiring.sweep_comes_every_minute,
)
