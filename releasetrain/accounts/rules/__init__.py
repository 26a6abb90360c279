"""The rules of people: what roles include, and whose turn it is to be on call."""

from releasetrain.accounts.rules.roles import INCLUDES, SCOPES, Role, Roles, why_not_scope

__all__ = ["INCLUDES", "SCOPES", "Role", "Roles", "why_not_scope"]
