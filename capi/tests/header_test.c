/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The header alone: first in the file, twice, next to a second copy of Arrow's structs, and linked
 * with header_other.c, which includes it, too. The layout of its structs is part of the ABI. */
#include "udfrunner.h"
#include "udfrunner.h"

/* The canonical copy of another library; the guards make it vanish. */
#ifndef ARROW_C_DATA_INTERFACE
#error "udfrunner.h must define ARROW_C_DATA_INTERFACE"
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#error "udfrunner.h must define ARROW_C_STREAM_INTERFACE"
#endif

#include <stddef.h>
#include <stdio.h>

size_t size_of_task_elsewhere(void);

/* C99 has no _Static_assert. */
#define HOLDS(name, condition) typedef char name[(condition) ? 1 : -1]
#define AT(type, member, offset) HOLDS(type##_offset_##member, offsetof(type, member) == (offset))
#define SIZE(type, size) HOLDS(size_of_##type, sizeof(type) == (size))

AT(udfrunner_pair, key_size, 8);
AT(udfrunner_pair, value, 16);
AT(udfrunner_pair, value_size, 24);
SIZE(udfrunner_pair, 32);

AT(udfrunner_bytes, size, 8);
AT(udfrunner_bytes, private_data, 16);
SIZE(udfrunner_bytes, 24);

AT(udfrunner_chunk, size, 8);
AT(udfrunner_chunk, n, 16);
AT(udfrunner_chunk, offsets, 24);
AT(udfrunner_chunk, private_data, 32);
SIZE(udfrunner_chunk, 40);

AT(udfrunner_buffer, size, 8);
AT(udfrunner_buffer, private_data, 16);
SIZE(udfrunner_buffer, 24);

AT(udfrunner_function, pickle, 8);
AT(udfrunner_function, pickle_size, 16);
AT(udfrunner_function, reference, 24);
AT(udfrunner_function, reference_size, 32);
AT(udfrunner_function, return_type, 40);
AT(udfrunner_function, return_type_size, 48);
AT(udfrunner_function, return_schema, 56);
AT(udfrunner_function, table, 64);
SIZE(udfrunner_function, 72);

AT(udfrunner_table_function, name, 8);
AT(udfrunner_table_function, name_size, 16);
AT(udfrunner_table_function, partition_children, 24);
AT(udfrunner_table_function, n_partition_children, 32);
AT(udfrunner_table_function, analyze_result, 40);
AT(udfrunner_table_function, analyze_result_size, 48);
AT(udfrunner_table_function, table_arguments, 56);
AT(udfrunner_table_function, n_table_arguments, 64);
SIZE(udfrunner_table_function, 72);

AT(udfrunner_argument, name, 8);
AT(udfrunner_argument, name_size, 16);
SIZE(udfrunner_argument, 24);

AT(udfrunner_record, size, 8);
AT(udfrunner_record, n, 16);
AT(udfrunner_record, offsets, 24);
AT(udfrunner_record, message, 32);
SIZE(udfrunner_record, 40);

AT(udfrunner_input, kind, 8);
AT(udfrunner_input, keys, 12);
AT(udfrunner_input, stream, 16);
AT(udfrunner_input, next, 24);
AT(udfrunner_input, next_group, 32);
AT(udfrunner_input, release, 40);
AT(udfrunner_input, ctx, 48);
SIZE(udfrunner_input, 56);

AT(udfrunner_resource, name_size, 8);
AT(udfrunner_resource, addresses, 16);
AT(udfrunner_resource, n_addresses, 24);
SIZE(udfrunner_resource, 32);

AT(udfrunner_task, partition, 8);
AT(udfrunner_task, attempt, 12);
AT(udfrunner_task, stage, 16);
AT(udfrunner_task, cpus, 20);
AT(udfrunner_task, task_attempt_id, 24);
AT(udfrunner_task, deadline_ms, 32);
AT(udfrunner_task, properties, 40);
AT(udfrunner_task, n_properties, 48);
AT(udfrunner_task, resources, 56);
AT(udfrunner_task, n_resources, 64);
AT(udfrunner_task, barrier, 72);
AT(udfrunner_task, barrier_port, 76);
AT(udfrunner_task, barrier_secret, 80);
AT(udfrunner_task, barrier_secret_size, 88);
AT(udfrunner_task, barrier_path, 96);
AT(udfrunner_task, barrier_path_size, 104);
SIZE(udfrunner_task, 112);

/* Arrow's structs, as its specification lays them out on 64 bits. */
HOLDS(schema_release, offsetof(struct ArrowSchema, release) == 56);
HOLDS(schema_size, sizeof(struct ArrowSchema) == 72);
HOLDS(array_buffers, offsetof(struct ArrowArray, buffers) == 40);
HOLDS(array_release, offsetof(struct ArrowArray, release) == 64);
HOLDS(array_size, sizeof(struct ArrowArray) == 80);
HOLDS(stream_release, offsetof(struct ArrowArrayStream, release) == 24);
HOLDS(stream_size, sizeof(struct ArrowArrayStream) == 40);

int main(void) {
  udfrunner_task task = {sizeof task, 0, 0, 0, 0, 0, 0, NULL, 0, NULL, 0, 0, 0, NULL, 0, NULL, 0};
  if (task.size != size_of_task_elsewhere()) return 1;
  printf("ok header\n");
  return 0;
}
