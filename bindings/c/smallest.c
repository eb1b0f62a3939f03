/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* cc smallest.c columns.c $(pkg-config --cflags --libs udfrunner) */
#include <stdio.h>

#include "columns.h"

int main(void) {
  static const double numbers[] = {1, 4, 9, 16, 25};
  const column column = {"n", numbers, NULL};
  struct ArrowArrayStream stream;
  columns_stream(&stream, &column, 1, 0, 5, 5);

  udfrunner_runner *runner;
  udfrunner_iterator *it = NULL;
  udfrunner_error *err;
  udfrunner_function sqrt = {sizeof sqrt, NULL,          0,   "numpy:sqrt", UDFRUNNER_NUL,
                             "double",    UDFRUNNER_NUL, NULL};
  udfrunner_input input = {.size = sizeof input, .kind = UDFRUNNER_INPUT_STREAM, .stream = &stream};
  int32_t code = runner_create(NULL, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, &runner, &err);
  if (code == UDFRUNNER_OK)
    code = runner_add_function(runner, &sqrt, 1, &(udfrunner_argument){0, NULL, 0}, 1, &err);
  if (code == UDFRUNNER_OK) code = runner_compute(runner, &input, NULL, &it, &err);

  struct ArrowArray batch;
  while (code == UDFRUNNER_OK &&
         (code = iterator_next_arrow(it, -1, &batch, NULL, &err)) == UDFRUNNER_OK) {
    const double *results = batch.children[0]->buffers[1];
    for (int64_t i = 0; i < batch.length; i++) printf("%g\n", results[i]);
    batch.release(&batch);
  }
  if (code < 0) fprintf(stderr, "error %d: %s\n", code, udfrunner_error_message(err));
  iterator_close(&it);
  runner_destroy(&runner);
  udfrunner_shutdown(-1);
  return code < 0;
}
