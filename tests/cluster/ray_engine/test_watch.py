"""Ray that does not answer any more."""

import socket

import pytest

from cluster.errors import ClusterError
from cluster.ray_engine import watch
from cluster.ray_engine.watch import RayWatch


@pytest.mark.timeout(60)
def test_a_head_is_given_up_after_several_looks_without_an_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        watched = RayWatch({"Ray's head": f"127.0.0.1:{server.getsockname()[1]}"})
        with watched.watching():
            for _ in range(3):
                server.accept()[0].close()  # it is asked again and again
            watched.check()
            server.close()
            assert watched.lost.wait(30)
            with pytest.raises(ClusterError, match=r"Ray's head has not answered .* `knockcast resume`"):
                watched.check()
