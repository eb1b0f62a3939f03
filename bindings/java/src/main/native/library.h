/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The library as this glue sees it: opened by its path, each function by its name. */
#ifndef UDFRUNNER_JNI_LIBRARY_H
#define UDFRUNNER_JNI_LIBRARY_H

#include "udfrunner.h"

#define LIBRARY_FUNCTIONS(F)   \
  F(udfrunner_abi_version)     \
  F(udfrunner_version)         \
  F(udfrunner_shutdown)        \
  F(udfrunner_env_create)      \
  F(udfrunner_env_destroy)     \
  F(udfrunner_env_stats)       \
  F(udfrunner_log_next)        \
  F(runner_create)             \
  F(runner_add_function)       \
  F(runner_set)                \
  F(runner_add_include)        \
  F(runner_add_broadcast)      \
  F(runner_compute)            \
  F(runner_cancel)             \
  F(runner_destroy)            \
  F(iterator_schema)           \
  F(iterator_next)             \
  F(iterator_next_arrow)       \
  F(iterator_export)           \
  F(iterator_error)            \
  F(iterator_event_fd)         \
  F(iterator_result)           \
  F(iterator_stack)            \
  F(iterator_cancel)           \
  F(iterator_close)            \
  F(udfrunner_chunk_release)   \
  F(udfrunner_bytes_release)   \
  F(udfrunner_error_code)      \
  F(udfrunner_error_message)   \
  F(udfrunner_error_detail_at) \
  F(udfrunner_error_destroy)

/* Types from the header, so that the compiler holds every call to it. */
#define LIBRARY_MEMBER(name) __typeof__(&(name)) name;
extern struct library { LIBRARY_FUNCTIONS(LIBRARY_MEMBER) } lib;

/* Opens the library; 0, or why it can't be used in `message`. */
int library_open(const char *path, char *message, size_t size);

#endif
