/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct source {
  const column *columns;
  int n;
  int64_t next, last, batch_rows;
};

/* Children lie in their parent's memory: releasing them only marks them released. */
static void release_child_schema(struct ArrowSchema *schema) { schema->release = NULL; }
static void release_child_array(struct ArrowArray *array) { array->release = NULL; }

static void release_schema(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    struct ArrowSchema *child = schema->children[i];
    if (child->release != NULL) child->release(child);
  }
  free(schema->private_data);
  schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = array->children[i];
    if (child->release != NULL) child->release(child);
  }
  free(array->private_data);
  array->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const struct source *source = stream->private_data;
  size_t n = (size_t)source->n;
  struct ArrowSchema **children = malloc(n * (sizeof *children + sizeof **children));
  if (children == NULL) return ENOMEM;
  struct ArrowSchema *child = (struct ArrowSchema *)(void *)(children + n);
  for (size_t i = 0; i < n; i++) {
    child[i] = (struct ArrowSchema){.format = "g",
                                    .name = source->columns[i].name,
                                    .flags = ARROW_FLAG_NULLABLE,
                                    .release = release_child_schema};
    children[i] = &child[i];
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = source->n,
                              .children = children,
                              .release = release_schema,
                              .private_data = children};
  return 0;
}

/* What one column of a batch needs in addition to its values. */
struct part {
  struct ArrowArray array;
  const void *buffers[2];
};

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  static const void *no_validity[1];
  struct source *source = stream->private_data;
  memset(out, 0, sizeof *out);
  if (source->next == source->last) return 0; /* a released array is the end */
  size_t n = (size_t)source->n;
  struct ArrowArray **children = malloc(n * (sizeof *children + sizeof(struct part)));
  if (children == NULL) return ENOMEM;
  struct part *part = (struct part *)(void *)(children + n);
  int64_t rows = source->last - source->next;
  if (rows > source->batch_rows) rows = source->batch_rows;
  for (size_t i = 0; i < n; i++) {
    const column *column = &source->columns[i];
    part[i].buffers[0] = column->validity;
    part[i].buffers[1] = column->values;
    part[i].array = (struct ArrowArray){.length = rows,
                                        .null_count = column->validity == NULL ? 0 : -1,
                                        .offset = source->next,
                                        .n_buffers = 2,
                                        .buffers = part[i].buffers,
                                        .release = release_child_array};
    children[i] = &part[i].array;
  }
  *out = (struct ArrowArray){.length = rows,
                             .n_buffers = 1,
                             .n_children = source->n,
                             .buffers = no_validity,
                             .children = children,
                             .release = release_array,
                             .private_data = children};
  source->next += rows;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return NULL; /* errno says it all */
}

static void release_stream(struct ArrowArrayStream *stream) {
  free(stream->private_data);
  stream->release = NULL;
}

int columns_stream(struct ArrowArrayStream *out, const column *columns, int n, int64_t first,
                   int64_t last, int64_t batch_rows) {
  struct source *source = malloc(sizeof *source);
  memset(out, 0, sizeof *out);
  if (source == NULL) return ENOMEM;
  *source = (struct source){columns, n, first, last, batch_rows};
  *out = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, source};
  return 0;
}

udfrunner_input columns_input(struct ArrowArrayStream *stream, const column *columns, int n,
                              int64_t rows) {
  columns_stream(stream, columns, n, 0, rows, rows);
  return (udfrunner_input){
      .size = sizeof(udfrunner_input), .kind = UDFRUNNER_INPUT_STREAM, .stream = stream};
}

udfrunner_function columns_function(const char *reference, const char *return_type) {
  return (udfrunner_function){.size = sizeof(udfrunner_function),
                              .reference = reference,
                              .reference_size = UDFRUNNER_NUL,
                              .return_type = return_type,
                              .return_type_size = UDFRUNNER_NUL};
}
