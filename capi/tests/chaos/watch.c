/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Failures, and calls that take longer than they may. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../check.h"
#include "../host.h"
#include "chaos.h"

/* A loaded machine, and sanitizers, make calls late; what is late by HANG_MS never ends. */
enum {
  SLACK_MS = 5000,
  HANG_MS = 30000,
  TASK_MS = 30000,
  WHOLE_MS = 90000,
  MAX_THREADS = 4096,
  MAX_FAILURES = 20
};

static struct slot {
  _Atomic(const char *) call; /* NULL = none is under way */
  _Atomic(struct task *) task;
  atomic_llong begin_ms, limit_ms;
  _Atomic(struct task *) whole; /* the thread's task; NULL = none, or a meddler's */
  atomic_llong whole_begin_ms;
} slots[MAX_THREADS];
static atomic_int threads;
static _Thread_local struct slot *mine;

static atomic_llong failure_count, worst_ms;
static atomic_bool watching;
static pthread_t watcher;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static long long now_ms(void) { return (long long)(now() * 1e3); }

int64_t failures(void) { return atomic_load(&failure_count); }
int64_t worst_overrun(void) { return atomic_load(&worst_ms); }

static void tell(const struct task *task, const char *what, const char *reason) {
  char plan[1024] = "no task";
  if (task != NULL) describe(task, plan, sizeof plan);
  pthread_mutex_lock(&printing);
  printf("%s %s\n  %s\n", what, reason, plan);
  if (task != NULL)
    printf("  again: make chaos CHAOS_SEED=%llu CHAOS_MISCHIEF=%d CHAOS_ONLY=%llu\n",
           (unsigned long long)chaos_seed, chaos_mischief, (unsigned long long)task->number);
  fflush(stdout);
  pthread_mutex_unlock(&printing);
}

void failed(struct task *task, const char *format, ...) {
  if (task != NULL && atomic_fetch_add(&task->failures, 1) > 0) return; /* the first says enough */
  char reason[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  tell(task, "FAIL", reason);
  if (atomic_fetch_add(&failure_count, 1) + 1 >= MAX_FAILURES) {
    printf("FAIL too many failures\n");
    fflush(NULL);
    _Exit(1);
  }
}

/* ---------------------------------------------------------------------- Calls */

/* Threads of meddlers come and go, and take the slots of those that went. */
static struct slot *take_slot(void) {
  if (mine == NULL) mine = &slots[atomic_fetch_add(&threads, 1) % MAX_THREADS];
  return mine;
}

void call_begins(const char *name, struct task *task, int64_t timeout_ms) {
  struct slot *slot = take_slot();
  atomic_store(&slot->begin_ms, now_ms());
  atomic_store(&slot->limit_ms, timeout_ms < 0 ? TASK_MS : timeout_ms);
  atomic_store(&slot->task, task);
  atomic_store(&slot->call, name);
}

void call_ends(void) {
  struct slot *slot = take_slot();
  const char *name = atomic_exchange(&slot->call, NULL);
  long long over = now_ms() - atomic_load(&slot->begin_ms) - atomic_load(&slot->limit_ms);
  for (long long worst = atomic_load(&worst_ms); over > worst;)
    if (atomic_compare_exchange_weak(&worst_ms, &worst, over)) break;
  if (over > SLACK_MS) failed(atomic_load(&slot->task), "%lld ms too late: %s", over, name);
}

void task_begins(struct task *task) {
  struct slot *slot = take_slot();
  atomic_store(&slot->whole_begin_ms, now_ms());
  atomic_store(&slot->whole, task);
}

int32_t watched(int32_t code) {
  call_ends();
  return code;
}

static void look_at(struct slot *slot) {
  const char *call = atomic_load(&slot->call);
  struct task *whole = atomic_load(&slot->whole);
  long long over = now_ms() - atomic_load(&slot->begin_ms) - atomic_load(&slot->limit_ms);
  bool hangs = call != NULL && over > HANG_MS;
  bool lasts = whole != NULL && now_ms() - atomic_load(&slot->whole_begin_ms) > WHOLE_MS;
  if (!hangs && !lasts) return;
  tell(hangs ? atomic_load(&slot->task) : whole, "HANG", hangs ? call : "the whole task");
  abort();
}

static void *watch(void *unused) {
  (void)unused;
  while (atomic_load(&watching)) {
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    for (int i = 0; i < MAX_THREADS; i++) look_at(&slots[i]);
  }
  return NULL;
}

void start_watching(void) {
  atomic_store(&watching, true);
  watcher = start(watch, NULL);
}

void stop_watching(void) {
  atomic_store(&watching, false);
  join(watcher);
}
