/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "gauges.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const gauge_names[GAUGES] = {
    "rss KiB", "fds", "threads", "children", "segments", "daemon rss KiB", "daemon fds"};

static int64_t count_entries(const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL) return 0;
  int64_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (isdigit((unsigned char)entry->d_name[0])) count++;
  }
  closedir(dir);
  return count;
}

static int64_t fds(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  return count_entries(path);
}

static int64_t rss(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/statm", pid);
  FILE *file = fopen(path, "re");
  long long size = 0, resident = 0;
  if (file == NULL) return 0;
  if (fscanf(file, "%lld %lld", &size, &resident) != 2) resident = 0;
  fclose(file);
  return (int64_t)resident * sysconf(_SC_PAGESIZE) / 1024;
}

/* Calls visit for each child of a process, whichever of its threads began it. */
static void each_child(int pid, void (*visit)(int child, int64_t *values), int64_t *values) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    char list[128];
    snprintf(list, sizeof list, "/proc/%d/task/%.20s/children", pid, entry->d_name);
    FILE *file = fopen(list, "re");
    if (file == NULL) continue;
    for (int child; fscanf(file, "%d", &child) == 1;) visit(child, values);
    fclose(file);
  }
  closedir(tasks);
}

static void visit_descendant(int pid, int64_t *values) {
  values[GAUGE_CHILDREN]++;
  each_child(pid, visit_descendant, values);
}

static void visit_daemon(int pid, int64_t *values) {
  values[GAUGE_DAEMON_RSS] += rss(pid);
  values[GAUGE_DAEMON_FDS] += fds(pid);
  visit_descendant(pid, values);
}

static int64_t segments(void) {
  int64_t count = 0;
  DIR *dir = opendir("/proc/self/fd");
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/self/fd/%.20s", entry->d_name);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0) continue;
    target[n] = '\0';
    if (strstr(target, "memfd:") != NULL || strstr(target, "/dev/shm") != NULL) count++;
  }
  if (dir != NULL) closedir(dir);
  FILE *maps = fopen("/proc/self/maps", "re");
  for (char line[512]; maps != NULL && fgets(line, sizeof line, maps) != NULL;) {
    if (strstr(line, "memfd:") != NULL || strstr(line, "/dev/shm") != NULL) count++;
  }
  if (maps != NULL) fclose(maps);
  return count;
}

void read_gauges(int64_t values[GAUGES]) {
  memset(values, 0, sizeof(int64_t) * GAUGES);
  int self = (int)getpid();
  values[GAUGE_RSS] = rss(self);
  values[GAUGE_FDS] = fds(self);
  values[GAUGE_THREADS] = count_entries("/proc/self/task");
  values[GAUGE_SEGMENTS] = segments();
  each_child(self, visit_daemon, values);
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int64_t median_gauge(int64_t (*readings)[GAUGES], int n, int gauge) {
  int64_t *sorted = calloc((size_t)n + 1, sizeof *sorted);
  if (sorted == NULL) abort();
  for (int i = 0; i < n; i++) sorted[i] = readings[i][gauge];
  qsort(sorted, (size_t)n, sizeof *sorted, by_value);
  int64_t median = sorted[n / 2];
  free(sorted);
  return median;
}
