"""Program of `python -I -S -c`: becomes `python -m module` free of what a host hands on.

A host (a JVM, a Go runtime) may leave descriptors open over exec, and signals ignored or blocked.
Its arguments are the command to become, its program as a path first.
"""

import os
import signal
import sys

for name in os.listdir("/proc/self/fd"):
    if int(name) > 2:
        try:
            os.set_inheritable(int(name), False)
        except OSError:  # the listing's own
            pass
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.argv[1], sys.argv[1:])
