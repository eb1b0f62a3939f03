/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/*
 * Memory that the library hands out. It lies in blocks counted by references; the struct
 * that the host holds (array, schema, chunk, bytes) holds one of its block. All of it is
 * plain C without locks: a release works on any thread, after shutdown, and in a forked child.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define HEADER 64
#define MIB ((size_t)1 << 20)

/* The layout of core/hostmem: the count first, the payload after 64 bytes. */
struct block {
  _Atomic int64_t references;
  size_t mapped; /* bytes of the mapping, header included; 0 = from malloc */
  char unused[HEADER - sizeof(int64_t) - sizeof(size_t)];
};
_Static_assert(sizeof(struct block) == HEADER, "core/hostmem HeaderSize");

/* Blocks from this size on are mappings of their own. A few freed ones are kept: a fresh mapping of
 * a batch costs a page fault each 4 KiB, about as much as copying the batch. */
#define MAPPED_FROM (1 * MIB)
#define HUGE_FROM (4 * MIB)
#define KEPT_BLOCKS 4
#define KEPT_BYTES (32 * MIB)

static _Atomic(struct block *) kept[KEPT_BLOCKS];
static _Atomic size_t kept_bytes;
static _Atomic unsigned oldest;

static struct block *take(size_t size) {
  for (int i = 0; i < KEPT_BLOCKS; i++) {
    if (atomic_load_explicit(&kept[i], memory_order_relaxed) == NULL) continue;
    struct block *block = atomic_exchange_explicit(&kept[i], NULL, memory_order_acquire);
    if (block == NULL) continue;
    /* No more than twice the need, so that a small result does not hold a big mapping. */
    if (block->mapped >= size && block->mapped / 2 <= size) {
      atomic_fetch_sub_explicit(&kept_bytes, block->mapped, memory_order_relaxed);
      return block;
    }
    struct block *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&kept[i], &none, block, memory_order_release,
                                                 memory_order_relaxed)) {
      atomic_fetch_sub_explicit(&kept_bytes, block->mapped, memory_order_relaxed);
      munmap(block, block->mapped);
    }
  }
  return NULL;
}

static void put(unsigned slot, struct block *block) {
  if (block != NULL) atomic_fetch_add_explicit(&kept_bytes, block->mapped, memory_order_relaxed);
  struct block *other = atomic_exchange_explicit(&kept[slot], block, memory_order_acq_rel);
  if (other == NULL) return;
  atomic_fetch_sub_explicit(&kept_bytes, other->mapped, memory_order_relaxed);
  munmap(other, other->mapped);
}

/* The newest sizes are the ones that are asked for next: a block takes the place of an older one. */
static bool keep(struct block *block) {
  size_t size = block->mapped;
  if (udfc_forked() || size > KEPT_BYTES) return false;
  unsigned slot = 0;
  while (slot < KEPT_BLOCKS && atomic_load_explicit(&kept[slot], memory_order_relaxed) != NULL) {
    slot++;
  }
  if (slot == KEPT_BLOCKS) {
    slot = atomic_fetch_add_explicit(&oldest, 1, memory_order_relaxed) % KEPT_BLOCKS;
  }
  for (unsigned i = 1; i < KEPT_BLOCKS; i++) {
    if (atomic_load_explicit(&kept_bytes, memory_order_relaxed) + size <= KEPT_BYTES) break;
    put((slot + i) % KEPT_BLOCKS, NULL);
  }
  put(slot, block);
  return true;
}

static struct block *map(size_t size) {
  size = (size + MIB - 1) / MIB * MIB;
  struct block *block = take(size);
  if (block != NULL) return block;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  /* Without huge pages a host that keeps its results pays the faults for each batch; advice only. */
  if (size >= HUGE_FROM) (void)madvise(memory, size, MADV_HUGEPAGE);
  block = memory;
  block->mapped = size;
  return block;
}

void *udfc_block_alloc(size_t size) {
  if (size > PTRDIFF_MAX - HEADER - MIB) return NULL;
  size += HEADER;
  struct block *block;
  if (size >= MAPPED_FROM) {
    block = map(size);
  } else {
    block = aligned_alloc(HEADER, (size + HEADER - 1) / HEADER * HEADER);
    if (block != NULL) block->mapped = 0;
  }
  if (block != NULL) atomic_init(&block->references, 1);
  return block;
}

void udfc_block_release(void *memory) {
  struct block *block = memory;
  if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
  if (block->mapped == 0) {
    udfc_free(block);
  } else if (!keep(block)) {
    munmap(block, block->mapped);
  }
}

/* Children and dictionary that the host moved away are marked released, and hold references
 * of their own. The pointers of this struct lie in the block: they are read before it goes. */
void udfc_array_release(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = array->children[i];
    if (child != NULL && child->release != NULL) child->release(child);
  }
  struct ArrowArray *dictionary = array->dictionary;
  if (dictionary != NULL && dictionary->release != NULL) dictionary->release(dictionary);
  void *block = array->private_data;
  array->release = NULL;
  udfc_block_release(block);
}

void udfc_schema_release(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    struct ArrowSchema *child = schema->children[i];
    if (child != NULL && child->release != NULL) child->release(child);
  }
  struct ArrowSchema *dictionary = schema->dictionary;
  if (dictionary != NULL && dictionary->release != NULL) dictionary->release(dictionary);
  void *block = schema->private_data;
  schema->release = NULL;
  udfc_block_release(block);
}

void udfrunner_chunk_release(udfrunner_chunk *chunk) {
  if (chunk == NULL) return;
  void *block = chunk->private_data;
  memset(chunk, 0, sizeof *chunk);
  if (block != NULL) udfc_block_release(block);
}

void udfrunner_bytes_release(udfrunner_bytes *bytes) {
  if (bytes == NULL) return;
  void *block = bytes->private_data;
  memset(bytes, 0, sizeof *bytes);
  if (block != NULL) udfc_block_release(block);
}

void udfrunner_buffer_release(udfrunner_buffer *buffer) {
  if (buffer == NULL) return;
  void *block = buffer->private_data;
  memset(buffer, 0, sizeof *buffer);
  if (block != NULL) udfc_block_release(block);
}
