"""Program of `python -c`: loads the daemon's modules over the control socket, and runs them.

Descriptor 0 is the control socket (AF_UNIX, SOCK_SEQPACKET). The first packets on it are the
sources: one byte ("+" more follow, "." the last) and a piece of a JSON object that maps module
names to source text. Nothing is written to disk; tracebacks find their lines through get_source.
A daemon that starts itself again hands the sources on in a descriptor named by its argument.
"""

import sys

# The interpreter's own modules, whatever files lie in the working directory. Afterwards the
# working directory is on the path under its name, as with `python -m pyspark.daemon`.
_here = sys.path[:1] == [""] and sys.path.pop(0) == ""

import json
import os
import socket
import traceback
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "udfrunner_daemon"


class SourceLoader:
    """Loader of a module whose source came over the socket."""

    def __init__(self, source: str) -> None:
        self.source = source

    def create_module(self, spec: ModuleSpec) -> None:
        """Default module creation."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's source in its namespace."""
        spec = module.__spec__
        assert spec is not None and spec.origin is not None
        exec(compile(self.source, spec.origin, "exec"), module.__dict__)  # noqa: S102

    def get_source(self, name: str) -> str:
        """The module's text, whatever it calls itself; linecache asks for it."""
        return self.source


class SourceFinder:
    """Finder of the modules that came over the socket."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec of an embedded module, None for any other name."""
        if name not in self.sources:
            return None
        origin = "<udfrunner>/{}.py".format(name.replace(".", "/"))
        loader = SourceLoader(self.sources[name])
        return ModuleSpec(name, loader, origin=origin, is_package=name == PACKAGE)  # type: ignore[arg-type]


def _received() -> bytes:
    data = b""
    with socket.socket(fileno=os.dup(0)) as control:
        while True:
            packet = control.recv(1 << 17)
            if not packet:
                sys.exit(0)
            data += packet[1:]
            if packet[:1] == b".":
                return data


def _handed_on(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


_data = _handed_on(int(sys.argv.pop())) if len(sys.argv) > 1 else _received()
_state = json.loads(_data)
sys.meta_path.append(SourceFinder(_state["sources"]))
try:
    _server = import_module(PACKAGE + ".server")
    if _here:
        try:
            sys.path.insert(0, os.getcwd())
        except OSError:  # it was removed, or cannot be reached: as with -m, it is not on the path
            pass
    _server.main(_state)
except BaseException:  # noqa: BLE001 - the interpreter's own report has no source lines
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
