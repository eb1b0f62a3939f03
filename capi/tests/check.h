/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Checks, and a runner of tests that looks for what a test left behind. */
#ifndef UDFRUNNER_TESTS_CHECK_H
#define UDFRUNNER_TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* Ends the program with the place and a text unless the condition holds. */
#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
void check(bool holds, const char *file, int line, const char *what);

#define CHECK_INT(expected, actual) \
  check_int((int64_t)(expected), (int64_t)(actual), __FILE__, __LINE__, #actual)
void check_int(int64_t expected, int64_t actual, const char *file, int line, const char *what);

#define CHECK_TEXT(expected, actual) check_text((expected), (actual), __FILE__, __LINE__, #actual)
void check_text(const char *expected, const char *actual, const char *file, int line,
                const char *what);

/* True when text holds part. */
#define CHECK_HOLDS(part, text) check_holds((part), (text), __FILE__, __LINE__, #text)
void check_holds(const char *part, const char *text, const char *file, int line, const char *what);

/* Names the case of a table that runs, for the texts of failures; NULL = none. */
void check_case(const char *name);

typedef struct test {
  const char *name;
  void (*run)(void);
} test;

#define TEST(function) \
  { #function, function }

/* Runs the tests, or those whose names are given, each with a time limit. After each one no process
 * that inherited this program's environment and no new descriptor may be left, waited for with a
 * deadline. `warm_up` runs before the first count. Returns the program's exit status. */
int run_tests(const test *tests, int n, void (*warm_up)(void), int argc, char **argv);

/* Seconds since some moment. */
double now(void);

/* Waits until the condition holds, 20 s at most; false if it never did. */
bool wait_until(bool (*condition)(void *), void *context);

/* Marks this program's environment, which workers inherit; run_tests does it. */
void mark_workers(void);

/* Processes alive that inherited this program's environment: daemons and workers. */
int count_workers(void);

/* Those in a state, as /proc/pid/stat has it: 'T' is stopped. */
int count_workers_in(char state);

#endif
