/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The library as bindings see it: opened with dlopen, each function by its name. */
#ifndef UDFRUNNER_TESTS_LIBRARY_H
#define UDFRUNNER_TESTS_LIBRARY_H

#include "udfrunner.h"

/* frozen_test is compiled with the header of version 1.0. */
#if UDFRUNNER_ABI_VERSION >= 0x00010001u
#define LIBRARY_FUNCTIONS_1_1(F) F(udfrunner_error_detail_at)
#else
#define LIBRARY_FUNCTIONS_1_1(F)
#endif

#define LIBRARY_FUNCTIONS(F)  \
  F(udfrunner_abi_version)    \
  F(udfrunner_version)        \
  F(udfrunner_shutdown)       \
  F(udfrunner_env_create)     \
  F(udfrunner_env_destroy)    \
  F(udfrunner_env_stats)      \
  F(udfrunner_log_next)       \
  F(udfrunner_buffer_alloc)   \
  F(udfrunner_buffer_release) \
  F(runner_create)            \
  F(runner_add_function)      \
  F(runner_set)               \
  F(runner_add_include)       \
  F(runner_add_broadcast)     \
  F(runner_compute)           \
  F(runner_cancel)            \
  F(runner_destroy)           \
  F(iterator_schema)          \
  F(iterator_next)            \
  F(iterator_next_arrow)      \
  F(iterator_export)          \
  F(iterator_error)           \
  F(iterator_event_fd)        \
  F(iterator_result)          \
  F(iterator_stack)           \
  F(iterator_cancel)          \
  F(iterator_close)           \
  F(udfrunner_chunk_release)  \
  F(udfrunner_bytes_release)  \
  F(udfrunner_error_code)     \
  F(udfrunner_error_message)  \
  F(udfrunner_error_detail)   \
  F(udfrunner_error_destroy)  \
  LIBRARY_FUNCTIONS_1_1(F)

#define LIBRARY_MEMBER(name) __typeof__(&(name)) name;
extern struct library { LIBRARY_FUNCTIONS(LIBRARY_MEMBER) } lib;

/* Opens the library that UDFRUNNER_LIBRARY names. Ends the program where that is not possible. */
void library_open(void);

/* A symbol of the library besides those of the header, or NULL. */
void *library_symbol(const char *name);

/* Checks that an error has the code, and a message; destroys it. */
#define CHECK_ERROR(expected, err) check_error((expected), &(err), __FILE__, __LINE__)
void check_error(int32_t expected, udfrunner_error **err, const char *file, int line);

/* Checks that a status is OK; else prints the error and ends the program. */
#define CHECK_OK(call, err) check_status(UDFRUNNER_OK, (call), &(err), __FILE__, __LINE__, #call)
/* Checks that a call fails with this code and an error of it; destroys the error. */
#define CHECK_FAILS(expected, call, err) \
  check_status((expected), (call), &(err), __FILE__, __LINE__, #call)
void check_status(int32_t expected, int32_t actual, udfrunner_error **err, const char *file,
                  int line, const char *call);

#endif
