/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/*
 * Tells a forked child from the process that loaded the library. Only the forking thread lives
 * on in the child, Go's are gone, and a call into Go would wait forever.
 *
 * Two witnesses: a handler of pthread_atfork, and a page that the kernel
 * wipes in every copy of the address space, also after clone() and _Fork(), which
 * run no handlers. Kernels before 4.14 have the first one only.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static atomic_bool fork_seen;
static _Atomic unsigned char *page;

static void in_child(void) { atomic_store_explicit(&fork_seen, true, memory_order_relaxed); }

__attribute__((constructor)) static void watch_forks(void) {
  pthread_atfork(NULL, NULL, in_child);
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  if (madvise(memory, size, MADV_WIPEONFORK) != 0) {
    munmap(memory, size);
    return;
  }
  page = memory;
  atomic_store_explicit(page, 1, memory_order_relaxed);
}

static bool wiped(void) {
  return page != NULL && atomic_load_explicit(page, memory_order_relaxed) == 0;
}

bool udfc_forked(void) { return atomic_load_explicit(&fork_seen, memory_order_relaxed) || wiped(); }

bool udfc_forked_unprepared(void) {
  return wiped() && !atomic_load_explicit(&fork_seen, memory_order_relaxed);
}

void udfc_free(void *memory) {
  if (!udfc_forked_unprepared()) free(memory);
}
