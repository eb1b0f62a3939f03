/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#define _GNU_SOURCE
#include "check.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEST_SECONDS 120
#define MARK "UDFRUNNER_TEST_OF"

static const char *running = "";
static const char *running_case;

void check_case(const char *name) { running_case = name; }

static void fail(const char *file, int line) {
  fprintf(stderr, "  in %s, %s:%d\n", running, file, line);
  if (running_case != NULL) fprintf(stderr, "  case: %s\n", running_case);
  fflush(NULL);
  _exit(1);
}

void check(bool holds, const char *file, int line, const char *what) {
  if (holds) return;
  fprintf(stderr, "FAIL does not hold: %s\n", what);
  fail(file, line);
}

void check_int(int64_t expected, int64_t actual, const char *file, int line, const char *what) {
  if (expected == actual) return;
  fprintf(stderr, "FAIL %s is %lld, not %lld\n", what, (long long)actual, (long long)expected);
  fail(file, line);
}

void check_text(const char *expected, const char *actual, const char *file, int line,
                const char *what) {
  if (actual != NULL && strcmp(expected, actual) == 0) return;
  fprintf(stderr, "FAIL %s is \"%s\", not \"%s\"\n", what, actual == NULL ? "NULL" : actual,
          expected);
  fail(file, line);
}

void check_holds(const char *part, const char *text, const char *file, int line, const char *what) {
  if (text != NULL && strstr(text, part) != NULL) return;
  fprintf(stderr, "FAIL %s is \"%s\", \"%s\" is not in it\n", what, text == NULL ? "NULL" : text,
          part);
  fail(file, line);
}

double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool wait_until(bool (*condition)(void *), void *context) {
  double deadline = now() + 20;
  while (!condition(context)) {
    if (now() > deadline) return false;
    nanosleep(&(struct timespec){0, 2000000}, NULL);
  }
  return true;
}

/* ------------------------------------------------------- What is left behind */

static bool holds_mark(const char *pid, const char *mark) {
  char path[64];
  char variables[65536];
  snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t size = 0;
  ssize_t n;
  while (size < sizeof variables && (n = read(fd, variables + size, sizeof variables - size)) > 0) {
    size += (size_t)n;
  }
  close(fd);
  return memmem(variables, size, mark, strlen(mark)) != NULL;
}

void mark_workers(void) {
  char pid[16];
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  setenv(MARK, pid, 1);
}

static char state_of(const char *pid) {
  char path[64];
  char stat[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return '\0';
  ssize_t size = read(fd, stat, sizeof stat - 1);
  close(fd);
  stat[size > 0 ? size : 0] = '\0';
  const char *name_end = strrchr(stat, ')');
  return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

/* Those in that state, or in any where it is 0. */
static int count_in(char state) {
  char mark[64];
  snprintf(mark, sizeof mark, MARK "=%d", (int)getpid());
  int count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid()) continue;
    if (holds_mark(entry->d_name, mark) && (state == '\0' || state_of(entry->d_name) == state)) {
      count++;
    }
  }
  closedir(proc);
  return count;
}

int count_workers(void) { return count_in('\0'); }

int count_workers_in(char state) { return count_in(state); }

static int count_fds(void) {
  int count = 0;
  DIR *fds = opendir("/proc/self/fd");
  while (readdir(fds) != NULL) count++;
  closedir(fds);
  return count;
}

static bool nothing_left(void *fds) {
  return count_fds() <= *(const int *)fds && count_workers() == 0;
}

static void too_late(int number) {
  (void)number;
  static const char text[] = "FAIL a test ran out of time: ";
  ssize_t ignored = write(2, text, sizeof text - 1);
  ignored += write(2, running, strlen(running));
  if (running_case != NULL) {
    ignored += write(2, ", ", 2);
    ignored += write(2, running_case, strlen(running_case));
  }
  ignored += write(2, "\n", 1);
  _exit(ignored > 0 ? 1 : 2);
}

static bool chosen(const char *name, int argc, char **argv) {
  if (argc < 2) return true;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], name) == 0) return true;
  }
  return false;
}

int run_tests(const test *tests, int n, void (*warm_up)(void), int argc, char **argv) {
  mark_workers();
  signal(SIGALRM, too_late);
  if (warm_up != NULL) {
    running = "warm-up";
    alarm(TEST_SECONDS);
    warm_up();
  }
  for (int i = 0; i < n; i++) {
    if (!chosen(tests[i].name, argc, argv)) continue;
    running = tests[i].name;
    running_case = NULL;
    alarm(TEST_SECONDS);
    int fds = count_fds();
    double start = now();
    tests[i].run();
    double took = now() - start;
    if (!wait_until(nothing_left, &fds)) {
      fprintf(stderr, "FAIL %s left %d processes and %d descriptors\n", running, count_workers(),
              count_fds() - fds);
      return 1;
    }
    printf("ok %-42s %7.0f ms\n", running, took * 1e3);
    fflush(stdout);
  }
  return 0;
}
