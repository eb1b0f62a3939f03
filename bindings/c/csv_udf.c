/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Runs a pandas function over columns of a CSV file, in several Python processes. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "csv_table.h"

static const char usage[] =
    "usage: csv_udf [options] FILE MODULE:FUNCTION COLUMN...\n"
    "\n"
    "Calls the Python function with the columns as pandas Series of doubles (empty fields are\n"
    "nulls); it returns one Series of doubles.\n"
    "\n"
    "  -w N     split the rows among N workers, each a process of its own (default 1)\n"
    "  -b N     rows of a batch (default 10000)\n"
    "  -p PATH  Python interpreter with PySpark, PyArrow and pandas (default python3)\n"
    "  -i DIR   directory to import the module from\n"
    "  -n N     print the first N rows (default 5)\n"
    "  -o FILE  write the result column, one value per line, empty for a null\n"
    "  -h       this text\n";

/* The result of a row is written where its arguments are: each task has its own rows. */
typedef struct results {
  double *values;
  uint8_t *valid; /* one byte per row, since bits of one byte may belong to two tasks */
} results;

typedef struct partition {
  udfrunner_runner *runner;
  const csv_table *table;
  const results *results;
  int64_t first, last, batch_rows;
  int32_t number;
  int32_t code;
  udfrunner_error *err;
} partition;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_error(const char *what, int32_t code, const udfrunner_error *err) {
  fprintf(stderr, "%s: error %d: %s\n", what, code, udfrunner_error_message(err));
  static const char *const details[] = {"python.traceback", "worker.exit_status", "worker.signal",
                                        "worker.stderr_tail"};
  for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
    const char *detail = udfrunner_error_detail(err, details[i]);
    if (detail != NULL) fprintf(stderr, "%s:\n%s\n", details[i], detail);
  }
}

/* Copies a batch of results to their rows; returns the number of rows, or -1 when there are too
 * many. */
static int64_t take(const partition *part, int64_t row, const struct ArrowArray *batch) {
  const struct ArrowArray *column = batch->children[0];
  const uint8_t *validity = column->buffers[0];
  const double *values = column->buffers[1];
  if (batch->length > part->last - row) return -1;
  for (int64_t i = 0; i < batch->length; i++) {
    int64_t at = column->offset + i;
    part->results->values[row + i] = values[at];
    part->results->valid[row + i] = validity == NULL || (validity[at / 8] >> at % 8 & 1);
  }
  return batch->length;
}

static void *run_partition(void *context) {
  partition *part = context;
  struct ArrowArrayStream stream;
  if (columns_stream(&stream, part->table->columns, part->table->n, part->first, part->last,
                     part->batch_rows) != 0) {
    part->code = UDFRUNNER_NO_MEMORY;
    return NULL;
  }
  const udfrunner_input input = {
      .size = sizeof input, .kind = UDFRUNNER_INPUT_STREAM, .stream = &stream};
  const udfrunner_task task = {.size = sizeof task, .partition = part->number};
  udfrunner_iterator *it;
  part->code = runner_compute(part->runner, &input, &task, &it, &part->err);
  if (part->code != UDFRUNNER_OK) {
    stream.release(&stream); /* it was not moved */
    return NULL;
  }
  int64_t row = part->first;
  struct ArrowArray batch;
  while ((part->code = iterator_next_arrow(it, -1, &batch, NULL, &part->err)) == UDFRUNNER_OK) {
    int64_t taken = take(part, row, &batch);
    batch.release(&batch);
    if (taken < 0) break;
    row += taken;
  }
  if (part->code >= 0 && row != part->last) {
    fprintf(stderr, "partition %d: the function returned another number of rows than it got\n",
            part->number);
    part->code = UDFRUNNER_PROTOCOL;
  }
  iterator_close(&it);
  if (part->code < 0) runner_cancel(part->runner, "another partition failed");
  return NULL;
}

/* Runs all partitions, each in a thread; returns the exit status. */
static int run(udfrunner_runner *runner, const csv_table *table, const results *results,
               int workers, int64_t batch_rows) {
  pthread_t *threads = calloc((size_t)workers, sizeof *threads);
  partition *parts = calloc((size_t)workers, sizeof *parts);
  int started = 0;
  int failed = threads == NULL || parts == NULL;
  for (; !failed && started < workers; started++) {
    parts[started] = (partition){.runner = runner,
                                 .table = table,
                                 .results = results,
                                 .first = table->rows * started / workers,
                                 .last = table->rows * (started + 1) / workers,
                                 .batch_rows = batch_rows,
                                 .number = started};
    failed = pthread_create(&threads[started], NULL, run_partition, &parts[started]) != 0;
    if (failed) break;
  }
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < started; i++) {
    if (parts[i].code < 0) {
      failed = 1;
      /* Partitions that were cancelled because of another one have nothing to say. */
      if (parts[i].code != UDFRUNNER_CANCELLED) {
        print_error("task", parts[i].code, parts[i].err);
      }
    }
    udfrunner_error_destroy(&parts[i].err);
  }
  free(threads);
  free(parts);
  return failed;
}

static void print_rows(const csv_table *table, const results *results, int64_t n) {
  for (int i = 0; i < table->n; i++) printf("%s\t", table->columns[i].name);
  printf("result\n");
  for (int64_t row = 0; row < n && row < table->rows; row++) {
    for (int i = 0; i < table->n; i++) {
      if (table->columns[i].validity[row / 8] >> row % 8 & 1) {
        printf("%g", table->columns[i].values[row]);
      }
      printf("\t");
    }
    if (results->valid[row]) printf("%g", results->values[row]);
    printf("\n");
  }
}

static int write_results(const char *path, const csv_table *table, const results *results) {
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
  }
  for (int64_t row = 0; row < table->rows; row++) {
    if (results->valid[row]) fprintf(file, "%.17g", results->values[row]);
    fputc('\n', file);
  }
  if (fclose(file) != 0) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
  }
  return 0;
}

typedef struct options {
  int workers;
  int64_t batch_rows, shown;
  const char *python, *directory, *output, *file, *function;
} options;

/* Makes env and runner, runs, and takes them down again; returns the exit status. */
static int with_library(const options *options, const csv_table *table, const results *results) {
  const udfrunner_pair python = {"spark.pyspark.python", UDFRUNNER_NUL, options->python,
                                 UDFRUNNER_NUL};
  udfrunner_env *env;
  udfrunner_runner *runner = NULL;
  udfrunner_error *err;
  int32_t code = udfrunner_env_create(&python, options->python == NULL ? 0 : 1, &env, &err);
  if (code == UDFRUNNER_OK) {
    code = runner_create(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, &runner, &err);
  }
  udfrunner_argument *arguments = calloc((size_t)table->n, sizeof *arguments);
  if (arguments == NULL) code = UDFRUNNER_NO_MEMORY;
  if (code == UDFRUNNER_OK) {
    for (int i = 0; i < table->n; i++) arguments[i].offset = i;
    const udfrunner_function function = columns_function(options->function, "double");
    code = runner_add_function(runner, &function, 1, arguments, (size_t)table->n, &err);
  }
  if (code == UDFRUNNER_OK && options->directory != NULL) {
    code = runner_add_include(runner, options->directory, UDFRUNNER_NUL, &err);
  }
  int failed = 1;
  if (code == UDFRUNNER_OK) {
    failed = run(runner, table, results, options->workers, options->batch_rows);
  } else {
    print_error("set-up", code, err);
  }
  udfrunner_error_destroy(&err);
  free(arguments);
  runner_destroy(&runner);
  udfrunner_env_destroy(&env);
  udfrunner_shutdown(-1);
  return failed;
}

/* Returns 0, or 2 after it wrote the usage. */
static int parse(options *options, int argc, char **argv) {
  *options = (struct options){.workers = 1, .batch_rows = 10000, .shown = 5};
  for (int letter; (letter = getopt(argc, argv, "w:b:p:i:n:o:h")) != -1;) {
    switch (letter) {
      case 'w':
        options->workers = atoi(optarg);
        break;
      case 'b':
        options->batch_rows = atoll(optarg);
        break;
      case 'p':
        options->python = optarg;
        break;
      case 'i':
        options->directory = optarg;
        break;
      case 'n':
        options->shown = atoll(optarg);
        break;
      case 'o':
        options->output = optarg;
        break;
      case 'h':
        fputs(usage, stdout);
        exit(0);
      default:
        fputs(usage, stderr);
        return 2;
    }
  }
  if (argc - optind < 3 || options->workers < 1 || options->batch_rows < 1) {
    fputs(usage, stderr);
    return 2;
  }
  options->file = argv[optind];
  options->function = argv[optind + 1];
  optind += 2;
  return 0;
}

int main(int argc, char **argv) {
  options options;
  if (parse(&options, argc, argv) != 0) return 2;
  csv_table table;
  results results = {NULL, NULL};
  int failed = csv_read(&table, options.file, argv + optind, argc - optind) != 0;
  if (!failed) {
    results.values = calloc((size_t)table.rows + 1, sizeof *results.values);
    results.valid = calloc((size_t)table.rows + 1, 1);
    failed = results.values == NULL || results.valid == NULL;
  }
  double start = now();
  if (!failed) failed = with_library(&options, &table, &results);
  double took = now() - start;
  if (!failed) {
    print_rows(&table, &results, options.shown);
    fprintf(stderr, "%lld rows, %d workers, %.3f s, %.0f rows/s, Python's start included\n",
            (long long)table.rows, options.workers, took, (double)table.rows / took);
    if (options.output != NULL) failed = write_results(options.output, &table, &results);
  }
  free(results.values);
  free(results.valid);
  csv_free(&table);
  return failed;
}
