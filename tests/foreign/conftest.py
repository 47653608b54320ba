"""An authority for the tests over TLS."""

import pytest
from certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.new(tmp_path_factory.mktemp("tls"))
