/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Random tasks on the library, as a host in C has them: what a task is, and what each part does
 * with it.
 *
 * plan.c     draws a task from a number: function, input, what the function and the host do wrong
 * deeds.c    what a function may do, and how its task may end then
 * source.c   the input; its values are of this task alone
 * result.c   what the results must be
 * wire.c     results that come as bytes: Arrow IPC messages and pickles
 * task.c     runs a task: reads it in one of several ways, holds its end against the plan
 * meddle.c   what other threads do to a task meanwhile
 * place.c    envs and their runners
 * watch.c    failures, and calls that do not return
 * chaos.c    the program: threads, counts, what is left at the end */
#ifndef UDFRUNNER_TESTS_CHAOS_H
#define UDFRUNNER_TESTS_CHAOS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../library.h"

/* ------------------------------------------------------------------ Choices */

/* The functions of chaos_functions.py, one for each eval type. */
enum kind {
  PICKLED_ROWS,
  ARROW_ROWS,
  SERIES,
  SERIES_ITER,
  FRAMES,
  ARRAY,
  ARRAY_ITER,
  BATCHES,
  GROUP_FRAME,
  GROUP_TABLE,
  COGROUP_TABLES,
  AGGREGATE,
  TABLE,
  KINDS
};

/* What results hold; input has the columns k (keys), n (numbers, nullable) and s (texts). */
enum shape {
  ONE,    /* a row a row: 3 n + 1 */
  PAIR,   /* a row a row: 3 n + 1, k */
  TRIPLE, /* a row a row: k, 3 n + 1, s */
  SUM,    /* a row a group: the sum of n */
  GROUPED /* a row a group: k, the sum of n, the number of rows */
};

extern const struct kind_of {
  const char *name;
  int32_t eval_type;
  const char *function, *return_type;
  enum shape shape;
  bool arguments, grouped;
  int share; /* how often it is drawn, relative to the others */
} kinds[KINDS];

/* Where tasks run: env and runners. */
enum place {
  HOME,   /* the embedded daemon */
  NARROW, /* with every limit low: workers recycled, texts cut, few idle */
  STOCK,  /* pyspark.daemon */
  SIMPLE, /* no daemon */
  LIAR,   /* a daemon whose workers lie */
  OWN,    /* an env of the task's own */
  PLACES
};
extern const char *const place_names[PLACES];

/* What the host does, beside reading. */
enum act {
  NO_ACT,
  CANCEL_FIRST,     /* before it reads */
  CANCEL_MIDWAY,    /* after some results */
  CANCEL_INSIDE,    /* from the input's callback */
  CANCEL_MEANWHILE, /* from another thread, as all that follow with this word */
  CLOSE_FIRST,
  CLOSE_MIDWAY,
  CLOSE_MEANWHILE,
  READ_MEANWHILE,
  LOOK_MEANWHILE,    /* stacks, metrics, statistics */
  DESTROY_MEANWHILE, /* the runner, which is the task's own; of OWN the env */
  INPUT_AGAIN,
  INPUT_FAILS,
  SCHEMA_FAILS,
  ACTS
};
extern const char *const act_names[ACTS];

enum reading { BY_ARRAY, BY_CHUNK, BY_STREAM, BY_EVENT, READINGS };
extern const char *const reading_names[READINGS];

/* -------------------------------------------------------------------- Deeds */

enum {
  DEED_NOTHING = 0,
  DEED_GIVES_LESS = 7,
  DEED_KILLS_DAEMON = 13,
  DEED_FLOODS_FOR_EVER = 16,
  DEED_ACCUMULATES = 24,
  DEED_GARBLES = 25,
  DEED_STOPS_DAEMON = 27,
  DEEDS
};

/* An end: a code of the library, and the detail cause where there is one. */
struct ending {
  int32_t code;
  const char *cause;
};

extern const struct deed {
  const char *name;
  struct ending endings[4]; /* those allowed, up to one without a cause; none = the task is done */
  bool hangs;               /* it never ends by itself */
  bool done;                /* it may end well, beside the endings */
  bool stock;               /* a stock daemon's workers can bear it */
  int share;
} deeds[DEEDS];

/* --------------------------------------------------------------------- Task */

struct task {
  /* The plan, which follows from the number alone. */
  uint64_t number, seed;
  enum place place;
  enum kind kind;
  int deed;
  enum act act;
  enum reading reading;
  int batches, rows, group; /* rows of a batch, rows of a group */
  int deed_group;           /* the group whose key asks for the deed */
  bool nulls;
  int64_t timeout_ms, deadline_ms;
  int act_at, act_us; /* results or batches before it, or microseconds */
  int repetition;
  /* As it runs. */
  udfrunner_runner *runner;
  udfrunner_iterator *it;
  udfrunner_env *env;
  atomic_int given, arrays_released, released; /* of the input */
  int next_group;
  int answers; /* that the input still gives in place of a batch */
  void *record;
  uint64_t row;           /* rows of results that were read */
  struct ArrowArray kept; /* the last results, of some tasks, until after the task */
  uint64_t kept_row;
  double begin;
  atomic_int failures;
  struct ending end;
};

/* The next number of a sequence of random ones. */
uint64_t next_random(uint64_t *state);
uint64_t mix(uint64_t x);
/* A number below n. */
int below(uint64_t *state, int n);

void plan_task(struct task *task, uint64_t seed, uint64_t number);
/* Writes a plan in words. */
void describe(const struct task *task, char *text, size_t size);
/* Whether a task may end so. */
bool may_end(const struct task *task, int32_t code, const char *cause);

/* -------------------------------------------------------------------- Input */

int64_t key_at(const struct task *task, int64_t row);
bool null_at(const struct task *task, int64_t row);
int64_t number_at(const struct task *task, int64_t row);
/* Writes a text of at most 15 bytes; returns its length. */
int text_at(const struct task *task, int64_t row, char *text);
int64_t rows_of(const struct task *task);

/* Makes the input. `stream` must live until runner_compute. */
udfrunner_input task_input(struct task *task, struct ArrowArrayStream *stream);
/* Pickled rows, as an input callback brings them. */
int32_t pickle_rows(struct task *task, int batch, udfrunner_record *out);

/* ------------------------------------------------------------------ Results */

/* A column of results: int64, or texts. */
struct column {
  const uint8_t *validity; /* NULL = no nulls */
  const int64_t *values;
  const int32_t *offsets; /* of texts, else NULL */
  const char *text;
  int64_t first; /* the first row, counted in values */
};

/* Checks rows of results, in order. */
void check_rows(struct task *task, const struct column *columns, int64_t n, int64_t rows);
void check_array(struct task *task, const struct ArrowArray *array);
void check_chunk(struct task *task, const udfrunner_chunk *chunk);
/* Checks that all rows were there. */
void check_end(struct task *task);
/* A value of a pickled result. */
void check_value(struct task *task, bool null, int64_t value);

/* -------------------------------------------------------------------- Places */

void open_places(void);
/* Gives the task an env and a runner; give_back takes them back. */
void take_place(struct task *task);
void give_place_back(struct task *task);
void close_places(void);

/* ------------------------------------------------------------------- Running */

void run_task(struct task *task);

struct meddler {
  struct task *task;
  pthread_t thread;
  bool running;
};
void start_meddling(struct meddler *meddler, struct task *task);
void end_meddling(struct meddler *meddler);

/* ------------------------------------------------------------------ Watching */

/* A task's failure: told with the plan and how to run it again. Others go on. */
void failed(struct task *task, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t failures(void);

/* This thread's call of the library may take so many milliseconds; -1 = as many as its task. */
void call_begins(const char *name, struct task *task, int64_t timeout_ms);
void call_ends(void);
#define WATCHED(task, timeout_ms, call) (call_begins(#call, (task), (timeout_ms)), watched(call))
int32_t watched(int32_t code);
/* The thread has a task from here on, or NULL. */
void task_begins(struct task *task);
void start_watching(void);
void stop_watching(void);
/* The longest that calls were over their time, in milliseconds. */
int64_t worst_overrun(void);

extern uint64_t chaos_seed;
/* How many times as often functions and hosts do wrong. */
extern int chaos_mischief;

#endif
