"""Do what a rollout needs: launch it, tick it, command it, bring it back."""

from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.launch import launch, settle
from releasetrain.rollouts.actions.operate import operate, roll_back, roll_back_departure
from releasetrain.rollouts.actions.tick import tick_one

__all__ = ["carry_out", "launch", "operate", "roll_back", "roll_back_departure", "settle", "tick_one"]
