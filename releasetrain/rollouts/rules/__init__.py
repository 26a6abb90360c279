"""Decide what a rollout does next, from values alone.

Read `states` (where it can stand) and `snapshot` (what goes in and comes out), then `machine.tick` and
`commands.command`. `baking`, `preflight`, `watch` and `rollback` hold the rules of one phase each; `draft`,
`moves` and `readback` are their tools; `ladder`, `guardrails`, `judging` and `statistics` stand alone.
"""
