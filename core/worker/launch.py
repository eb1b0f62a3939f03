"""Program of `python -I -S -c`: becomes `python -m module` free of what a host hands on.

A host (a JVM, a Go runtime) may leave descriptors open over exec, and signals ignored or blocked.
Its arguments are the command to become, its program as a path first.
"""

import os
import signal
import sys

try:
    descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
except OSError:  # no /proc: as many numbers as such a process may have opened
    descriptors = list(range(min(os.sysconf("SC_OPEN_MAX"), 4096)))
for descriptor in descriptors:
    if descriptor > 2:
        try:
            os.set_inheritable(descriptor, False)
        except OSError:  # the listing's own, or not open
            pass
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.argv[1], sys.argv[1:])
