/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The host's side of a task: Arrow data made by hand, and runners of
 * tests/python/capi_functions.py. */
#ifndef UDFRUNNER_TESTS_HOST_H
#define UDFRUNNER_TESTS_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "library.h"

/* A source of batches of one int64 column "n": 0, 1, 2, ... How it was used is counted. */
typedef struct numbers {
  /* Set by the test. */
  int batches;
  int rows;
  /* From this batch on get_next returns `answer` (an errno) as often as `answers` says. */
  int answer_at;
  int answer;
  int answers;
  /* Called by get_next, or NULL. */
  void (*during)(void *context);
  void *context;
  /* Counted. */
  atomic_int given;
  atomic_int arrays_released;
  atomic_int released;
  pthread_t last_thread;
} numbers;

/* Makes an input of the stream of numbers. `stream` must live until runner_compute. */
udfrunner_input numbers_input(numbers *source, struct ArrowArrayStream *stream);

/* The workers' interpreter: UDFRUNNER_TEST_PYTHON, else that of `make venv`. */
const char *test_python(void);

/* An env whose workers are those of test_python. */
udfrunner_env *test_env(void);

/* A runner of one chain of one function of capi_functions.py. */
udfrunner_runner *test_runner(udfrunner_env *env, int32_t eval_type, const char *function,
                              const char *return_type);

/* Lets the runner's workers import capi_functions.py: from UDFRUNNER_TEST_FUNCTIONS, else from
 * below the working directory. */
void include_functions(udfrunner_runner *runner);

/* Starts a task over the numbers; the iterator is to be closed. */
udfrunner_iterator *test_compute(udfrunner_runner *runner, numbers *source,
                                 const udfrunner_task *task);

/* Reads all results and checks that row i of the only column is a * i + b; returns the number of
 * rows. Ends the program on an error. */
int64_t read_all(udfrunner_iterator *it, int64_t a, int64_t b);

/* The same after `first` rows; returns the number of all rows. */
int64_t read_rest(udfrunner_iterator *it, int64_t first, int64_t a, int64_t b);

/* Checks one batch of that kind; `first` is the number of rows before it. */
void check_batch(const struct ArrowArray *array, int64_t first, int64_t a, int64_t b);

/* A thread that pulls an env's log. */
typedef struct log_puller {
  udfrunner_env *env;
  atomic_llong lines; /* counted */
} log_puller;

/* Pulls lines until the env is gone, during a call or before it; for `start`, with a log_puller. Ends the program
 * on anything else. */
void *pull_log(void *puller);

/* Joins a thread that must not have been lost. */
void join(pthread_t thread);
pthread_t start(void *(*run)(void *), void *context);

#endif
