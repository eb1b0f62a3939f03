/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "packed.h"

#include <stdlib.h>
#include <string.h>

struct packed_block {
  struct packed_block *next;
  max_align_t items[];
};

bool packed_open(packed *p, JNIEnv *jni, jbyteArray array) {
  memset(p, 0, sizeof *p);
  jsize size = (*jni)->GetArrayLength(jni, array);
  p->bytes = malloc((size_t)size + 1);
  if (p->bytes == NULL) return false;
  (*jni)->GetByteArrayRegion(jni, array, 0, size, (jbyte *)p->bytes);
  p->at = p->bytes;
  return true;
}

void packed_close(packed *p) {
  while (p->blocks != NULL) {
    struct packed_block *next = p->blocks->next;
    free(p->blocks);
    p->blocks = next;
  }
  free(p->bytes);
  p->bytes = NULL;
}

/* n zeroed items, or NULL for none and if out of memory. */
static void *make(packed *p, size_t n, size_t size) {
  if (n == 0) return NULL;
  struct packed_block *block = calloc(1, sizeof *block + n * size);
  if (block == NULL) {
    p->failed = true;
    return NULL;
  }
  block->next = p->blocks;
  p->blocks = block;
  return block->items;
}

static int32_t take_int(packed *p) {
  int32_t value;
  memcpy(&value, p->at, sizeof value);
  p->at += sizeof value;
  return value;
}

static int64_t take_long(packed *p) {
  int64_t value;
  memcpy(&value, p->at, sizeof value);
  p->at += sizeof value;
  return value;
}

/* In place, NUL-terminated; NULL for null. */
static const char *take_text(packed *p, size_t *size) {
  int32_t length = take_int(p);
  *size = 0;
  if (length < 0) return NULL;
  const char *text = (const char *)p->at;
  *size = (size_t)length;
  p->at += *size + 1;
  return text;
}

static const int32_t *take_ints(packed *p, size_t *n) {
  *n = (size_t)take_int(p);
  int32_t *values = make(p, *n, sizeof *values);
  for (size_t i = 0; i < *n; i++) {
    int32_t value = take_int(p);
    if (values != NULL) values[i] = value;
  }
  return values;
}

udfrunner_pair packed_pair(packed *p) {
  udfrunner_pair pair;
  pair.key = take_text(p, &pair.key_size);
  pair.value = take_text(p, &pair.value_size);
  return pair;
}

const udfrunner_pair *packed_pairs(packed *p, size_t *n) {
  *n = (size_t)take_int(p);
  udfrunner_pair *pairs = make(p, *n, sizeof *pairs);
  for (size_t i = 0; i < *n; i++) {
    udfrunner_pair pair = packed_pair(p);
    if (pairs != NULL) pairs[i] = pair;
  }
  return pairs;
}

static udfrunner_table_function *take_table(packed *p) {
  udfrunner_table_function table = {.size = sizeof table};
  table.name = take_text(p, &table.name_size);
  table.partition_children = take_ints(p, &table.n_partition_children);
  table.analyze_result = take_text(p, &table.analyze_result_size);
  table.table_arguments = take_ints(p, &table.n_table_arguments);
  udfrunner_table_function *made = make(p, 1, sizeof *made);
  if (made != NULL) *made = table;
  return made;
}

/* Only its bits are Java's. */
static const struct ArrowSchema *schema_at(int64_t address) {
  return (const struct ArrowSchema *)(uintptr_t)address;
}

const udfrunner_function *packed_functions(packed *p, size_t *n) {
  *n = (size_t)take_int(p);
  udfrunner_function *functions = make(p, *n, sizeof *functions);
  for (size_t i = 0; i < *n; i++) {
    udfrunner_function function = {.size = sizeof function};
    function.pickle = take_text(p, &function.pickle_size);
    function.reference = take_text(p, &function.reference_size);
    function.return_type = take_text(p, &function.return_type_size);
    function.return_schema = schema_at(take_long(p));
    if (take_int(p) != 0) function.table = take_table(p);
    if (functions != NULL) functions[i] = function;
  }
  return functions;
}

const udfrunner_argument *packed_arguments(packed *p, size_t *m) {
  *m = (size_t)take_int(p);
  udfrunner_argument *arguments = make(p, *m, sizeof *arguments);
  for (size_t i = 0; i < *m; i++) {
    udfrunner_argument argument = {.offset = take_int(p)};
    argument.name = take_text(p, &argument.name_size);
    if (arguments != NULL) arguments[i] = argument;
  }
  return arguments;
}

static udfrunner_resource take_resource(packed *p) {
  udfrunner_resource resource;
  resource.name = take_text(p, &resource.name_size);
  resource.n_addresses = (size_t)take_int(p);
  const char **addresses = make(p, resource.n_addresses, sizeof *addresses);
  for (size_t i = 0; i < resource.n_addresses; i++) {
    size_t size;
    const char *address = take_text(p, &size);
    if (addresses != NULL) addresses[i] = address;
  }
  resource.addresses = addresses;
  return resource;
}

udfrunner_task packed_task(packed *p) {
  udfrunner_task task = {.size = sizeof task};
  task.partition = take_int(p);
  task.attempt = take_int(p);
  task.stage = take_int(p);
  task.cpus = take_int(p);
  task.task_attempt_id = take_long(p);
  task.deadline_ms = take_long(p);
  task.properties = packed_pairs(p, &task.n_properties);
  task.n_resources = (size_t)take_int(p);
  udfrunner_resource *resources = make(p, task.n_resources, sizeof *resources);
  for (size_t i = 0; i < task.n_resources; i++) {
    udfrunner_resource resource = take_resource(p);
    if (resources != NULL) resources[i] = resource;
  }
  task.resources = resources;
  task.barrier = take_int(p);
  task.barrier_port = take_int(p);
  task.barrier_secret = take_text(p, &task.barrier_secret_size);
  task.barrier_path = take_text(p, &task.barrier_path_size);
  return task;
}
