"""The Python daemon carried inside the library: it forks PySpark workers out of a warm process.

Each module has one job:

- bootstrap   the program of `python -c`, not part of the package
- server      the embedded daemon: one loop over the control socket and the workers' pidfds
- control     packets and descriptors on the control socket
- process     what the daemon resets in itself at its start
- zygote      interpreter checks, imports before the fork, warm-up, freezing
- sessionless return types given as text, without a Spark session to parse them
- ddl         the parser of such texts
- ddltokens   its tokens
- typejson    Spark's JSON form of types, and their limits
- threads     thread counts, and the thread pools of the numeric libraries
- worker      a worker from its fork to its end: descriptors, environment, task loop
- reexec      a worker that starts its program again, free of what was imported before
- sources     the files that modules came from, whether they were changed; the host's path
- edits       whether anything happened to files
- broadcasts  the broadcast variables of a worker, kept where it starts its program again
- taskstate   what a task may have changed in its process, and putting it back
- reuse       what a task may have left that ends its worker
- channel     the file-like objects that pyspark.worker.main reads and writes
- reaper      live workers, their signals, their deaths
- limits      what the system bounds, and errors of scarcity
- anonfile    files without a name, in memory where the kernel allows
- spark       the daemon under stock Spark, in the embedded daemon's place

Only server and control know of the control socket.
"""
