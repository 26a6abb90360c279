"""Private PostgreSQL and Valkey, for a machine that has neither; nothing in the house imports this."""

from releasetrain.embedded.errors import ServerError
from releasetrain.embedded.servers import Server, Servers, throwaway_folder, throwaway_servers

__all__ = ["Server", "ServerError", "Servers", "throwaway_folder", "throwaway_servers"]
