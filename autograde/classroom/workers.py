"""Where a process gets the workers that run students' code."""

from __future__ import annotations

import atexit
import functools
import os

from autograde.judge.connection import ServerConnection


class Workers:
    """This process's connection to a fork server, made when it is first needed and kept to the end of the process.

    The server is the one at `address`, shared with other processes, or one of its own. Sent to another process, this
    becomes that process's own: there is one of each kind in a process.
    """

    def __init__(self, sandbox: bool = True, address: str | None = None):
        self.sandbox = sandbox
        self.address = address
        self._server: ServerConnection | None = None

    def __reduce__(self) -> tuple:
        return workers, (self.sandbox, self.address)

    def server(self) -> ServerConnection:
        """Raises ServerFailed or Unprotected when students' code cannot be run here at all."""
        if self._server is None:
            if self.address is None:
                server = ServerConnection(sandbox=self.sandbox)
            else:
                server = ServerConnection.joined(self.address)
                if hasattr(os, "sched_getaffinity"):
                    server.ask("stay", cores=sorted(os.sched_getaffinity(0)))
            atexit.register(server.close)
            self._server = server
        return self._server

    def another_server(self) -> ServerConnection:
        """One of its own, from now on, in the place of the one that failed."""
        self._server = self.address = None
        return self.server()


@functools.cache
def workers(sandbox: bool, address: str | None = None) -> Workers:
    """Those of this process."""
    return Workers(sandbox, address)
