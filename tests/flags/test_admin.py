import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse

from releasetrain.flags.models import Flag, FlagEnvironment, FlagRevision
from releasetrain.health.models import ErrorLine, Reading
from releasetrain.incidents.models import Incident
from tests import make

MODELS = [Flag, FlagEnvironment, FlagRevision, Reading, ErrorLine, Incident]


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS)
def test_an_administrator_sees_rows_and_can_change_none(model: type, client: Client) -> None:
    make.flag_environment()
    client.force_login(make.user("Root", is_superuser=True, is_staff=True))
    name = model.__name__.lower()
    app = site._registry[model].opts.app_label
    assert client.get(reverse(f"admin:{app}_{name}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{app}_{name}_add")).status_code == 403
