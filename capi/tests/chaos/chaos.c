/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Runs random tasks for a time, or up to a number of them, and tells what became of them. Set by
 * the environment: CHAOS_SECONDS, CHAOS_TASKS, CHAOS_THREADS, CHAOS_SEED, CHAOS_MISCHIEF, and
 * CHAOS_ONLY, the number of the one task to repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "../gauges.h"
#include "../host.h"
#include "chaos.h"

enum { MAX_THREADS = 64, MAX_SAMPLES = 20000, CODES = 18, MINUTES = 3 };

uint64_t chaos_seed;
int chaos_mischief;
static uint64_t only;
static bool just_one;
static uint64_t wanted = UINT64_MAX;
static double seconds = 1e9;
static atomic_bool stopping;
static atomic_ullong begun, ended_tasks;

/* ------------------------------------------------------------------- Counts */

enum { BY_PLACE, BY_KIND, BY_DEED, BY_ACT, TABLES, MAX_LINES = 32 };
/* Columns: not read to the end, done, and the codes of errors. */
static atomic_llong counts[TABLES][MAX_LINES][CODES + 2];

static void count(const struct task *task) {
  int code = task->end.code;
  int column = code == UDFRUNNER_DONE ? 1 : code < 0 && code > -CODES ? 1 - code : 0;
  const int lines[TABLES] = {(int)task->place, (int)task->kind, task->deed, (int)task->act};
  for (int table = 0; table < TABLES; table++)
    atomic_fetch_add(&counts[table][lines[table]][column], 1);
}

static const struct {
  const char *name;
  int column;
} columns[] = {{"done", 1},
               {"closed", 0},
               {"cancelled", 1 - UDFRUNNER_CANCELLED},
               {"deadline", 1 - UDFRUNNER_DEADLINE},
               {"exception", 1 - UDFRUNNER_PYTHON_EXCEPTION},
               {"exited", 1 - UDFRUNNER_WORKER_EXITED},
               {"protocol", 1 - UDFRUNNER_PROTOCOL},
               {"host", 1 - UDFRUNNER_HOST}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const char *line_name(int table, int line) {
  switch (table) {
    case BY_PLACE:
      return line < PLACES ? place_names[line] : NULL;
    case BY_KIND:
      return line < KINDS ? kinds[line].name : NULL;
    case BY_DEED:
      return line < DEEDS ? deeds[line].name : NULL;
    default:
      return line < ACTS ? act_names[line] : NULL;
  }
}

static void print_counts(void) {
  static const char *const names[TABLES] = {"env", "function", "deed of the function",
                                            "act of the host"};
  for (int table = 0; table < TABLES; table++) {
    printf("\n%-20s", names[table]);
    for (int c = 0; c < COLUMNS; c++) printf(" %9s", columns[c].name);
    printf(" %9s\n", "other");
    for (int line = 0; line < MAX_LINES && line_name(table, line) != NULL; line++) {
      long long other = 0;
      for (int c = 0; c < CODES + 2; c++) other += counts[table][line][c];
      if (other == 0) continue;
      printf("%-20s", line_name(table, line));
      for (int c = 0; c < COLUMNS; c++) {
        long long n = counts[table][line][columns[c].column];
        other -= n;
        printf(" %9lld", n);
      }
      printf(" %9lld\n", other);
    }
  }
}

/* ------------------------------------------------------------------ Threads */

static void *run_tasks(void *unused) {
  (void)unused;
  while (!atomic_load(&stopping)) {
    uint64_t number = atomic_fetch_add(&begun, 1);
    if (number >= wanted) break;
    struct task task;
    plan_task(&task, chaos_seed, just_one ? only : number);
    task.repetition = just_one ? (int)number : 0;
    task_begins(&task);
    run_task(&task);
    task_begins(NULL);
    count(&task);
    atomic_fetch_add(&ended_tasks, 1);
  }
  return NULL;
}

/* ------------------------------------------------------------------- Gauges */

static int64_t samples[MAX_SAMPLES][GAUGES];
static int n_samples;
static int64_t at_start[GAUGES];

/* What grows in a run of minutes is a leak: the quarter after the warm-up, a fifth of the time,
 * beside the last one. In a shorter run it has not settled; what is left at the end tells all but
 * memory, of which sanitizers keep what was freed. */
static bool is_flat(int gauge, int64_t before, int64_t after, double took) {
  if (took < MINUTES * 60) return true;
  if (gauge != GAUGE_RSS && gauge != GAUGE_DAEMON_RSS) return after <= before + 20;
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return (double)after <= (double)before * 1.1 + 16384;
#endif
}

static bool print_gauges(double took) {
  int warm = n_samples / 5, quarter = (n_samples - warm) / 4;
  if (quarter == 0) return true;
  bool all = true;
  printf("\n%-16s %10s %10s\n", "medians", "first", "last");
  for (int gauge = 0; gauge < GAUGES; gauge++) {
    int64_t before = median_gauge(samples + warm, quarter, gauge);
    int64_t after = median_gauge(samples + n_samples - quarter, quarter, gauge);
    bool flat = is_flat(gauge, before, after, took);
    all = all && flat;
    printf("%-16s %10lld %10lld%s\n", gauge_names[gauge], (long long)before, (long long)after,
           flat ? "" : " GROWS");
  }
  return all;
}

static bool nothing_left(void *unused) {
  (void)unused;
  int64_t values[GAUGES];
  read_gauges(values);
  return values[GAUGE_CHILDREN] == 0 && count_workers() == 0 &&
         values[GAUGE_FDS] <= at_start[GAUGE_FDS] &&
         values[GAUGE_SEGMENTS] <= at_start[GAUGE_SEGMENTS];
}

static bool print_left(void) {
  bool clean = wait_until(nothing_left, NULL);
  int64_t values[GAUGES];
  read_gauges(values);
  printf(
      "left: %lld children, %d workers elsewhere, %lld fds (%lld before), %lld segments (%lld), "
      "%lld threads (%lld)\n",
      (long long)values[GAUGE_CHILDREN], count_workers(), (long long)values[GAUGE_FDS],
      (long long)at_start[GAUGE_FDS], (long long)values[GAUGE_SEGMENTS],
      (long long)at_start[GAUGE_SEGMENTS], (long long)values[GAUGE_THREADS],
      (long long)at_start[GAUGE_THREADS]);
  return clean;
}

/* --------------------------------------------------------------------- Main */

static uint64_t setting(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text == NULL || text[0] == 0 ? otherwise : strtoull(text, NULL, 10);
}

/* An env of its own, so that what the library makes once is there before anything is counted. */
static void warm_up(void) {
  struct task task;
  uint64_t number = 0;
  do plan_task(&task, chaos_seed, number++);
  while (task.place != HOME || task.act != NO_ACT || task.deed != DEED_NOTHING ||
         task.deadline_ms != 0);
  task.place = OWN;
  run_task(&task);
  CHECK_INT(UDFRUNNER_DONE, task.end.code);
  read_gauges(at_start);
  at_start[GAUGE_FDS] += 64; /* its daemon's end is still being waited for */
  CHECK(wait_until(nothing_left, NULL));
  read_gauges(at_start);
}

static void wait_and_sample(double begin) {
  double interval = seconds < 120 ? 0.1 : 1, told = begin;
  while (now() - begin < seconds && atomic_load(&ended_tasks) < wanted) {
    nanosleep(&(struct timespec){(time_t)interval, (long)((interval - (int)interval) * 1e9)}, NULL);
    if (n_samples < MAX_SAMPLES) read_gauges(samples[n_samples++]);
    if (now() - told < 60) continue;
    told = now();
    const int64_t *last = samples[n_samples - 1];
    printf("%5.0f s %8llu tasks, rss %lld KiB, %lld fds, %lld threads, %lld children\n",
           told - begin, (unsigned long long)ended_tasks, (long long)last[GAUGE_RSS],
           (long long)last[GAUGE_FDS], (long long)last[GAUGE_THREADS],
           (long long)last[GAUGE_CHILDREN]);
  }
  atomic_store(&stopping, true);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  chaos_seed = setting("CHAOS_SEED", (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid());
  seconds = (double)setting("CHAOS_SECONDS", 1000000000);
  wanted = setting("CHAOS_TASKS", UINT64_MAX);
  only = setting("CHAOS_ONLY", UINT64_MAX);
  just_one = only != UINT64_MAX;
  chaos_mischief = (int)setting("CHAOS_MISCHIEF", 1);
  CHECK(chaos_mischief >= 0 && chaos_mischief <= 1000);
  int n_threads = (int)setting("CHAOS_THREADS", 4);
  CHECK(n_threads >= 1 && n_threads <= MAX_THREADS);
  printf("CHAOS_SEED=%llu CHAOS_MISCHIEF=%d\n", (unsigned long long)chaos_seed, chaos_mischief);
  mark_workers();
  library_open();
  start_watching();
  warm_up();
  open_places();
  pthread_t threads[MAX_THREADS];
  double begin = now();
  for (int i = 0; i < n_threads; i++) threads[i] = start(run_tasks, NULL);
  wait_and_sample(begin);
  for (int i = 0; i < n_threads; i++) join(threads[i]);
  double took = now() - begin;
  close_places();
  stop_watching();
  print_counts();
  bool flat = print_gauges(took), clean = print_left();
  printf("%llu tasks in %.0f s, %.0f a second; %lld failures; calls at most %lld ms late\n",
         (unsigned long long)ended_tasks, took, (double)ended_tasks / took, (long long)failures(),
         (long long)worst_overrun());
  bool ok = flat && clean && failures() == 0 && ended_tasks > 0;
  printf("%s chaos\n", ok ? "ok" : "FAIL");
  return ok ? 0 : 1;
}
