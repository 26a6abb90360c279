"""Say what a target that is moved by a receiver of webhooks has to be told."""

from releasetrain.rollouts.drivers.fields import Field, FieldKind

FIELDS = (
    Field(
        "url",
        "Address of the receiver",
        "where each message is posted, signed as Standard Webhooks say",
        FieldKind.URL,
        is_required=True,
    ),
    Field(
        "secret",
        "Signing secret",
        "a secret of the form whsec_ and base64, which the receiver knows, too",
        FieldKind.SECRET,
        is_required=True,
    ),
    Field(
        "observe_url",
        "Address of the read-back",
        "GET there answers {“weight”: 25, “fence”: 7}; without it the callbacks alone say the weight",
        FieldKind.URL,
    ),
    Field(
        "candidate",
        "Candidate servers",
        "host:port of each server of the new version, asked for its version before users come",
        FieldKind.LINES,
    ),
    Field("baseline", "Baseline servers", "host:port of each server of the old version", FieldKind.LINES),
    Field("version_path", "Version path", "where a server says its version", default="/version"),
)
