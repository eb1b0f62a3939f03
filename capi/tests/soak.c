/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Runs tasks of mixed sizes for some time, of which some crash, some are cancelled and some raise, and checks whether
 * what the process holds stays as it is. Its argument is the time in seconds; the exit status says whether all was
 * well. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "gauges.h"
#include "host.h"

enum { THREADS = 3, MAX_SAMPLES = 100000 };

/* What share of the tasks, in thousandths. The others are healthy. */
enum { CRASHES = 50, CANCELS = 50, EXCEPTIONS = 10 };

enum outcome { DONE, CRASHED, CANCELLED, RAISED, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"done", "crashed", "cancelled", "raised"};

enum task_runner { ARROW, PANDAS, MAP, EXIT, KILL, FAIL, SLEEP, RUNNERS };

static const struct {
  int32_t eval_type;
  const char *function, *return_type;
} functions[RUNNERS] = {
    [ARROW] = {UDFRUNNER_SQL_SCALAR_ARROW_UDF, "plus_one_arrow", "long"},
    [PANDAS] = {UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long"},
    [MAP] = {UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long"},
    [EXIT] = {UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "exits", "long"},
    [KILL] = {UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "killed", "long"},
    [FAIL] = {UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "told_to_fail", "long"},
    [SLEEP] = {UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long"},
};

/* Rows of a task by how often it comes, in thousandths. */
static const struct {
  int share, batches, rows;
} sizes[] = {{800, 1, 10}, {150, 3, 1000}, {45, 4, 20000}, {5, 4, 250000}};

static udfrunner_runner *runners[RUNNERS];
static atomic_bool stopping;
static atomic_llong outcomes[OUTCOMES];
static atomic_llong rows_read;
static log_puller puller;

/* A generator of random numbers for each thread (xorshift64*). */
static uint64_t random_below(uint64_t *state, uint64_t n) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (*state * 2685821657736338717ULL >> 33) % n;
}

static numbers some_numbers(uint64_t *state) {
  int at = (int)random_below(state, 1000);
  size_t i = 0;
  while (at >= sizes[i].share) at -= sizes[i++].share;
  return (numbers){.batches = sizes[i].batches, .rows = sizes[i].rows};
}

/* Reads a task to its end, whatever that is. */
static int32_t end_of(udfrunner_iterator *it, udfrunner_error **err) {
  for (;;) {
    struct ArrowArray array;
    int32_t code = lib.iterator_next_arrow(it, -1, &array, NULL, err);
    if (code != UDFRUNNER_OK) return code;
    array.release(&array);
  }
}

static enum outcome healthy(uint64_t *state) {
  numbers source = some_numbers(state);
  enum task_runner of = (enum task_runner)random_below(state, MAP + 1);
  udfrunner_iterator *it = test_compute(runners[of], &source, NULL);
  int64_t rows = read_all(it, of == MAP ? 2 : 1, of == MAP ? 0 : 1);
  CHECK_INT((int64_t)source.batches * source.rows, rows);
  atomic_fetch_add(&rows_read, rows);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  return DONE;
}

static enum outcome failing(uint64_t *state, enum task_runner of, int32_t code, const char *cause) {
  numbers source = some_numbers(state);
  udfrunner_iterator *it = test_compute(runners[of], &source, NULL);
  udfrunner_error *err;
  CHECK_INT(code, end_of(it, &err));
  CHECK_TEXT(cause, lib.udfrunner_error_detail(err, "cause"));
  lib.udfrunner_error_destroy(&err);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  return of == FAIL ? RAISED : CRASHED;
}

/* Cancels a task at any moment of its life: before it has begun, while it runs, after its end. */
static enum outcome cancelled(uint64_t *state) {
  numbers source = some_numbers(state);
  enum task_runner of = random_below(state, 2) == 0 ? SLEEP : ARROW;
  udfrunner_iterator *it = test_compute(runners[of], &source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  int32_t code = lib.iterator_next_arrow(it, (int64_t)random_below(state, 5), &array, NULL, &err);
  if (code == UDFRUNNER_OK) array.release(&array);
  CHECK(code == UDFRUNNER_OK || code == UDFRUNNER_TIMED_OUT || code == UDFRUNNER_DONE);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_cancel(it, "soak"));
  if (random_below(state, 4) != 0) { /* else it is closed without being asked */
    int32_t end = end_of(it, &err);
    CHECK(end == UDFRUNNER_CANCELLED || (of != SLEEP && end == UDFRUNNER_DONE));
    lib.udfrunner_error_destroy(&err);
  }
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  return CANCELLED;
}

static void *run_tasks(void *context) {
  uint64_t state = 88172645463325252ULL + (uint64_t)(uintptr_t)context * 7919;
  while (!atomic_load(&stopping)) {
    int which = (int)random_below(&state, 1000);
    enum outcome outcome;
    if (which < CRASHES) {
      bool exits = random_below(&state, 2) == 0;
      outcome =
          failing(&state, exits ? EXIT : KILL, UDFRUNNER_WORKER_EXITED, exits ? "exit" : "signal");
    } else if (which < CRASHES + CANCELS) {
      outcome = cancelled(&state);
    } else if (which < CRASHES + CANCELS + EXCEPTIONS) {
      outcome = failing(&state, FAIL, UDFRUNNER_PYTHON_EXCEPTION, "exception");
    } else {
      outcome = healthy(&state);
    }
    atomic_fetch_add(&outcomes[outcome], 1);
  }
  return NULL;
}

static long long tasks(void) {
  long long all = 0;
  for (int i = 0; i < OUTCOMES; i++) all += atomic_load(&outcomes[i]);
  return all;
}

/* ------------------------------------------------------------------- Samples */

static int64_t samples[MAX_SAMPLES][GAUGES];
static int n_samples;

/* Growth that is none: the share of it that is allowed, and a number of things that come and go. Of a run of seconds,
 * which has no warm-up to speak of, memory is not judged as strictly. */
static bool flat(int gauge, int64_t before, int64_t after, double seconds) {
  static const int64_t slack[GAUGES] = {[GAUGE_FDS] = 6,
                                        [GAUGE_THREADS] = 1,
                                        [GAUGE_CHILDREN] = 1,
                                        [GAUGE_SEGMENTS] = 1,
                                        [GAUGE_DAEMON_FDS] = 6};
  bool memory = gauge == GAUGE_RSS || gauge == GAUGE_DAEMON_RSS;
  double share = memory ? (seconds < 60 ? 0.50 : 0.01) : 0;
  return (double)after <= (double)before * (1 + share) + (double)slack[gauge];
}

/* Compares the first quarter after the warm-up, a fifth of the time, with the last one. */
static bool report(double seconds) {
  int warm = n_samples / 5, quarter = (n_samples - warm) / 4;
  CHECK(quarter > 0);
  bool all = true;
  printf("%-16s %12s %12s %9s\n", "medians", "first", "last", "growth");
  for (int gauge = 0; gauge < GAUGES; gauge++) {
    int64_t before = median_gauge(samples + warm, quarter, gauge);
    int64_t after = median_gauge(samples + n_samples - quarter, quarter, gauge);
    bool ok = flat(gauge, before, after, seconds);
    double growth = before == 0 ? 0 : 100 * ((double)after / (double)before - 1);
    printf("%-16s %12lld %12lld %8.2f%% %s\n", gauge_names[gauge], (long long)before,
           (long long)after, growth, ok ? "flat" : "GROWS");
    all = all && ok;
  }
  return all;
}

/* ---------------------------------------------------------------------- Main */

static int64_t at_start[GAUGES];

static bool nothing_left(void *unused) {
  (void)unused;
  int64_t values[GAUGES];
  read_gauges(values);
  return values[GAUGE_CHILDREN] == 0 && values[GAUGE_FDS] <= at_start[GAUGE_FDS] &&
         values[GAUGE_SEGMENTS] <= at_start[GAUGE_SEGMENTS];
}

/* A task of an env of its own, so that what the library makes once is there before anything is counted. */
static void warm_up(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner =
      test_runner(env, functions[ARROW].eval_type, functions[ARROW].function, "long");
  numbers source = {.batches = 1, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(10, read_all(it, 1, 1));
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
  read_gauges(at_start);
  at_start[GAUGE_FDS] += at_start[GAUGE_CHILDREN]; /* its daemon's end is still being waited for */
  CHECK(wait_until(nothing_left, NULL));
  read_gauges(at_start);
}

int main(int argc, char **argv) {
  double seconds = argc == 2 ? atof(argv[1]) : 0;
  if (seconds <= 0) {
    fprintf(stderr, "usage: soak SECONDS\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  library_open();
  warm_up();
  udfrunner_env *env = test_env();
  for (int i = 0; i < RUNNERS; i++) {
    runners[i] =
        test_runner(env, functions[i].eval_type, functions[i].function, functions[i].return_type);
  }
  puller.env = env; /* as hosts do: lines that nobody takes are kept up to udfrunner.log.buffer */
  pthread_t threads[THREADS], pulling = start(pull_log, &puller);
  double begin = now(), told = begin;
  for (int i = 0; i < THREADS; i++) threads[i] = start(run_tasks, (void *)(uintptr_t)(i + 1));
  double interval = seconds < 60 ? 0.05 : 0.5;
  while (now() - begin < seconds && n_samples < MAX_SAMPLES) {
    nanosleep(&(struct timespec){0, (long)(interval * 1e9)}, NULL);
    read_gauges(samples[n_samples++]);
    if (now() - told >= 60) {
      told = now();
      const int64_t *last = samples[n_samples - 1];
      printf("%5.0f s %8lld tasks, rss %lld KiB, %lld fds, %lld children\n", told - begin, tasks(),
             (long long)last[GAUGE_RSS], (long long)last[GAUGE_FDS],
             (long long)last[GAUGE_CHILDREN]);
    }
  }
  atomic_store(&stopping, true);
  for (int i = 0; i < THREADS; i++) join(threads[i]);
  double took = now() - begin;
  printf("%lld tasks in %.0f s, %.0f a second:", tasks(), took, (double)tasks() / took);
  for (int i = 0; i < OUTCOMES; i++) printf(" %lld %s", (long long)outcomes[i], outcome_names[i]);
  printf("; %lld rows of results, %lld lines of log\n", (long long)rows_read,
         (long long)puller.lines);
  bool ok = report(seconds);
  for (int i = 0; i < OUTCOMES; i++) CHECK(outcomes[i] > 0);
  CHECK(puller.lines > 0);
  for (int i = 0; i < RUNNERS; i++) lib.runner_destroy(&runners[i]);
  lib.udfrunner_env_destroy(&env);
  join(pulling);
  bool clean = wait_until(nothing_left, NULL);
  int64_t end[GAUGES];
  read_gauges(end);
  printf("after the env's end: %lld children, %lld fds (%lld before it), %lld segments\n",
         (long long)end[GAUGE_CHILDREN], (long long)end[GAUGE_FDS], (long long)at_start[GAUGE_FDS],
         (long long)end[GAUGE_SEGMENTS]);
  printf("%s soak\n", ok && clean ? "ok" : "FAIL");
  return ok && clean ? 0 : 1;
}
