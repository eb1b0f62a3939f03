/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Runs one task by its plan. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../check.h"
#include "chaos.h"

enum { EVENT_MS = 60000 };

static int64_t task_id(const struct task *task) { return (int64_t)(task->seed >> 1); }

/* --------------------------------------------------------------------- Ends */

/* Whose words a message holds; NULL = nobody's. */
static const char *words_of(const struct task *task) {
  bool cancelled = task->end.code == UDFRUNNER_CANCELLED;
  switch (task->act) {
    case CANCEL_FIRST:
      return cancelled ? "reason first" : NULL;
    case CANCEL_MIDWAY:
      return cancelled ? "reason midway" : NULL;
    case CANCEL_INSIDE:
      return cancelled ? "reason inside" : NULL;
    case CANCEL_MEANWHILE:
      return cancelled ? "reason meanwhile" : NULL;
    default:
      return task->end.code == UDFRUNNER_HOST ? "so it was planned" : NULL;
  }
}

static void check_details(struct task *task, udfrunner_error *err) {
  const char *message = lib.udfrunner_error_message(err);
  const char *id = lib.udfrunner_error_detail(err, "task.id");
  const char *status = lib.udfrunner_error_detail(err, "worker.exit_status");
  if (message[0] == 0 || strchr(message, '\n') != NULL) failed(task, "message \"%s\"", message);
  const char *words = words_of(task);
  if (words != NULL && strstr(message, words) == NULL)
    failed(task, "message \"%s\" without \"%s\"", message, words);
  if (task->end.code == UDFRUNNER_DEADLINE &&
      (now() - task->begin) * 1e3 < (double)task->deadline_ms)
    failed(task, "deadline after %.1f ms", (now() - task->begin) * 1e3);
  if (id != NULL && atoll(id) != task_id(task)) failed(task, "an error of task %s", id);
  if (task->end.code == UDFRUNNER_PYTHON_EXCEPTION &&
      strcmp(deeds[task->deed].name, "raises") == 0) {
    const char *number = strstr(message, "chaos ");
    if (number == NULL || atoll(number + 6) != task_id(task))
      failed(task, "an exception of another task: %s", message);
  }
  if (status != NULL && strcmp(deeds[task->deed].name, "exits") == 0 &&
      atoll(status) != task_id(task) % 100)
    failed(task, "exit status %s, not %lld", status, (long long)(task_id(task) % 100));
}

/* Holds an end against the plan. Takes the error over. */
static void ended(struct task *task, int32_t code, udfrunner_error *err) {
  const char *cause = lib.udfrunner_error_detail(err, "cause");
  task->end = (struct ending){code, cause};
  if (code == UDFRUNNER_DONE) check_end(task);
  if ((code < 0) != (err != NULL) || (err != NULL && lib.udfrunner_error_code(err) != code))
    failed(task, "code %d with an error of code %d", code, lib.udfrunner_error_code(err));
  if (!may_end(task, code, cause)) {
    const char *traceback = lib.udfrunner_error_detail(err, "python.traceback");
    failed(task, "ended with %d, cause %s: %s\n%.1000s", code, cause == NULL ? "none" : cause,
           lib.udfrunner_error_message(err), traceback == NULL ? "" : traceback);
  }
  if (err != NULL && code != UDFRUNNER_INVALID_HANDLE && code != UDFRUNNER_INVALID_STATE)
    check_details(task, err);
  task->end.cause = NULL;
  lib.udfrunner_error_destroy(&err);
}

/* What the iterator says of its end is what the call said, also once more. */
static void check_again(struct task *task) {
  udfrunner_error *err;
  int32_t want = task->end.code == UDFRUNNER_DONE ? UDFRUNNER_OK : task->end.code;
  int32_t code = WATCHED(task, 0, lib.iterator_error(task->it, &err));
  if (code != want || lib.udfrunner_error_code(err) != want)
    failed(task, "iterator_error says %d after %d", code, task->end.code);
  lib.udfrunner_error_destroy(&err);
  if (task->reading == BY_STREAM || task->reading == BY_CHUNK) return;
  struct ArrowArray array;
  code = WATCHED(task, 0, lib.iterator_next_arrow(task->it, 0, &array, NULL, NULL));
  if (code != task->end.code)
    failed(task, "code %d after the end, which was %d", code, task->end.code);
}

/* Accumulators are those of this task: length and pickle, repeated. */
static void check_accumulators(struct task *task) {
  udfrunner_bytes bytes;
  int32_t code = WATCHED(task, 0, lib.iterator_result(task->it, "accumulators", &bytes, NULL));
  int64_t due = task->deed == DEED_ACCUMULATES ? 1 + task_id(task) % 300 : 0, count = 0;
  int64_t id = task_id(task);
  for (uint64_t at = 0; code == UDFRUNNER_OK && at + 4 <= bytes.size; count++) {
    const uint8_t *size = (const uint8_t *)bytes.data + at;
    uint64_t n = (uint64_t)size[0] << 24 | (uint64_t)(size[1] << 16 | size[2] << 8 | size[3]);
    at += 4 + n;
    if (at > bytes.size)
      failed(task, "an accumulator of %llu bytes", (unsigned long long)n);
    else if (memmem(size + 4, n, &id, id >> 55 == 0 ? 7 : 8) == NULL)
      failed(task, "an accumulator of another task");
  }
  if (code != UDFRUNNER_OK || count != due)
    failed(task, "%lld accumulators and code %d, %lld were due", (long long)count, code,
           (long long)due);
  lib.udfrunner_bytes_release(&bytes);
}

/* ------------------------------------------------------------------ Reading */

static struct ArrowArrayStream exported(struct task *task, int32_t *code, udfrunner_error **err) {
  struct ArrowArrayStream stream;
  *code = WATCHED(task, 0, lib.iterator_export(task->it, &stream, err));
  return stream;
}

static int32_t next_of_stream(struct task *task, struct ArrowArrayStream *stream,
                              udfrunner_error **err) {
  struct ArrowArray array;
  int said = WATCHED(task, -1, stream->get_next(stream, &array));
  if (said == EAGAIN) return UDFRUNNER_NEED_INPUT;
  if (said != 0) return WATCHED(task, 0, lib.iterator_error(task->it, err));
  if (array.release == NULL) return UDFRUNNER_DONE;
  check_array(task, &array);
  array.release(&array);
  return UDFRUNNER_OK;
}

static int32_t next_array(struct task *task, int64_t timeout_ms, udfrunner_error **err) {
  struct ArrowArray array;
  int32_t code =
      WATCHED(task, timeout_ms, lib.iterator_next_arrow(task->it, timeout_ms, &array, NULL, err));
  if (code != UDFRUNNER_OK) return code;
  if (task->kept.release != NULL) task->kept.release(&task->kept);
  task->kept = array;
  task->kept_row = task->row;
  check_array(task, &array);
  return code;
}

static int32_t next_chunk(struct task *task, udfrunner_error **err) {
  udfrunner_chunk chunk;
  int32_t code =
      WATCHED(task, task->timeout_ms, lib.iterator_next(task->it, task->timeout_ms, &chunk, err));
  if (code != UDFRUNNER_OK) return code;
  check_chunk(task, &chunk);
  lib.udfrunner_chunk_release(&chunk);
  return code;
}

/* As an event loop does: only what the descriptor says can go on is called. */
static int32_t next_event(struct task *task, bool asked, udfrunner_error **err) {
  struct pollfd event = {.events = POLLIN};
  int32_t code = WATCHED(task, 0, lib.iterator_event_fd(task->it, &event.fd, err));
  if (code == UDFRUNNER_CANCELLED) lib.udfrunner_error_destroy(err);
  if (code == UDFRUNNER_OK && !asked && WATCHED(task, EVENT_MS, poll(&event, 1, EVENT_MS)) == 0)
    failed(task, "no event in %d ms", EVENT_MS);
  return next_array(task, 0, err);
}

/* Reads until the end, or until the plan says enough; true where an end was met. */
static bool read_on(struct task *task) {
  udfrunner_error *err = NULL;
  struct ArrowArrayStream stream = {.release = NULL};
  int32_t code = UDFRUNNER_OK;
  bool midway = task->act == CANCEL_MIDWAY || task->act == CLOSE_MIDWAY;
  if (task->reading == BY_STREAM) stream = exported(task, &code, &err);
  int results = 0;
  while (code >= 0 && code != UDFRUNNER_DONE) {
    if (midway && results >= task->act_at) {
      midway = false;
      if (task->act == CLOSE_MIDWAY) break;
      WATCHED(task, 0, lib.iterator_cancel(task->it, "reason midway"));
    }
    switch (task->reading) {
      case BY_STREAM:
        code = next_of_stream(task, &stream, &err);
        break;
      case BY_CHUNK:
        code = next_chunk(task, &err);
        break;
      case BY_EVENT:
        code = next_event(task, code == UDFRUNNER_NEED_INPUT, &err);
        break;
      default:
        code = next_array(task, task->timeout_ms, &err);
    }
    if (code == UDFRUNNER_OK) results++;
    if (code == UDFRUNNER_TIMED_OUT) nanosleep(&(struct timespec){0, 200000}, NULL);
    if (code == UDFRUNNER_INVALID_STATE && task->act == READ_MEANWHILE) break;
  }
  bool end = code < 0 || code == UDFRUNNER_DONE;
  if (end) ended(task, code, err);
  bool open = task->act != CLOSE_MEANWHILE; /* the handle is still there */
  if (end && open && code != UDFRUNNER_INVALID_STATE) check_again(task);
  if (code == UDFRUNNER_DONE && open && task->place != LIAR) check_accumulators(task);
  if (stream.release != NULL) {
    call_begins("stream.release", task, 50);
    stream.release(&stream);
    call_ends();
  }
  return end;
}

/* --------------------------------------------------------------------- Task */

static bool begin(struct task *task) {
  struct ArrowArrayStream stream;
  udfrunner_input input = task_input(task, &stream);
  const udfrunner_task identity = {.size = sizeof identity,
                                   .partition = (int32_t)(task->seed >> 33),
                                   .attempt = task->repetition,
                                   .task_attempt_id = task_id(task),
                                   .deadline_ms = task->deadline_ms};
  udfrunner_error *err;
  task->begin = now();
  int32_t code =
      WATCHED(task, 10, lib.runner_compute(task->runner, &input, &identity, &task->it, &err));
  if (code == UDFRUNNER_OK) return true;
  failed(task, "runner_compute: %s", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
  return false;
}

void run_task(struct task *task) {
  take_place(task);
  if (begin(task)) {
    struct meddler meddler;
    start_meddling(&meddler, task);
    if (task->act == CANCEL_FIRST) WATCHED(task, 0, lib.iterator_cancel(task->it, "reason first"));
    if (task->act != CLOSE_FIRST) read_on(task);
    end_meddling(&meddler);
    WATCHED(task, 50, lib.iterator_close(&task->it));
    if (task->it != NULL || task->released != 1 || task->given != task->arrays_released)
      failed(task, "closed: input released %d times, %d of %d batches", task->released,
             task->arrays_released, task->given);
  }
  give_place_back(task);
  if (task->kept.release == NULL) return;
  task->row = task->kept_row; /* what was handed out outlives all */
  check_array(task, &task->kept);
  task->kept.release(&task->kept);
}
