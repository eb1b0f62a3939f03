/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Results and input as bytes: as much of Arrow's IPC format and of pickles as tasks meet. */
#include <stdlib.h>
#include <string.h>

#include "chaos.h"

/* -------------------------------------------------------------- IPC messages */

/* Bytes with their end; what lies beyond reads as zero, since liars send anything. */
struct bytes {
  const uint8_t *data;
  uint64_t size;
};

static uint64_t read_number(struct bytes b, uint64_t at, int size) {
  uint64_t value = 0;
  if (at <= b.size && (uint64_t)size <= b.size - at) memcpy(&value, b.data + at, (size_t)size);
  return value;
}

/* Where a flatbuffers table has a field; 0 = it has none. */
static uint64_t field(struct bytes b, uint64_t table, int id) {
  uint64_t fields = table - (uint64_t)(int64_t)(int32_t)read_number(b, table, 4);
  uint64_t size = read_number(b, fields, 2), at = 4 + 2 * (uint64_t)id;
  if (at >= size) return 0;
  uint64_t offset = read_number(b, fields + at, 2);
  return offset == 0 ? 0 : table + offset;
}

static uint64_t follow(struct bytes b, uint64_t at) { return at + read_number(b, at, 4); }

enum { HEADER_RECORD_BATCH = 3, MAX_COLUMNS = 3 };

/* A buffer's place in the body, in bounds; NULL = it is empty, or a lie. */
static const uint8_t *body_buffer(struct bytes metadata, uint64_t buffers, int index,
                                  struct bytes body, uint64_t least) {
  uint64_t at = buffers + 4 + 16 * (uint64_t)index;
  uint64_t offset = read_number(metadata, at, 8), size = read_number(metadata, at + 8, 8);
  if (size < least || size == 0 || offset > body.size || size > body.size - offset) return NULL;
  return body.data + offset;
}

static void check_batch(struct task *task, struct bytes metadata, struct bytes body) {
  uint64_t message = follow(metadata, 0);
  uint64_t type = field(metadata, message, 1), header = field(metadata, message, 2);
  if (type == 0 || read_number(metadata, type, 1) != HEADER_RECORD_BATCH) return;
  uint64_t batch = follow(metadata, header);
  uint64_t length = field(metadata, batch, 0);
  uint64_t rows = length == 0 ? 0 : read_number(metadata, length, 8);
  uint64_t nodes = follow(metadata, field(metadata, batch, 1));
  uint64_t buffers = follow(metadata, field(metadata, batch, 2));
  int n = (int)read_number(metadata, nodes, 4), at = 0;
  if (rows == 0) return;
  struct column columns[MAX_COLUMNS];
  for (int c = 0; c < n && c < MAX_COLUMNS; c++) {
    bool text = kinds[task->kind].shape == TRIPLE && c == 2;
    uint64_t nulls = read_number(metadata, nodes + 4 + 16 * (uint64_t)c + 8, 8);
    const uint8_t *validity = body_buffer(metadata, buffers, at, body, (rows + 7) / 8);
    const uint8_t *values =
        body_buffer(metadata, buffers, at + 1, body, text ? 4 * (rows + 1) : 8 * rows);
    const uint8_t *texts = text ? body_buffer(metadata, buffers, at + 2, body, 0) : NULL;
    if (values == NULL || (nulls > 0 && validity == NULL)) {
      if (task->place != LIAR) failed(task, "column %d of a message lacks its buffers", c);
      return;
    }
    columns[c] = (struct column){.validity = nulls > 0 ? validity : NULL,
                                 .values = (const void *)values,
                                 .offsets = text ? (const void *)values : NULL,
                                 .text = text && texts == NULL ? "" : (const char *)texts};
    at += text ? 3 : 2;
  }
  if (task->place == LIAR) return;
  check_rows(task, columns, n, (int64_t)rows);
}

static void check_message(struct task *task, struct bytes message) {
  uint64_t size = read_number(message, 4, 4);
  if (read_number(message, 0, 4) != 0xffffffff || size > message.size - 8) {
    failed(task, "a chunk's record of %llu bytes is no IPC message",
           (unsigned long long)message.size);
    return;
  }
  struct bytes metadata = {message.data + 8, size};
  struct bytes body = {message.data + 8 + size, message.size - 8 - size};
  check_batch(task, metadata, body);
}

/* ------------------------------------------------------------------ Pickles */

static int64_t little_endian(const uint8_t *data, uint64_t size) {
  uint64_t value = size > 0 && data[size - 1] >= 0x80 ? ~0ULL : 0;
  for (uint64_t i = size; i-- > 0;) value = value << 8 | data[i];
  return (int64_t)value;
}

/* Checks the numbers of a pickled list of them. */
static void check_pickle(struct task *task, struct bytes pickle) {
  for (uint64_t at = 0; at < pickle.size;) {
    uint8_t op = pickle.data[at++];
    const uint8_t *data = pickle.data + at;
    uint64_t size = 0;
    switch (op) {
      case 'K': /* BININT1, never negative */
        check_value(task, false, data[0]);
        size = 1;
        break;
      case 'M': /* BININT2 */
        check_value(task, false, data[0] | data[1] << 8);
        size = 2;
        break;
      case 'J': /* BININT */
        check_value(task, false, little_endian(data, size = 4));
        break;
      case 0x8a: /* LONG1 */
        size = data[0];
        check_value(task, false, little_endian(data + 1, size));
        size++;
        break;
      case 'N':
        check_value(task, true, 0);
        break;
      case 0x80: /* PROTO */
      case 'q':  /* BINPUT */
        size = 1;
        break;
      case 0x95: /* FRAME */
        size = 8;
        break;
      case 'r': /* LONG_BINPUT */
        size = 4;
        break;
      case '(': /* MARK, EMPTY_LIST, APPEND, APPENDS, MEMOIZE, STOP */
      case ']':
      case 'a':
      case 'e':
      case 0x94:
      case '.':
        break;
      default:
        failed(task, "opcode %d in a pickled result", op);
        return;
    }
    at += size;
  }
}

void check_chunk(struct task *task, const udfrunner_chunk *chunk) {
  if (chunk->n == 0 || chunk->offsets[0] != 0 || chunk->offsets[chunk->n] != chunk->size) {
    failed(task, "a chunk of %llu records and %llu bytes", (unsigned long long)chunk->n,
           (unsigned long long)chunk->size);
    return;
  }
  for (uint64_t i = 0; i < chunk->n; i++) {
    struct bytes record = {chunk->data + chunk->offsets[i],
                           chunk->offsets[i + 1] - chunk->offsets[i]};
    if (task->kind != PICKLED_ROWS)
      check_message(task, record);
    else if (task->place != LIAR)
      check_pickle(task, record);
  }
}

/* -------------------------------------------------------------------- Input */

static uint8_t *put_long(uint8_t *out, int64_t value) {
  *out++ = 0x8a; /* LONG1 */
  *out++ = 8;
  memcpy(out, &value, 8);
  return out + 8;
}

int32_t pickle_rows(struct task *task, int batch, udfrunner_record *out) {
  uint8_t *record = realloc(task->record, 8 + 32 * (size_t)task->rows), *at = record;
  task->record = record;
  memcpy(at, "\x80\x02](", 4);
  at += 4;
  for (int i = 0; i < task->rows; i++) {
    int64_t row = (int64_t)batch * task->rows + i;
    at = put_long(at, key_at(task, row));
    if (null_at(task, row))
      *at++ = 'N';
    else
      at = put_long(at, number_at(task, row));
    *at++ = 0x86; /* TUPLE2 */
  }
  memcpy(at, "e.", 2);
  *out = (udfrunner_record){.data = record, .size = (uint64_t)(at + 2 - record), .n = 1};
  return UDFRUNNER_OK;
}
