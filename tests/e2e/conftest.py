from tests.qt_fixtures import *  # noqa: F403 - fixtures are found by name
