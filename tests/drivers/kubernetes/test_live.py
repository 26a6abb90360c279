"""A real cluster, for whoever has one: KUBECONFIG names it. It was never run where this was written."""

import os
from pathlib import Path

import pytest

from releasetrain.rollouts.drivers.kubernetes import Cluster

needs_cluster = pytest.mark.skipif(
    "KUBECONFIG" not in os.environ, reason="no KUBECONFIG is set; it was never run against a real cluster"
)


@needs_cluster
def test_live_a_route_can_be_read() -> None:
    """RT_LIVE_SERVER, RT_LIVE_TOKEN, RT_LIVE_CA (a file), RT_LIVE_ROUTE (namespace/name) say what to read."""
    namespace, _, name = os.environ["RT_LIVE_ROUTE"].partition("/")
    authorities = Path(os.environ["RT_LIVE_CA"]).read_text(encoding="utf-8")
    place = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}"
    cluster = Cluster(os.environ["RT_LIVE_SERVER"], os.environ["RT_LIVE_TOKEN"], authorities, place)
    assert cluster.get(10)["metadata"]["name"] == name
