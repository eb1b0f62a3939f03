/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* What another thread does to a task while it runs. */
#include <time.h>

#include "../host.h"
#include "chaos.h"

static void expect(struct task *task, const char *call, int32_t code, const int32_t *allowed) {
  for (; *allowed != INT32_MIN; allowed++)
    if (code == *allowed) return;
  failed(task, "%s from another thread gave %d", call, code);
}
#define EXPECT(task, call, code, ...) \
  expect((task), (call), (code), (const int32_t[]){UDFRUNNER_OK, __VA_ARGS__, INT32_MIN})

static void look(struct task *task) {
  udfrunner_bytes bytes;
  int32_t fd;
  int32_t code = WATCHED(task, 0, lib.iterator_result(task->it, "metrics", &bytes, NULL));
  EXPECT(task, "metrics", code, UDFRUNNER_OK);
  lib.udfrunner_bytes_release(&bytes);
  code = WATCHED(task, 0, lib.iterator_event_fd(task->it, &fd, NULL));
  EXPECT(task, "event fd", code, UDFRUNNER_CANCELLED);
  code = WATCHED(task, 20, lib.iterator_stack(task->it, 20, &bytes, NULL));
  EXPECT(task, "stack", code, UDFRUNNER_TIMED_OUT, UDFRUNNER_INVALID_STATE, UDFRUNNER_WORKER_EXITED,
         UDFRUNNER_NOT_SUPPORTED);
  lib.udfrunner_bytes_release(&bytes);
  code = WATCHED(task, 0, lib.udfrunner_env_stats(task->env, &bytes, NULL));
  EXPECT(task, "statistics", code, UDFRUNNER_OK);
  lib.udfrunner_bytes_release(&bytes);
}

/* A second reader is refused, unless it comes between two calls of the first; what it reads then
 * is lost. */
static void read_too(struct task *task) {
  struct ArrowArray array;
  udfrunner_error *err;
  int32_t code = WATCHED(task, 0, lib.iterator_next_arrow(task->it, 0, &array, NULL, &err));
  if (code == UDFRUNNER_OK) array.release(&array);
  if (code < 0) lib.udfrunner_error_destroy(&err);
}

static void *meddle(void *context) {
  struct task *task = context;
  nanosleep(&(struct timespec){0, task->act_us * 1000L}, NULL);
  switch (task->act) {
    case CANCEL_MEANWHILE:
      EXPECT(task, "cancel", WATCHED(task, 0, lib.iterator_cancel(task->it, "reason meanwhile")),
             UDFRUNNER_OK);
      break;
    case CLOSE_MEANWHILE: {
      udfrunner_iterator *it = task->it;
      EXPECT(task, "close", WATCHED(task, 50, lib.iterator_close(&it)), UDFRUNNER_OK);
      break;
    }
    case DESTROY_MEANWHILE:
      if (task->place == OWN)
        EXPECT(task, "destroy", WATCHED(task, 50, lib.udfrunner_env_destroy(&task->env)),
               UDFRUNNER_OK);
      EXPECT(task, "destroy", WATCHED(task, 50, lib.runner_destroy(&task->runner)), UDFRUNNER_OK);
      break;
    case READ_MEANWHILE:
      read_too(task);
      break;
    default:
      look(task);
  }
  return NULL;
}

void start_meddling(struct meddler *meddler, struct task *task) {
  *meddler = (struct meddler){.task = task};
  meddler->running = task->act == CANCEL_MEANWHILE ||
                     (task->act >= CLOSE_MEANWHILE && task->act <= DESTROY_MEANWHILE);
  if (meddler->running) meddler->thread = start(meddle, task);
}

void end_meddling(struct meddler *meddler) {
  if (meddler->running) join(meddler->thread);
  meddler->running = false;
}
