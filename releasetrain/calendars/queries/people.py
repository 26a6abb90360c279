"""Find the people whom a calendar names."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from releasetrain.accounts.models import User
from releasetrain.calendars.ics.events import Event

SHORTEST_NAME = 3


@dataclass(slots=True)
class Known:
    """Everybody who is here, by mail address and by name."""

    by_mail: dict[str, User] = field(default_factory=dict)
    by_name: dict[str, list[User]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def load(cls) -> "Known":
        """Load everybody who is here, in one query."""
        found = cls()
        for person in User.objects.filter(is_active=True).only("pk", "email", "name"):
            found.by_mail[person.email.casefold()] = person
            if len(person.name) >= SHORTEST_NAME:
                found.by_name[_plain(person.name)].append(person)
        return found

    def people_of(self, event: Event) -> list[User]:
        """Return whom an event means: its attendees, else whom its title names, else who called it.

        A name counts only where it is one person's.
        """
        for texts in (event.people, event.organizer):
            if people := self._all(texts):
                return people
            if texts is event.people and (named := self._in_title(event.title)):
                return named
        return []

    def _all(self, texts: tuple[str, ...]) -> list[User]:
        found = [self.by_mail.get(text.casefold()) or self._only(_plain(text)) for text in texts]
        return list(dict.fromkeys(person for person in found if person))

    def _only(self, name: str) -> User | None:
        people = self.by_name.get(name, [])
        return people[0] if len(people) == 1 else None

    def _in_title(self, title: str) -> list[User]:
        text = f" {_plain(title)} "
        named = [name for name in self.by_name if f" {name} " in text]
        # “Ada Lovelace” names Ada Lovelace, and not also somebody who is just called Ada.
        longest = [name for name in named if not any(name != other and name in other for other in named)]
        return [person for name in longest if (person := self._only(name))]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w'’.-]+", " ", text.casefold()).split())
