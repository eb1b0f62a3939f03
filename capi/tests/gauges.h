/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* What this process, and the processes below it, hold. */
#ifndef UDFRUNNER_TESTS_GAUGES_H
#define UDFRUNNER_TESTS_GAUGES_H

#include <stdint.h>

enum gauge {
  GAUGE_RSS,        /* of this process, KiB */
  GAUGE_FDS,        /* of this process */
  GAUGE_THREADS,    /* of this process */
  GAUGE_CHILDREN,   /* processes below this one, all generations */
  GAUGE_SEGMENTS,   /* shared memory of this process: descriptors and mappings */
  GAUGE_DAEMON_RSS, /* of this process's children, which are the daemons, KiB */
  GAUGE_DAEMON_FDS, /* of them */
  GAUGES
};

extern const char *const gauge_names[GAUGES];

/* Reads them all. */
void read_gauges(int64_t values[GAUGES]);

/* The median of one gauge in n readings, one at least. */
int64_t median_gauge(int64_t (*readings)[GAUGES], int n, int gauge);

#endif
