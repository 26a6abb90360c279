"""Each fault that the house has to survive has a test by name."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
FAULTS = {
    "kill -9 of workers in every state": "test_r1_r4_workers_killed_in_every_state_lose_and_double_nothing",
    "kill -9 of beat": "test_several_beats_are_harmless_and_none_only_delays",
    "kill -9 of web": "test_a_web_process_killed_at_the_button_leaves_a_rollback_that_is_whole_or_none",
    "SIGSTOP of workers": "test_r6_frozen_workers_wake_up_to_a_rollback_and_change_nothing",
    "SIGSTOP in mid-transaction": (
        "test_t9_a_worker_frozen_in_mid_transaction_keeps_no_rollback_waiting_by_shell_or_button"
    ),
    "SIGSTOP in mid-transaction, and a guardrail": (
        "test_t9_r1_nor_a_guardrail_for_longer_than_postgresql_lets_it_sleep"
    ),
    "SIGSTOP of beat and web": "test_a_frozen_beat_and_a_frozen_web_process_only_delay",
    "SIGTERM of a worker": "test_r4_a_worker_that_is_asked_to_end_ends_its_task_first",
    "PostgreSQL restarted": "test_r8_without_postgresql_nothing_advances_and_afterwards_it_goes_on",
    "Redis killed, flushed, slow": "test_r8_without_redis_users_come_back_and_afterwards_it_goes_on",
    "Redis answers nothing": "test_r8_a_broker_that_answers_nothing_is_asked_once",
    "drivers lose, halve, hang, lie, are late": (
        "test_whatever_drivers_do_the_workers_bring_traffic_where_it_belongs"
    ),
    "metrics away for 60 s": "test_a_provider_that_is_down_for_60_s_holds_the_bake_and_credits_none_of_it",
    "metrics away for 40 min": "test_a_provider_that_is_down_for_40_min_brings_users_back_by_itself",
    "metrics away for many": "test_three_that_lose_sight_together_are_one_incident_that_is_told_once",
    "metrics empty": "test_empty_metrics_are_no_data_and_never_a_pass",
    "metrics silent before the start": "test_silent_metrics_start_nobody",
    "metrics lie": "test_metrics_that_lie_about_a_healthy_version_only_bring_it_back",
    "metrics count users who cannot be there": ("test_metrics_that_count_users_who_cannot_be_there_stop_it"),
    "metrics come again or late": "test_metrics_that_come_again_or_late_are_counted_once_and_move_nobody",
    "two processes with the same claim": "test_r1_two_processes_with_the_same_claim_take_one_step",
    "a clock wrong by an hour; old and new version together": (
        "test_old_and_new_workers_and_one_whose_clock_is_wrong_by_an_hour_work_together"
    ),
}


def test_every_fault_has_its_test() -> None:
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)\(", tests, re.MULTILINE))
    assert {fault: name for fault, name in FAULTS.items() if name not in defined} == {}
