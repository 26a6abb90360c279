"""Do what a rollout needs: launch it, tick it, command it, bring it back."""

from releasetrain.rollouts.actions.again import retry, revert
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.everything import bring_back, press_on
from releasetrain.rollouts.actions.guardrails import (
    give_template,
    remove_guardrail,
    remove_template,
    save_guardrail,
    save_template,
)
from releasetrain.rollouts.actions.launch import launch, settle
from releasetrain.rollouts.actions.locks import lock_target, release_lock, renew_lock, take_over
from releasetrain.rollouts.actions.operate import operate, roll_back, roll_back_departure, second
from releasetrain.rollouts.actions.settling import settle_target
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.actions.way import take_service

__all__ = [
    "bring_back",
    "carry_out",
    "give_template",
    "launch",
    "lock_target",
    "operate",
    "press_on",
    "release_lock",
    "remove_guardrail",
    "remove_template",
    "renew_lock",
    "retry",
    "revert",
    "roll_back",
    "roll_back_departure",
    "save_guardrail",
    "save_template",
    "second",
    "settle",
    "settle_target",
    "take_over",
    "take_service",
    "tick_one",
]
