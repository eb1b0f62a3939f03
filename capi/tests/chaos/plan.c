/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* A task's plan follows from the run's seed and its number, so that each can be run again. */
#include <stdio.h>
#include <string.h>

#include "chaos.h"

/* pandas costs several times what the others do, and most in groups: its share is small, so that a
 * run of a million tasks has tens of thousands of it and takes minutes, not hours. */
const struct kind_of kinds[KINDS] = {
    [PICKLED_ROWS] = {"pickled rows", 100, "row", "long", ONE, true, false, 30},
    [ARROW_ROWS] = {"arrow rows", 101, "row", "long", ONE, true, false, 20},
    [SERIES] = {"series", 200, "series", "long", ONE, true, false, 3},
    [SERIES_ITER] = {"series iter", 204, "series_iter", "long", ONE, true, false, 2},
    [FRAMES] = {"frames", 205, "frames", "k long, n long, s string", TRIPLE, false, false, 1},
    [ARRAY] = {"array", 250, "array", "long", ONE, true, false, 45},
    [ARRAY_ITER] = {"array iter", 251, "array_iter", "long", ONE, true, false, 12},
    [BATCHES] = {"batches", 207, "batches", "k long, n long, s string", TRIPLE, false, false, 20},
    [GROUP_FRAME] = {"group frame", 201, "group_frame", "k long, n long, rows long", GROUPED, false,
                     true, 1},
    [GROUP_TABLE] = {"group table", 209, "group_table", "k long, n long, rows long", GROUPED, false,
                     true, 4},
    [COGROUP_TABLES] = {"cogroup tables", 210, "cogroup_tables", "k long, n long, rows long",
                        GROUPED, false, true, 2},
    [AGGREGATE] = {"aggregate", 252, "aggregate", "long", SUM, true, true, 4},
    [TABLE] = {"table function", 301, "Table", "n long, k long", PAIR, true, false, 3},
};

const char *const place_names[PLACES] = {"home", "narrow", "stock", "simple", "liar", "own"};

const char *const reading_names[READINGS] = {"arrays", "chunks", "stream", "event"};

const char *const act_names[ACTS] = {
    [NO_ACT] = "none",
    [CANCEL_FIRST] = "cancel first",
    [CANCEL_MIDWAY] = "cancel midway",
    [CANCEL_INSIDE] = "cancel inside",
    [CANCEL_MEANWHILE] = "cancel meanwhile",
    [CLOSE_FIRST] = "close first",
    [CLOSE_MIDWAY] = "close midway",
    [CLOSE_MEANWHILE] = "close meanwhile",
    [READ_MEANWHILE] = "read meanwhile",
    [LOOK_MEANWHILE] = "look meanwhile",
    [DESTROY_MEANWHILE] = "destroy meanwhile",
    [INPUT_AGAIN] = "input again",
    [INPUT_FAILS] = "input fails",
    [SCHEMA_FAILS] = "schema fails",
};

/* How often deeds, acts and deadlines are drawn, in ten thousandths, before chaos_mischief. */
enum { WITH_DEED = 50, WITH_ACT = 120, WITH_DEADLINE = 10 };
/* In hundred thousandths: the rare ones import PySpark anew for nearly each task. */
static const int place_shares[PLACES] = {
    [HOME] = 98810, [NARROW] = 1000, [STOCK] = 40, [SIMPLE] = 5, [LIAR] = 130, [OWN] = 15};

/* ------------------------------------------------------------------- Random */

uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}

uint64_t next_random(uint64_t *state) { return mix(*state += 0x9e3779b97f4a7c15ULL); }

int below(uint64_t *state, int n) { return (int)(next_random(state) % (uint64_t)n); }

/* --------------------------------------------------------------------- Plan */

static enum kind draw_kind(uint64_t *state) {
  int all = 0, kind = 0;
  for (int i = 0; i < KINDS; i++) all += kinds[i].share;
  for (int at = below(state, all); at >= kinds[kind].share; kind++) at -= kinds[kind].share;
  return (enum kind)kind;
}

static enum place draw_place(uint64_t *state) {
  int place = 0;
  for (int at = below(state, 100000); at >= place_shares[place]; place++) at -= place_shares[place];
  return (enum place)place;
}

static int draw_deed(uint64_t *state, enum place place) {
  int all = 0, deed = 0;
  for (int i = 0; i < DEEDS; i++) all += place != STOCK || deeds[i].stock ? deeds[i].share : 0;
  for (int at = below(state, all);; deed++) {
    int share = place != STOCK || deeds[deed].stock ? deeds[deed].share : 0;
    if (at < share) return deed;
    at -= share;
  }
}

static void draw_size(struct task *task, uint64_t *state) {
  int size = below(state, 1000);
  if (size < 900) {
    task->batches = 1;
    task->rows = 1 + below(state, 40);
  } else if (size < 986) {
    task->batches = 1 + below(state, 4);
    task->rows = 1 + below(state, 300);
  } else if (size < 992) {
    task->batches = 1 + below(state, 3);
    task->rows = 1 + below(state, 10000);
  } else {
    task->batches = below(state, 2);
    task->rows = 0;
  }
  task->group = 1 + below(state, task->rows + 1);
  if (kinds[task->kind].grouped && task->group * 30 < task->rows) task->group = 1 + task->rows / 30;
}

/* What never ends needs somebody who ends it. */
static void draw_end(struct task *task, uint64_t *state) {
  static const enum act enders[] = {CANCEL_MEANWHILE, CLOSE_MEANWHILE, DESTROY_MEANWHILE};
  task->deadline_ms = 0;
  task->act = NO_ACT;
  if (below(state, 4) == 0)
    task->deadline_ms = 1 + below(state, 60);
  else
    task->act = enders[below(state, 3)];
  task->act_us = below(state, 30000);
  if (task->reading != BY_CHUNK) task->reading = BY_ARRAY;
}

static void draw_deed_of(struct task *task, uint64_t *state) {
  task->deed = draw_deed(state, task->place);
  if (task->rows == 0) task->rows = task->group = 1;
  if (task->batches == 0) task->batches = 1;
  bool scalar = kinds[task->kind].shape == ONE && kinds[task->kind].arguments;
  if (task->deed == DEED_GIVES_LESS && (!scalar || task->kind <= ARROW_ROWS))
    task->deed = 1; /* raises */
  int groups = (int)((rows_of(task) + task->group - 1) / task->group);
  task->deed_group = below(state, groups);
  if (deeds[task->deed].hangs) draw_end(task, state);
  /* In the midst of an answer garbage may be a length that is never reached. */
  if (task->deed == DEED_GARBLES) task->deadline_ms = 5000;
}

void plan_task(struct task *task, uint64_t seed, uint64_t number) {
  memset(task, 0, sizeof *task);
  task->number = number;
  task->seed = mix(seed ^ mix(number + 1));
  uint64_t state = task->seed;
  task->place = draw_place(&state);
  task->kind = draw_kind(&state);
  task->nulls = below(&state, 4) == 0;
  task->timeout_ms = (int64_t[]){-1, -1, 0, 1, 20, 1000}[below(&state, 6)];
  task->reading = (enum reading)(below(&state, 2) == 0 ? below(&state, READINGS) : BY_ARRAY);
  if (task->kind == PICKLED_ROWS) task->reading = BY_CHUNK;
  draw_size(task, &state);
  if (task->place == SIMPLE) return;
  if (below(&state, 10000) < WITH_ACT * chaos_mischief) {
    task->act = (enum act)(1 + below(&state, ACTS - 1));
    task->act_at = below(&state, task->batches + 1);
    task->act_us = below(&state, 3000);
    if (task->act == SCHEMA_FAILS && task->kind == PICKLED_ROWS) task->act = INPUT_FAILS;
  }
  if (below(&state, 10000) < WITH_DEADLINE) {
    task->deadline_ms =
        below(&state, 3) == 0 ? INT64_MAX - below(&state, 3) : 1 + below(&state, 30);
  }
  /* An event's descriptor is gone with the handle, and a stream holds its task. */
  if (task->act == CLOSE_MEANWHILE && task->reading != BY_CHUNK) task->reading = BY_ARRAY;
  if (task->place == LIAR) {
    task->deadline_ms = 100 + below(&state, 2000);
  } else if (below(&state, 10000) < (task->place == NARROW ? 10 : 1) * WITH_DEED * chaos_mischief) {
    draw_deed_of(task, &state);
  } else if (task->place == OWN && below(&state, 3) == 0) {
    draw_deed_of(task, &state);
    task->deed = below(&state, 2) == 0 ? DEED_KILLS_DAEMON : DEED_STOPS_DAEMON;
  }
}

void describe(const struct task *task, char *text, size_t size) {
  snprintf(text, size,
           "task %llu at %s: %s, %d x %d rows, groups of %d%s, deed %s in group %d, act %s at %d "
           "or %d us, read by %s with timeout %lld, deadline %lld",
           (unsigned long long)task->number, place_names[task->place], kinds[task->kind].name,
           task->batches, task->rows, task->group, task->nulls ? ", nulls" : "",
           deeds[task->deed].name, task->deed_group, act_names[task->act], task->act_at,
           task->act_us, reading_names[task->reading], (long long)task->timeout_ms,
           (long long)task->deadline_ms);
}

/* --------------------------------------------------------------------- Ends */

/* Ends that only the worker of a liar, or one made to fit no limit, brings. */
static bool may_end_lied(int32_t code) {
  return code == UDFRUNNER_DONE || code == UDFRUNNER_PROTOCOL ||
         code == UDFRUNNER_PYTHON_EXCEPTION || code == UDFRUNNER_WORKER_EXITED ||
         code == UDFRUNNER_NO_MEMORY || code == UDFRUNNER_NOT_SUPPORTED;
}

static bool may_be_done(const struct task *task) {
  if (task->deed != DEED_NOTHING && !deeds[task->deed].done) return false;
  return task->act != CANCEL_FIRST && task->act != INPUT_FAILS && task->act != SCHEMA_FAILS;
}

static bool cancels(enum act act) {
  return (act >= CANCEL_FIRST && act <= CANCEL_MEANWHILE) || act == CLOSE_MEANWHILE ||
         act == DESTROY_MEANWHILE;
}

bool may_end(const struct task *task, int32_t code, const char *cause) {
  if (code == UDFRUNNER_DONE && may_be_done(task)) return true;
  if (code == UDFRUNNER_INVALID_HANDLE) return task->act == CLOSE_MEANWHILE;
  if (code == UDFRUNNER_INVALID_STATE) return task->act == READ_MEANWHILE;
  if (code < 0 && cause == NULL) return false;
  if (code == UDFRUNNER_CANCELLED) return cancels(task->act) && strcmp(cause, "cancelled") == 0;
  if (code == UDFRUNNER_DEADLINE)
    return task->deadline_ms > 0 && task->deadline_ms < 100000 && strcmp(cause, "deadline") == 0;
  if (code == UDFRUNNER_HOST)
    return (task->act == INPUT_FAILS || task->act == SCHEMA_FAILS) && strcmp(cause, "host") == 0;
  if (task->place == LIAR && may_end_lied(code)) return true;
  for (const struct ending *e = deeds[task->deed].endings; e->cause != NULL; e++) {
    if (code != e->code) continue;
    if (strcmp(cause, e->cause) == 0) return true;
    /* Nobody tells how a stock daemon's worker ended. */
    if (task->place == STOCK && code == UDFRUNNER_WORKER_EXITED && strcmp(cause, "unknown") == 0)
      return true;
  }
  /* The NARROW env allows fewer accumulators. */
  return task->place == NARROW && task->deed == DEED_ACCUMULATES && code == UDFRUNNER_NO_MEMORY;
}
