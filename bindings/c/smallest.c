#include <stdio.h>

#include "columns.h" /* next to this file: columns of doubles as input, functions by name */

int main(void) {
  double numbers[] = {1, 4, 9, 16, 25};
  struct ArrowArrayStream stream;
  udfrunner_input input = columns_input(&stream, &(column){"n", numbers, NULL}, 1, 5);
  udfrunner_function f = columns_function("numpy:sqrt", "double");
  udfrunner_runner *runner = NULL;
  udfrunner_iterator *it = NULL;
  udfrunner_error *err = NULL;
  struct ArrowArray batch;
  int32_t code = runner_create(NULL, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, &runner, &err);
  if (code >= 0) code = runner_add_function(runner, &f, 1, &(udfrunner_argument){0}, 1, &err);
  if (code >= 0) code = runner_compute(runner, &input, NULL, &it, &err);
  while (code >= 0 && (code = iterator_next_arrow(it, -1, &batch, NULL, &err)) == UDFRUNNER_OK) {
    const double *roots = batch.children[0]->buffers[1];
    for (int64_t i = 0; i < batch.length; i++) printf("%g\n", roots[i]);
    batch.release(&batch);
  }
  if (code < 0) fprintf(stderr, "error %d: %s\n", code, udfrunner_error_message(err));
  iterator_close(&it);
  return code < 0;
}
