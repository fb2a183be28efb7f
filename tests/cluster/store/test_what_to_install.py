"""The advice where a store was written by a newer release."""

from cluster.store.versions import installed_release, what_to_install


def test_what_to_install_is_the_newest_of_several() -> None:
    assert "install 0.10.0 or newer" in what_to_install(["0.9.2", None, "0.10.0", "0.9.2"])
    assert "install the newest release" in what_to_install([None])


def test_a_newer_state_of_the_same_release_is_not_called_this_release() -> None:
    this = installed_release()
    assert "a development version after" in what_to_install([this])
