"""The protocol between the main process and its workers: jobs in one direction, events in the other."""

from .events import *  # noqa: F403
from .jobs import *  # noqa: F403
from .status import *  # noqa: F403
from .variants import *  # noqa: F403
from .wire import *  # noqa: F403
