"""Name every kind of event and the sentence in which people read it.

A sentence may use {actor}, {subject} and the keys of the event's data.
"""

KINDS: dict[str, str] = {
    "accounts.person.joined": "{actor} added {subject}",
    "accounts.link.used": "{subject} signed in with a one-time link",
    "accounts.token.issued": "{actor} issued the token {subject}",
    "accounts.token.revoked": "{actor} revoked the token {subject}",
    "accounts.role.granted": "{actor} made {subject} {role} in {team}",
    "catalog.environment.added": "{actor} added the environment {subject}",
    "catalog.service.added": "{actor} added the service {subject} of {team}",
    "catalog.target.added": "{actor} connected {subject} by the driver {driver}",
    "catalog.dependency.added": "{actor} noted that {subject} needs {depends_on}",
    "catalog.version.settled": "{subject} runs {version} for everybody (before: {before})",
}
