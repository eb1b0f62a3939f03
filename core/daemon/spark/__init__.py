"""The same daemon under stock Spark: what Spark starts in the place of pyspark.daemon.

Spark talks to it as to its own daemon: over a listening socket and standard input. What the
workers are forked from, and what they do between fork and end, is that of the embedded daemon.

- server      the daemon: one loop over connections, kill requests, signals and deaths
- listener    the socket on which Spark asks for workers
- handshake   what a worker and Spark say to each other first, and the channel
- warmup      what a worker's first task would have to load
- deaths      what is said of a worker that died

The Python package carries these modules; the library does not.
"""
