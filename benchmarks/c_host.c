/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* A host in plain C: tasks over columns of longs that it has in memory. c_host.py loads it. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "udfrunner.h"

struct executor;

typedef struct c_host {
  udfrunner_env *env;
  udfrunner_runner *runner;
  struct executor *executors; /* a list: one for each task at once, as many as were ever needed */
} c_host;

c_host *c_host_create(const udfrunner_pair *conf, size_t n_conf, int32_t eval_type,
                      const udfrunner_function *function);
int32_t c_host_calls(c_host *host, int64_t n);
int32_t c_host_compute_all(c_host *host, int64_t n_tasks, const int64_t *const *columns, int64_t n,
                           int64_t rows, int64_t batch_rows, int64_t *read, int64_t *sum);
void c_host_destroy(c_host *host);

static int32_t report(int32_t code, udfrunner_error **err) {
  if (code < 0) fprintf(stderr, "error %d: %s\n", code, udfrunner_error_message(*err));
  udfrunner_error_destroy(err);
  return code;
}

/* Makes an env and a runner of one function of its first argument; NULL after an error, which is on stderr. */
c_host *c_host_create(const udfrunner_pair *conf, size_t n_conf, int32_t eval_type,
                      const udfrunner_function *function) {
  udfrunner_error *err = NULL;
  c_host *host = calloc(1, sizeof *host);
  if (host == NULL) return NULL;
  int32_t code = udfrunner_env_create(conf, n_conf, &host->env, &err);
  if (code >= 0) code = runner_create(host->env, eval_type, &host->runner, &err);
  if (code >= 0)
    code = runner_add_function(host->runner, function, 1, &(udfrunner_argument){0}, 1, &err);
  if (report(code, &err) < 0) {
    c_host_destroy(host);
    return NULL;
  }
  return host;
}

/* The input: columns that outlive the task, in batches. */
struct source {
  const int64_t *const *columns;
  int64_t n, next, rows, batch_rows;
};

static void release_schema(struct ArrowSchema *schema) {
  if (schema->private_data != NULL) free(schema->private_data);
  schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
  if (array->private_data != NULL) free(array->private_data);
  array->release = NULL;
}

struct named {
  struct ArrowSchema schema;
  char name[24];
};

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const struct source *source = stream->private_data;
  size_t n = (size_t)source->n;
  struct ArrowSchema **children = malloc(n * (sizeof *children + sizeof(struct named)));
  if (children == NULL) return ENOMEM;
  struct named *child = (struct named *)(void *)(children + n);
  for (size_t i = 0; i < n; i++) {
    snprintf(child[i].name, sizeof child[i].name, "_%zu", i);
    child[i].schema = (struct ArrowSchema){.format = "l",
                                           .name = child[i].name,
                                           .flags = ARROW_FLAG_NULLABLE,
                                           .release = release_schema};
    children[i] = &child[i].schema;
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = source->n,
                              .children = children,
                              .release = release_schema,
                              .private_data = children};
  return 0;
}

struct part {
  struct ArrowArray array;
  const void *buffers[2];
};

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  static const void *no_validity[1];
  struct source *source = stream->private_data;
  memset(out, 0, sizeof *out);
  if (source->next == source->rows) return 0; /* a released array is the end */
  size_t n = (size_t)source->n;
  struct ArrowArray **children = malloc(n * (sizeof *children + sizeof(struct part)));
  if (children == NULL) return ENOMEM;
  struct part *part = (struct part *)(void *)(children + n);
  int64_t rows = source->rows - source->next;
  if (rows > source->batch_rows) rows = source->batch_rows;
  for (size_t i = 0; i < n; i++) {
    part[i].buffers[0] = NULL;
    part[i].buffers[1] = source->columns[i];
    part[i].array = (struct ArrowArray){.length = rows,
                                        .offset = source->next,
                                        .n_buffers = 2,
                                        .buffers = part[i].buffers,
                                        .release = release_array};
    children[i] = &part[i].array;
  }
  *out = (struct ArrowArray){.length = rows,
                             .n_buffers = 1,
                             .n_children = source->n,
                             .buffers = no_validity,
                             .children = children,
                             .release = release_array,
                             .private_data = children};
  source->next += rows;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return NULL;
}

static void release_stream(struct ArrowArrayStream *stream) { stream->release = NULL; }

/* Runs one task over n columns of `rows` longs, in batches of batch_rows, until it is closed. `read` receives the
 * count of result rows; `sum`, if not NULL, the sum of the first result column. Blocks; returns the task's
 * status: DONE, or an error, which is on stderr. */
static int32_t compute(c_host *host, const int64_t *const *columns, int64_t n, int64_t rows,
                       int64_t batch_rows, int64_t *read, int64_t *sum) {
  struct source source = {columns, n, 0, rows, batch_rows};
  struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream, &source};
  udfrunner_input input = {.size = sizeof input, .kind = UDFRUNNER_INPUT_STREAM, .stream = &stream};
  udfrunner_iterator *it = NULL;
  udfrunner_error *err = NULL;
  struct ArrowArray batch;
  *read = 0;
  if (sum != NULL) *sum = 0;
  int32_t code = runner_compute(host->runner, &input, NULL, &it, &err);
  while (code >= 0 && (code = iterator_next_arrow(it, -1, &batch, NULL, &err)) == UDFRUNNER_OK) {
    *read += batch.length;
    const int64_t *values = batch.children[0]->buffers[1];
    for (int64_t i = 0; sum != NULL && i < batch.length; i++) *sum += values[i];
    batch.release(&batch);
  }
  iterator_close(&it);
  return report(code, &err);
}

/* Makes n calls that enter Go, look a handle up and do next to nothing, when a task is complete and nothing else
 * runs. Returns OK, or an error, which is on stderr. */
int32_t c_host_calls(c_host *host, int64_t n) {
  static const int64_t zero;
  const int64_t *const columns[] = {&zero};
  struct source source = {columns, 1, 0, 1, 1};
  struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream, &source};
  udfrunner_input input = {.size = sizeof input, .kind = UDFRUNNER_INPUT_STREAM, .stream = &stream};
  udfrunner_iterator *it = NULL;
  udfrunner_error *err = NULL;
  struct ArrowArray batch;
  int32_t fd;
  int32_t code = runner_compute(host->runner, &input, NULL, &it, &err);
  while (code >= 0 && (code = iterator_next_arrow(it, -1, &batch, NULL, &err)) == UDFRUNNER_OK)
    batch.release(&batch);
  for (int64_t i = 0; code >= 0 && i < n; i++) code = iterator_event_fd(it, &fd, &err);
  iterator_close(&it);
  return report(code, &err);
}

/* A thread that runs one of several tasks, and waits for the next one: hosts have their threads already. */
struct executor {
  pthread_t thread;
  sem_t begin, done;
  struct executor *next;
  c_host *host; /* NULL: end */
  const int64_t *const *columns;
  int64_t n, rows, batch_rows, read, sum;
  int32_t code;
};

static void await(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) continue;
}

static void *run(void *argument) {
  struct executor *e = argument;
  for (;;) {
    await(&e->begin);
    if (e->host == NULL) return NULL;
    e->code = compute(e->host, e->columns, e->n, e->rows, e->batch_rows, &e->read, &e->sum);
    sem_post(&e->done);
  }
}

/* One more; NULL where there can be none. */
static struct executor *begin_executor(void) {
  struct executor *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  sem_init(&e->begin, 0, 0);
  sem_init(&e->done, 0, 0);
  if (pthread_create(&e->thread, NULL, run, e) == 0) return e;
  free(e);
  return NULL;
}

static void end_executors(struct executor *e) {
  while (e != NULL) {
    struct executor *next = e->next;
    e->host = NULL;
    sem_post(&e->begin);
    pthread_join(e->thread, NULL);
    sem_destroy(&e->begin);
    sem_destroy(&e->done);
    free(e);
    e = next;
  }
}

void c_host_destroy(c_host *host) {
  if (host == NULL) return;
  end_executors(host->executors);
  runner_destroy(&host->runner);
  udfrunner_env_destroy(&host->env);
  free(host);
}

/* The same task n_tasks times at once, each on a thread of its own where there are several: `read` and `sum` are
 * those of all, the status is the last one that is an error, else DONE. */
int32_t c_host_compute_all(c_host *host, int64_t n_tasks, const int64_t *const *columns, int64_t n,
                           int64_t rows, int64_t batch_rows, int64_t *read, int64_t *sum) {
  if (n_tasks == 1) return compute(host, columns, n, rows, batch_rows, read, sum);
  struct executor **place = &host->executors;
  for (int64_t i = 0; i < n_tasks; i++, place = &(*place)->next)
    if (*place == NULL && (*place = begin_executor()) == NULL) return UDFRUNNER_NO_MEMORY;
  struct executor *e = host->executors;
  for (int64_t i = 0; i < n_tasks; i++, e = e->next) {
    e->host = host;
    e->columns = columns;
    e->n = n;
    e->rows = rows;
    e->batch_rows = batch_rows;
    sem_post(&e->begin);
  }
  int32_t code = UDFRUNNER_DONE;
  *read = 0;
  if (sum != NULL) *sum = 0;
  e = host->executors;
  for (int64_t i = 0; i < n_tasks; i++, e = e->next) {
    await(&e->done);
    if (e->code < 0) code = e->code;
    *read += e->read;
    if (sum != NULL) *sum += e->sum;
  }
  return code;
}
